"""What the REST API answers about runs, versions and the endpoint, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from frontend.answers import Json, Metric, time_of
from frontend.rundata import Books

# Where a run ends. The others are on their way.
FINAL = frozenset({"live", "refused", "failed", "rejected", "superseded", "waiting", "unchanged"})


@dataclass(frozen=True)
class Step:
    """`seconds` is None until the step ended; `log` holds its last lines when one run was asked for."""

    name: str
    status: str
    seconds: float | None
    reason: str
    log: tuple[str, ...]

    @classmethod
    def of(cls, document: Json) -> Step:
        seconds = document.get("seconds")
        return cls(
            name=str(document["name"]),
            status=str(document["status"]),
            seconds=None if seconds is None else float(seconds),
            reason=str(document.get("reason") or ""),
            log=tuple(map(str, document.get("log") or ())),
        )


@dataclass(frozen=True)
class Run:
    run_id: str
    state: str
    file: str
    started: datetime | None
    # When it came into a state that is not its last one.
    since: datetime | None
    reason: str
    model_version: int | None
    books: Books | None
    steps: tuple[Step, ...]
    evaluation: Json

    @classmethod
    def of(cls, document: Json) -> Run:
        version = document.get("model_version")
        return cls(
            run_id=str(document["run_id"]),
            state=str(document["state"]),
            file=str(document.get("file") or ""),
            started=time_of(document.get("started")),
            since=time_of(document.get("since")),
            reason=str(document.get("reason") or ""),
            model_version=None if version is None else int(version),
            books=Books.of(document["books"]) if document.get("books") else None,
            steps=tuple(Step.of(item) for item in document.get("steps") or ()),
            evaluation=dict(document.get("evaluation") or {}),
        )

    @property
    def final(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True)
class Version:
    number: int
    created: datetime | None
    approval: str
    deployment: str
    live: bool
    run_id: str
    metric: Metric | None
    gate_reason: str
    decided_by: str
    decision_reason: str
    deployment_reason: str
    # Of what it predicts; None where the API does not say.
    unit: str | None = None

    @classmethod
    def of(cls, document: Json) -> Version:
        return cls(
            number=int(document["version"]),
            created=time_of(document.get("created")),
            approval=str(document.get("approval") or ""),
            deployment=str(document.get("deployment") or ""),
            live=bool(document.get("live", False)),
            run_id=str(document.get("run_id") or ""),
            metric=Metric.of(document.get("metric")),
            gate_reason=str(document.get("gate_reason") or ""),
            decided_by=str(document.get("decided_by") or ""),
            decision_reason=str(document.get("decision_reason") or ""),
            deployment_reason=str(document.get("deployment_reason") or ""),
            unit=str(document["unit"]) if "unit" in document else None,
        )


def _address(text: object) -> str:
    """Of something that the browser fetches. Raises ValueError for a file of the page's server, or a script."""
    address = str(text)
    if not address.startswith(("https://", "http://")):
        raise ValueError("an address must begin with https://")
    return address


@dataclass(frozen=True)
class Plot:
    """A picture of the evaluation report; the address is signed and good for minutes."""

    name: str
    title: str
    url: str


@dataclass(frozen=True)
class VersionDetail:
    version: Version
    lineage: Mapping[str, str]
    metrics: Mapping[str, float]
    intervals: Mapping[str, Any]
    slices: tuple[Json, ...]
    plots: tuple[Plot, ...]
    report_url: str

    @classmethod
    def of(cls, document: Json) -> VersionDetail:
        return cls(
            version=Version.of(document),
            lineage={key: str(value) for key, value in (document.get("lineage") or {}).items()},
            metrics={key: float(value) for key, value in (document.get("metrics") or {}).items()},
            intervals=dict(document.get("interval") or {}),
            slices=tuple(document.get("slices") or ()),
            plots=tuple(Plot(str(p["name"]), str(p["title"]), _address(p["url"])) for p in document.get("plots") or ()),
            report_url=_address(document["report_url"]) if document.get("report_url") else "",
        )


@dataclass(frozen=True)
class Series:
    """One metric of the endpoint over time; `expected` is the usual range of the week before."""

    name: str
    unit: str
    statistic: str
    period_seconds: int
    points: tuple[tuple[datetime, float], ...]
    anomalies: frozenset[datetime]
    expected: tuple[float, float] | None

    @classmethod
    def of(cls, document: Json) -> Series:
        expected = document.get("expected")
        return cls(
            name=str(document["name"]),
            unit=str(document.get("unit") or ""),
            statistic=str(document.get("statistic") or ""),
            period_seconds=int(document.get("period_seconds") or 0),
            points=tuple((datetime.fromisoformat(time), float(value)) for time, value in document["points"]),
            anomalies=frozenset(map(datetime.fromisoformat, document.get("anomalies") or ())),
            expected=(float(expected["low"]), float(expected["high"])) if expected else None,
        )


@dataclass(frozen=True)
class Alarm:
    name: str
    state: str
    reason: str
    updated: datetime | None
    description: str

    @classmethod
    def of(cls, document: Json) -> Alarm:
        return cls(
            name=str(document["name"]),
            state=str(document["state"]),
            reason=str(document.get("reason") or ""),
            updated=time_of(document.get("updated")),
            description=str(document.get("description") or ""),
        )


@dataclass(frozen=True)
class Endpoint:
    """`state`: what the version is that answers."""

    name: str
    status: str
    state: str
    mode: str
    version: int | None
    updated: datetime | None

    @classmethod
    def of(cls, document: Json) -> Endpoint:
        version = document.get("version")
        return cls(
            name=str(document["name"]),
            status=str(document["status"]),
            state=str(document.get("state") or ""),
            mode=str(document.get("mode") or ""),
            version=None if version is None else int(version),
            updated=time_of(document.get("updated")),
        )


@dataclass(frozen=True)
class Monitoring:
    endpoint: Endpoint | None
    metrics: tuple[Series, ...]
    alarms: tuple[Alarm, ...]

    @classmethod
    def of(cls, document: Json) -> Monitoring:
        endpoint = document.get("endpoint")
        return cls(
            endpoint=Endpoint.of(endpoint) if endpoint else None,
            metrics=tuple(Series.of(item) for item in document.get("metrics") or ()),
            alarms=tuple(Alarm.of(item) for item in document.get("alarms") or ()),
        )
