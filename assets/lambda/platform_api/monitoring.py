"""GET /models/<model>/monitoring: the endpoint, its metrics with what is out of the ordinary, and its alarms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from contract import Contract
from platform_api.anomalies import Point, anomalies, expected
from platform_api.records import Records
from rest.handling import whole_number
from rest.limits import MAX_HOURS
from tracking.endpoint import Endpoint, read_endpoint
from tracking.versions import live_version

NAMESPACE = "AWS/SageMaker"
WEEK = timedelta(days=7)


class Metric(NamedTuple):
    name: str
    unit: str
    statistic: str


METRICS = (
    Metric("Invocations", "Count", "Sum"),
    Metric("ModelLatency", "Microseconds", "p90"),
    Metric("OverheadLatency", "Microseconds", "p90"),
    Metric("Invocation4XXErrors", "Count", "Sum"),
    Metric("Invocation5XXErrors", "Count", "Sum"),
)


def of(records: Records, contract: Contract, event: dict[str, Any], *, others: Collection[str]) -> dict[str, Any]:
    hours = whole_number(event, "hours", low=1, high=MAX_HOURS, default=24)
    endpoint = read_endpoint(records.place, contract.name)
    return {
        "endpoint": _endpoint(records, contract.name, endpoint) if endpoint else None,
        "metrics": _metrics(records.place.client("cloudwatch"), endpoint, hours) if endpoint else [],
        "alarms": _alarms(records, contract.name, endpoint, others),
    }


def _endpoint(records: Records, model: str, endpoint: Endpoint) -> dict[str, Any]:
    serving = live_version(records.place, model)
    return {
        "state": serving.deployment if serving else "",
        "name": endpoint.name,
        "status": endpoint.status,
        "mode": endpoint.mode,
        "version": endpoint.version,
        "config": endpoint.config,
        "updated": endpoint.updated.isoformat(),
    }


def _metrics(cloudwatch: Any, endpoint: Endpoint, hours: int) -> list[dict[str, Any]]:
    """At most 300 points of each; CloudWatch keeps points of a minute for 15 days, and these are longer."""
    end, period = datetime.now(UTC), 300 if hours <= 24 else 3600
    start = end - timedelta(hours=hours)
    series = _series(cloudwatch, endpoint, start=start - WEEK, end=end, period=period)
    return [_document(metric, points, start=start, end=end, period=period) for metric, points in series.items()]


def _series(
    cloudwatch: Any, endpoint: Endpoint, *, start: datetime, end: datetime, period: int
) -> dict[Metric, list[Point]]:
    dimensions = [
        {"Name": "EndpointName", "Value": endpoint.name},
        {"Name": "VariantName", "Value": endpoint.variant},
    ]
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": metric.name, "Dimensions": dimensions},
                "Period": period,
                "Stat": metric.statistic,
            },
        }
        for number, metric in enumerate(METRICS)
    ]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )
    found: dict[Metric, list[Point]] = {metric: [] for metric in METRICS}
    for page in pages:
        for result in page["MetricDataResults"]:
            values = zip(result["Timestamps"], result["Values"], strict=True)
            found[METRICS[int(result["Id"][1:])]] += [Point(time.timestamp(), value) for time, value in values]
    return found


def _document(
    metric: Metric, points: Sequence[Point], *, start: datetime, end: datetime, period: int
) -> dict[str, Any]:
    since, band = start.timestamp(), expected(points, at=end.timestamp())
    # The last period is not over: it has no place in a judgement.
    whole = [point for point in points if point.time + period <= end.timestamp()]
    odd = anomalies(whole, since=since)
    return {
        "name": metric.name,
        "unit": metric.unit,
        "statistic": metric.statistic,
        "period_seconds": period,
        "points": [[_iso(point.time), point.value] for point in points if point.time >= since],
        "anomalies": [_iso(point.time) for point in odd],
        **({"expected": {"low": band.low, "high": band.high}} if band else {}),
    }


def _alarms(records: Records, model: str, endpoint: Endpoint | None, others: Collection[str]) -> list[dict[str, Any]]:
    """Those of the model, and those of the endpoint where that is one that models share."""
    own = records.place.resource_name(model)
    names = [own] if endpoint is None or endpoint.name == own else [own, endpoint.name]
    return [_alarm(alarm) for name in names for alarm in _named(records, name, others)]


def _named(records: Records, name: str, others: Collection[str]) -> list[dict[str, Any]]:
    """Alarms that start with the name, and not with the longer name of another endpoint."""
    prefix = f"{name}-"
    longer = tuple(f"{other}-" for other in map(records.place.resource_name, others) if other.startswith(prefix))
    pages = records.place.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    return [alarm for alarm in alarms if not alarm["AlarmName"].startswith(longer)]


def _alarm(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": alarm["AlarmName"],
        "state": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        "updated": alarm["StateUpdatedTimestamp"].isoformat(),
        "description": alarm.get("AlarmDescription", ""),
    }


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()
