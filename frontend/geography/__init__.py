"""Land to draw a map on, from a file of the page itself: no tile server is asked."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

Ring = tuple[tuple[float, float], ...]
Box = tuple[float, float, float, float]

# Degrees beyond the bounds, so that land runs to the edge of a map that is wider than they are.
MARGIN = 12.0


@cache
def land(box: Box) -> tuple[Ring, ...]:
    """Outlines (longitude, latitude in degrees) that touch west, south, east, north; () where the file has none.

    The file holds the contiguous states of the US and their neighbours.
    """
    document = json.loads(Path(__file__).with_name("land.json").read_text())
    rings = (tuple((x, y) for x, y in ring) for ring in document["rings"])
    return tuple(ring for ring in rings if _touches(ring, box))


def _touches(ring: Ring, box: Box) -> bool:
    west, south, east, north = box[0] - MARGIN, box[1] - MARGIN, box[2] + MARGIN, box[3] + MARGIN
    longitudes, latitudes = [x for x, _ in ring], [y for _, y in ring]
    return min(longitudes) <= east and max(longitudes) >= west and min(latitudes) <= north and max(latitudes) >= south
