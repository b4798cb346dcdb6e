"""The champion of a training run, put where the run's evaluation finds it: one prefix, written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tracking.artifacts import Artifact, artifact_of, is_gone
from tracking.remains import lost_records
from tracking.versions import newest_approved

VERSION = 1
LOST_RACE = ("PreconditionFailed", "ConditionalRequestConflict")


@dataclass(frozen=True)
class Champions:
    """Copies in the artifact bucket."""

    s3: Any
    sagemaker: Any
    bucket: str

    def place(self, folder: str, group: str) -> tuple[str, int | None]:
        """URI of the folder, and the champion's version (None without one).

        An event that comes twice finds what the first one wrote: the champion does not change under a running pipeline.
        """
        champion = self._record(f"{folder}/champion.json", self._newest(group))
        if champion and not champion.get("lost"):
            # The bytes that were registered, whatever stands in their place.
            self.s3.copy_object(
                Bucket=self.bucket,
                Key=f"{folder}/model.tar.gz",
                CopySource=_artifact(champion).pinned,
                TaggingDirective="REPLACE",
            )
        return f"s3://{self.bucket}/{folder}", champion["model_version"] if champion else None

    def _newest(self, group: str) -> dict[str, Any] | None:
        """With what is lost of it. Training goes on all the same: the evaluation knows what to make of that."""
        package = newest_approved(self.sagemaker, group)
        if package is None:
            return None
        champion = _champion(package)
        if is_gone(self.s3, _artifact(champion)):
            champion["lost"] = True
        if records := lost_records(self.s3, package.get("CustomerMetadataProperties", {})):
            champion["lost_records"] = list(records)
        return champion

    def _record(self, key: str, champion: dict[str, Any] | None) -> dict[str, Any] | None:
        """The champion in the record: the given one, or that of an earlier delivery."""
        body = json.dumps({"version": VERSION, "champion": champion}).encode()
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST_RACE:
                raise
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        found: dict[str, Any] | None = json.loads(body)["champion"]
        return found


def _artifact(champion: Mapping[str, Any]) -> Artifact:
    return Artifact(champion["model_data_url"], version=champion.get("artifact_version", ""))


def _champion(package: Mapping[str, Any]) -> dict[str, Any]:
    """The newest approved version as champion.json has it."""
    metadata = package.get("CustomerMetadataProperties", {})
    artifact = artifact_of(package)
    return {
        "model_version": package["ModelPackageVersion"],
        "model_package_arn": package["ModelPackageArn"],
        "run_id": metadata.get("run_id", ""),
        "contract_hash": metadata.get("contract_hash", ""),
        "model_data_url": artifact.uri,
        "artifact_version": artifact.version,
    }
