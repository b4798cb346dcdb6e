"""Metrics that emulated services publish: gathered for a moment, then stored on the event loop, as MiniStack does."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from localcloud.context import account, region
from localcloud.ministack import cloudwatch, scope

GATHER_SECONDS = 0.1


class Sample(NamedTuple):
    metric: str
    value: float
    unit: str


class _Series(NamedTuple):
    account: str
    region: str
    namespace: str
    metric: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass
class _Gathered:
    """Values of about the same size: their number and sum. A busy endpoint must not fill the memory."""

    count: int = 0
    total: float = 0.0


@dataclass
class _Recorder:
    loop: asyncio.AbstractEventLoop
    lock: threading.Lock = field(default_factory=threading.Lock)
    gathered: dict[_Series, dict[str, _Gathered]] = field(default_factory=lambda: defaultdict(dict))
    scheduled: bool = False

    def add(self, series: _Series, value: float) -> None:
        """Call with the lock held. Two significant digits make a group, which keeps the sum of its values."""
        group = self.gathered[series].setdefault(f"{value:.1e}", _Gathered())
        group.count += 1
        group.total += value

    def flush(self) -> None:
        with self.lock:
            gathered, self.gathered = self.gathered, defaultdict(dict)
            self.scheduled = False
        for series, groups in gathered.items():
            with scope.acting_in(series.account, series.region):
                _store(series, groups)
        for place in {(series.account, series.region) for series in gathered}:
            with scope.acting_in(*place):
                cloudwatch.evaluate_alarms()


_recorders: list[_Recorder] = []


def _store(series: _Series, groups: Mapping[str, _Gathered]) -> None:
    dimensions = dict(series.dimensions)
    common = {"Unit": series.unit, "Dimensions": dimensions}
    points = [
        {"Timestamp": time.time(), **common, "Value": group.total / group.count, "Count": float(group.count)}
        for group in groups.values()
    ]
    cloudwatch.add_points(series.namespace, series.metric, dimensions, points)


def install() -> None:
    """Call it on the event loop that serves MiniStack."""
    _recorders[:] = [_Recorder(asyncio.get_running_loop())]


def record(namespace: str, samples: Sequence[Sample], dimensions: Mapping[str, str]) -> None:
    """Values of metrics in the current account and region; from any thread, without waiting."""
    (recorder,) = _recorders
    own = tuple(dimensions.items())
    with recorder.lock:
        for sample in samples:
            series = _Series(account(), region(), namespace, sample.metric, sample.unit, own)
            recorder.add(series, sample.value)
        first, recorder.scheduled = not recorder.scheduled, True
    if first:
        recorder.loop.call_soon_threadsafe(recorder.loop.call_later, GATHER_SECONDS, recorder.flush)
