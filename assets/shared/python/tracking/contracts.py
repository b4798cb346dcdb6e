"""The contract of a version: it answers by that, whatever is deployed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracking.documents import Documents
from tracking.versions import ModelVersion


def contract_document(documents: Documents, version: ModelVersion) -> Mapping[str, Any] | None:
    """The document of the contract, as `contract.contract_of` takes it.

    None for a version that was registered by hand, or before contracts were kept: it names none.
    """
    found = documents.at(version.metadata.get("contract_uri", ""))
    return found["contract"] if found else None
