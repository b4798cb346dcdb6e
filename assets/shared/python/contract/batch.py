"""A batch is a file of rows to predict: its id, its columns, and the columns that it comes back with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from contract.model import Contract
from contract.names import PREDICTION, PREDICTION_ERROR, PREDICTION_LABEL
from contract.reading import ColumnsError, FileError, Layout, layout_of

# Files below this prefix of the raw bucket are predicted, not learned from.
BATCH_PREFIX = "batch/"
# What a function can rewrite in its time, and S3 copy in one call. Of a packed file, what it holds.
MAX_BATCH_BYTES = 5 * 1024**3
# Fits behind the longest resource name in the 63 characters of a transform job's name.
_ID_LENGTH = 11


def batch_id(model: str, key: str, version_id: str) -> str:
    """Of one object version: the same upload is the same batch, however often its event is delivered."""
    from hashlib import sha256

    return sha256("\n".join((model, key, version_id)).encode()).hexdigest()[:_ID_LENGTH]


def batch_folder(model: str, identity: str) -> str:
    """Where the artifact bucket keeps a batch."""
    return f"{model}/batch/{identity}"


def batch_layout(contract: Contract, head: bytes, *, complete: bool | None = None) -> Layout:
    """How a file to predict is written, from its first HEAD_BYTES. The target need not be there. Raises FileError."""
    layout = layout_of(head, contract.rules_to_predict, complete=complete)
    check_added(contract, layout.names)
    return layout


def check_added(contract: Contract, names: Sequence[str]) -> None:
    """Raises FileError for a file that has a column which its answer would have twice."""
    taken = [name for name in added_columns(contract) if name in names]
    if taken:
        raise FileError(f"the header names {', '.join(taken)}, which a batch adds; rename or drop it")


@dataclass(frozen=True)
class FileRefusal:
    """Why a version predicts nothing of a file that only the version can open, in place of its answer.

    `names`: the columns of the file, where these are what is wrong.
    """

    reason: str
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: FileError) -> FileRefusal:
        return cls(str(error), error.names if isinstance(error, ColumnsError) else ())

    @property
    def text(self) -> str:
        return json.dumps({"refused": self.reason, "names": self.names}) + "\n"

    @classmethod
    def read(cls, line: str) -> FileRefusal | None:
        """From the first line of an answer; None where that is a header."""
        try:
            document = json.loads(line)
            return cls(document["refused"], tuple(document["names"]))
        except (KeyError, TypeError, ValueError):
            return None


def other_columns(model: str, version: int, reason: str, *, deployed_reads_it: bool) -> str:
    """Of a file without the columns of the version that would predict it. `reason`: what it lacks."""
    told = f"version {version} of {model}, which would predict it, reads other columns: {reason}"
    if not deployed_reads_it:
        return told
    return (
        f"{told}. The contract that is deployed reads it: train a version by that contract and approve it, then upload "
        "the file again; or write the columns of the version"
    )


def added_columns(contract: Contract) -> tuple[str, ...]:
    """What follows the columns of the file. The last one is empty for a row that was predicted."""
    label = (PREDICTION_LABEL,) if contract.rules.says_label else ()
    return (PREDICTION, *label, PREDICTION_ERROR)
