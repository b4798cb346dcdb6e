"""A data set on its way to an endpoint, and the steps that it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

# Where a run stands. "unchanged": training gave the champion once more.
FINAL = frozenset({"live", "refused", "failed", "rejected", "superseded", "waiting", "unchanged"})
# "queued": it waits for its turn, as there is no room to run more files at once.
STATES = ("uploaded", "queued", "etl", "training", "deploying", *sorted(FINAL))


@dataclass(frozen=True)
class Step:
    """One job or step of a run. `seconds` is None until it ended.

    It logs to `log_group`, and to whichever of `other_log_groups` there are: a job of Glue keeps its output apart.
    """

    name: str
    status: str
    seconds: float | None = None
    reason: str = ""
    log_group: str = ""
    log_stream: str = ""
    other_log_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One data set on its way to an endpoint."""

    run_id: str
    model: str
    state: str
    file: str
    started: datetime | None
    reason: str
    steps: tuple[Step, ...]
    manifest: Mapping[str, Any] | None
    evaluation: Mapping[str, Any] | None
    evaluation_uri: str
    model_version: int | None
    refused: Mapping[str, Any] | None = None
    """refused.json of a file that was not used."""
    uploaded: datetime | None = None
    place: int | None = None
    """In the queue of its model, from 1."""
    source: Mapping[str, Any] | None = None
    """The version of the uploaded object (bucket, key, version, etag, size); None when nothing says it any more."""
    since: datetime | None = None
    """When it came into a state that is not final; None where nothing tells it."""
    overdue: bool = False
    """It is in that state for longer than it takes: nothing follows by itself."""

    @property
    def counted(self) -> Mapping[str, Any] | None:
        """What says where the rows went, as far as they were read."""
        return self.manifest or self.refused

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def failed_step(self) -> Step | None:
        return next((s for s in self.steps if s.status in ("Failed", "FAILED", "TIMEOUT", "STOPPED", "Stopped")), None)

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        for name in ("started", "uploaded", "since"):
            moment = getattr(self, name)
            document[name] = moment.isoformat() if moment else None
        return document
