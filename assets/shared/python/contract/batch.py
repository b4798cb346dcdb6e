"""A batch is a file of rows to predict: its id, its columns, and the columns that it comes back with."""

from __future__ import annotations

from contract.model import Contract
from contract.names import PREDICTION, PREDICTION_ERROR, PREDICTION_LABEL
from contract.reading import FileError, Layout, layout_of

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
    taken = [name for name in added_columns(contract) if name in layout.names]
    if taken:
        raise FileError(f"the header names {', '.join(taken)}, which a batch adds; rename or drop it")
    return layout


def added_columns(contract: Contract) -> tuple[str, ...]:
    """What follows the columns of the file. The last one is empty for a row that was predicted."""
    label = (PREDICTION_LABEL,) if contract.task == "binary" else ()
    return (PREDICTION, *label, PREDICTION_ERROR)
