"""Which of two versions is the newer one: that of the later upload, whichever was registered first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What the pipeline leaves with a version of the upload that it was made of.
UPLOADED_AT, SEQUENCER = "uploaded_at", "upload_sequencer"
# S3 compares sequencers of unequal length as if the shorter one ended in zeros.
_DIGITS = 64


@dataclass(frozen=True, order=True)
class Order:
    """Sorts versions of one model: the greater one is the newer.

    S3 tells whole seconds; within one its sequencer decides, and of the same upload the number that the registry gave.
    """

    uploaded: datetime
    sequencer: str
    number: int

    @classmethod
    def of(cls, metadata: Mapping[str, str], *, created: datetime, number: int) -> Order:
        """A version that does not say when its file was uploaded counts from its registration, `created`."""
        uploaded = _moment(metadata.get(UPLOADED_AT, "")) or created
        # A version is registered after its upload, by whichever clock.
        return cls(min(uploaded, created), metadata.get(SEQUENCER, "").upper().ljust(_DIGITS, "0"), number)


def order_of(package: Mapping[str, Any]) -> Order:
    """Of a model package as SageMaker describes it."""
    metadata = package.get("CustomerMetadataProperties", {})
    return Order.of(metadata, created=package["CreationTime"], number=int(package["ModelPackageVersion"]))


def _moment(text: str) -> datetime | None:
    """None for what is no time: a pipeline that somebody started by hand may say anything."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
