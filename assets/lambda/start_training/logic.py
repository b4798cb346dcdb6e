"""Which training an event asks for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_MODEL, _RUN_ID = r"[a-z][a-z0-9_]*", r"[0-9a-f]{16}"
# The rule matches on the suffix alone, which a raw file called manifest.json has too when it is copied below a run.
MANIFEST = re.compile(rf"(?P<model>{_MODEL})/run=(?P<run_id>{_RUN_ID})/manifest\.json")
ATTEMPT = re.compile(r"[A-Za-z0-9-]{1,40}")


class InvalidRequestError(Exception):
    """A "Training Requested" event that does not say what to train."""


@dataclass(frozen=True)
class Request:
    """`attempt` tells a wanted repetition from the same event delivered twice; "" is the one that a data set starts.

    `fresh`: nothing is taken from the cache of the pipeline's steps. `data_set` tells one data set of the run from
    another, which the job made after it.
    """

    model: str
    run_id: str
    attempt: str = ""
    fresh: bool = False
    data_set: str = ""

    def on(self, manifest: bytes) -> Request:
        """On the data set with this manifest. It starts one attempt of its own, whoever tells of it and how often."""
        digest = hashlib.sha256(manifest).hexdigest()[:16]
        return replace(self, attempt=self.attempt or digest, data_set=digest)

    @property
    def cache(self) -> str:
        """Steps take results from each other where this is the same: their arguments do not tell what files hold."""
        return self.attempt if self.fresh else self.data_set

    @property
    def folder(self) -> str:
        """Of the data set, in the processed bucket."""
        return f"{self.model}/run={self.run_id}"

    @property
    def champion_folder(self) -> str:
        """In the artifact bucket."""
        return f"{self.model}/champions/{self.run_id}-{self.attempt}"

    def token(self, pipeline: str) -> str:
        """The same token gives the same execution: the same request twice starts one.

        With the name of the pipeline: one file has the same run id in every environment.
        """
        return hashlib.sha256(f"{pipeline}\n{self.run_id}\n{self.attempt}".encode()).hexdigest()


def request_of(event: Mapping[str, Any]) -> Request | None:
    """None for an object that is no manifest of a data set. Raises InvalidRequestError."""
    detail = event["detail"]
    if event["detail-type"] == "Training Requested":
        return _requested(detail)
    match = MANIFEST.fullmatch(detail["object"]["key"])
    return Request(match["model"], match["run_id"]) if match else None


def _requested(detail: Mapping[str, Any]) -> Request:
    patterns = {"model": re.compile(_MODEL), "run_id": re.compile(_RUN_ID), "attempt": ATTEMPT}
    texts = {name: str(detail.get(name, "")) for name in patterns}
    wrong = [name for name, pattern in patterns.items() if not pattern.fullmatch(texts[name])]
    fresh = detail.get("fresh", False)
    wrong += [] if isinstance(fresh, bool) else ["fresh"]
    if wrong:
        raise InvalidRequestError(f"Training Requested: {', '.join(wrong)} is missing or malformed.")
    return Request(**texts, fresh=fresh)
