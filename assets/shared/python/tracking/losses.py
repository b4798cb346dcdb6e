"""How often an event had to be done without: what should have followed from it was started by a look."""

from __future__ import annotations

from typing import Any

from tracking.place import project_of

LOST_EVENTS = "LostEvents"


def count_lost(cloudwatch: Any, *, prefix: str, stage: str, number: int = 1) -> None:
    """An alarm watches the metric."""
    metric = {
        "MetricName": LOST_EVENTS,
        "Dimensions": [{"Name": "Stage", "Value": stage}],
        "Value": float(number),
        "Unit": "Count",
    }
    cloudwatch.put_metric_data(Namespace=f"{project_of(prefix, stage)}/{stage}", MetricData=[metric])
