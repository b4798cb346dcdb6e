"""One run of the job: which object version it reads, and where its data set goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


class Refused(Exception):  # noqa: N818 - what happens to a file, not a fault of the job
    """A data file that cannot be used. The text names the file, what is wrong in it, and what to do."""


# Glue shows the last line of the traceback as the run's error: without a module name it reads "Refused: ...".
Refused.__module__ = "builtins"


@dataclass(frozen=True)
class Source:
    """An object version. `version` is "" where the bucket keeps none.

    `uploaded_at` and `sequencer` say when it was uploaded, before or after others: "" where nobody told.
    """

    bucket: str
    key: str
    version: str
    etag: str
    size: int
    uploaded_at: str = ""
    sequencer: str = ""

    @property
    def file(self) -> str:
        return self.key.rsplit("/", 1)[-1]

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Run:
    model: str
    run_id: str
    source: Source

    @property
    def folder(self) -> str:
        """Key prefix of everything the run writes."""
        return f"{self.model}/run={self.run_id}/"

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> Run:
        """From the run properties of the workflow, all strings. Raises KeyError when one is missing."""
        version = properties["version"]
        source = Source(
            bucket=properties["bucket"],
            key=properties["key"],
            version="" if version == "null" else version,
            etag=properties["etag"],
            size=int(properties["size"]),
            uploaded_at=properties.get("uploaded_at", ""),
            sequencer=properties.get("sequencer", ""),
        )
        return cls(model=properties["model"], run_id=properties["run_id"], source=source)
