"""Durations as pipelines write them: "P30D", "30d", "T16m", "30dT5h"."""

import re

_DURATION = re.compile(
    r"P?(?:(?P<y>\d+)Y)?(?:(?P<mo>\d+)M)?(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?)?",
    re.IGNORECASE,
)
_DAY = 86_400.0
_SECONDS = {"y": 365 * _DAY, "mo": 30 * _DAY, "w": 7 * _DAY, "d": _DAY, "h": 3_600.0, "m": 60.0}


def seconds(text: str) -> float:
    """Length in seconds. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    parts = {unit: int(value) for unit, value in match.groupdict().items() if value} if match else {}
    if not parts:
        raise ValueError(f"'{text}' is not a duration such as P30D, T16m or 30dT5h")
    return sum(_SECONDS[unit] * count for unit, count in parts.items())
