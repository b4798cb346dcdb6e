"""What a warm function keeps of the records that it read: nothing that may still change."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from contract import Contract, ContractError, contract_of
from tracking.contracts import contract_document
from tracking.documents import Documents
from tracking.place import Place
from tracking.runs import RunReader
from tracking.versions import ModelVersion

LINK_SECONDS = 900

log = logging.getLogger("platform_api")


class Records:
    def __init__(self, place: Place) -> None:
        self.place = place
        self._documents = Documents(place)
        self._readers: dict[str, RunReader] = {}

    def runs(self, model: str) -> RunReader:
        return self._readers.setdefault(model, RunReader(self.place, model=model))

    def manifest(self, model: str, run_id: str) -> Mapping[str, Any] | None:
        """None while the run has no data set."""
        return self._documents.read(self.place.processed_bucket, f"{model}/run={run_id}/manifest.json")

    def evaluation(self, version: ModelVersion) -> Mapping[str, Any] | None:
        """None for a version that somebody registered without one."""
        return self._documents.at(version.metadata.get("evaluation_uri", ""))

    def contract(self, version: ModelVersion) -> Contract | None:
        """By which the version answers; None for one that has none kept, or one that this release cannot read."""
        document = contract_document(self._documents, version)
        try:
            return contract_of(document, f"version {version.number}") if document else None
        except ContractError:
            log.exception("Contract of a version not read", extra={"model_version": version.number})
            return None

    def lost_contract(self, version: ModelVersion) -> bool:
        """Whether the version had a contract of its own, and nothing is left of it."""
        return "contract_uri" in version.metadata and contract_document(self._documents, version) is None

    def link(self, version: ModelVersion, name: str) -> str:
        """A link, good for 15 minutes, to a file beside the evaluation."""
        bucket, _, key = version.metadata["evaluation_uri"].removeprefix("s3://").partition("/")
        return self.signed(bucket, f"{key.rpartition('/')[0]}/{name}")

    def signed(self, bucket: str, key: str, *, name: str = "") -> str:
        """A link, good for 15 minutes; a browser saves what it leads to under the name."""
        wanted = {"Bucket": bucket, "Key": key}
        if name:
            wanted["ResponseContentDisposition"] = f'attachment; filename="{name}"'
        url: str = self.place.client("s3").generate_presigned_url("get_object", Params=wanted, ExpiresIn=LINK_SECONDS)
        return url
