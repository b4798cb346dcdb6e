"""How a transform job's file becomes requests, and their answers its output: one batch in memory at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.sagemaker.csvfilter import WHOLE, Filter, FilterError

Json = dict[str, Any]
MEGABYTE = 1 << 20
DEFAULT_PAYLOAD_MB = 6


class BatchError(Exception):
    """A file that cannot be transformed as the job asks; the message says why."""


@dataclass(frozen=True)
class Batch:
    """One request: its body, and the lines that it stands for when the file is split."""

    body: bytes
    lines: Sequence[bytes] = ()


@dataclass(frozen=True)
class Format:
    """What a transform job says of records, filters and joining."""

    split: bool
    single: bool
    assemble: bool
    limit: int
    """Bytes of a request; 0: no limit."""
    selected: Filter | None
    kept: Filter | None
    join: bool

    @classmethod
    def of(cls, record: Json) -> "Format":
        """Raises FilterError."""
        processing = record.get("DataProcessing", {})
        return cls(
            split=record["TransformInput"].get("SplitType", "None") == "Line",
            single=record.get("BatchStrategy", "MultiRecord") == "SingleRecord",
            assemble=record["TransformOutput"].get("AssembleWith", "None") == "Line",
            limit=record.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB) * MEGABYTE,
            selected=Filter.parse(processing.get("InputFilter", WHOLE)),
            kept=Filter.parse(processing.get("OutputFilter", WHOLE)),
            join=processing.get("JoinSource", "None") == "Input",
        )

    def batches(self, path: Path) -> Iterator[Batch]:
        """The whole file, each line, or as many lines as fit into a request."""
        if not self.split:
            self._check_size(path.stat().st_size, "the file", path)
            yield Batch(path.read_bytes())
            return
        lines: list[bytes] = []
        size = 0
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = raw.rstrip(b"\r\n")
                if not line:
                    continue
                self._check_size(len(line) + 1, f"line {number}", path)
                full = self.limit and size + len(line) + 1 > self.limit
                if lines and (self.single or full):
                    yield self._batch(lines)
                    lines, size = [], 0
                lines.append(line)
                size += len(line) + 1
        if lines:
            yield self._batch(lines)

    def _check_size(self, size: int, what: str, path: Path) -> None:
        if self.limit and size > self.limit:
            raise BatchError(
                f"{path.name}: {what} has {size} bytes, more than MaxPayloadInMB ({self.limit // MEGABYTE})"
            )

    def _batch(self, lines: list[bytes]) -> Batch:
        try:
            sent = self.selected.apply(lines) if self.selected else lines
        except FilterError as error:
            raise BatchError(f"InputFilter: {error}") from error
        return Batch(sent[0] if self.single else b"\n".join(sent) + b"\n", lines)

    def output(self, batch: Batch, answer: bytes) -> bytes:
        """The part of the output file that a batch's answer becomes."""
        if not self.join and self.kept is None:
            return answer.rstrip(b"\n") + b"\n" if self.assemble else answer
        rows = answer.rstrip(b"\n").split(b"\n")
        if self.join:
            if len(rows) != len(batch.lines):
                raise BatchError(
                    "Fail to join data: mismatched line count between the input and the output "
                    f"({len(batch.lines)} and {len(rows)})"
                )
            rows = [b"%b,%b" % (line, row.rstrip(b"\r")) for line, row in zip(batch.lines, rows, strict=True)]
        try:
            rows = self.kept.apply(rows) if self.kept else rows
        except FilterError as error:
            raise BatchError(f"OutputFilter: {error}") from error
        return b"\n".join(rows) + b"\n"
