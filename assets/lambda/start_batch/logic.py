"""What a file to predict becomes: its names, the checks of its beginning, and the requests of its transform."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from contract import (
    BATCH_PREFIX,
    HEAD_BYTES,
    MAX_BATCH_BYTES,
    Contract,
    HeaderError,
    batch_columns,
    batch_folder,
    batch_id,
)

# SageMaker's limit of one environment value.
MAX_COLUMNS_TEXT = 10_240
# Their product may be 100 at most. A request of 4 MB is some 40,000 rows, which take seconds.
PAYLOAD_MB = 4
PARALLEL = 2
# No header within a request; and as this is not plain text/csv, the toolkit leaves the decoding to the model.
CONTENT_TYPE = "text/csv; header=absent"
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\s*[^\n]*\n?")


class MalformedEventError(Exception):
    """A message that is not an `Object Created` event of a versioned bucket."""


class Refused(Exception):  # noqa: N818 - the end of a batch, not an error of the function
    """A file that cannot be predicted. The text says why and what to do."""


@dataclass(frozen=True)
class Upload:
    """One version of one object below batch/<model>/ in the raw bucket. `size` is in bytes."""

    model: str
    bucket: str
    key: str
    version_id: str
    size: int

    @property
    def is_folder(self) -> bool:
        """Consoles create an empty object when a person makes a folder."""
        return self.key.endswith("/")


@dataclass(frozen=True)
class Package:
    """A version in the model registry. `environment` is what it sets in its container."""

    arn: str
    version: int
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Batch:
    """`resource` is the name of the model's pipeline and endpoint; `bucket` is where the batch has its folder."""

    upload: Upload
    resource: str
    bucket: str

    @property
    def id(self) -> str:
        return batch_id(self.upload.model, self.upload.key, self.upload.version_id)

    @property
    def job(self) -> str:
        return f"{self.resource}-{self.id}"

    @property
    def folder(self) -> str:
        return batch_folder(self.upload.model, self.id)

    @property
    def input_key(self) -> str:
        return f"{self.folder}/input/rows.csv"

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "id": self.id, "job": self.job, **asdict(self.upload)}

    def job_request(
        self, model_name: str, columns: Sequence[str], *, instance: str, version: int, key: str | None = None
    ) -> dict[str, Any]:
        """CreateTransformJob. The model joins its answers to the rows itself: SageMaker cannot join a header.

        `key`: ARN of a KMS key for the volume and the output.
        """
        source = f"s3://{self.bucket}/{self.input_key}"
        return {
            "TransformJobName": self.job,
            "ModelName": model_name,
            "BatchStrategy": "MultiRecord",
            "MaxConcurrentTransforms": PARALLEL,
            "MaxPayloadInMB": PAYLOAD_MB,
            "Environment": {"BATCH_COLUMNS": json.dumps(columns)},
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
                "ContentType": CONTENT_TYPE,
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{self.bucket}/{self.folder}/output",
                "Accept": "text/csv",
                "AssembleWith": "Line",
                **({"KmsKeyId": key} if key else {}),
            },
            "TransformResources": {
                "InstanceType": instance,
                "InstanceCount": 1,
                **({"VolumeKmsKeyId": key} if key else {}),
            },
            "Tags": tags(self.upload.model, version),
        }


def upload_of(body: str) -> Upload:
    """Read an SQS message that carries an EventBridge event. Keys in these events are not URL-encoded."""
    try:
        detail = json.loads(body)["detail"]
        item = detail["object"]
        return Upload(
            model=item["key"].removeprefix(BATCH_PREFIX).partition("/")[0],
            bucket=detail["bucket"]["name"],
            key=item["key"],
            version_id=item["version-id"],
            size=int(item.get("size", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEventError(f"Not an Object Created event of a versioned bucket: {error!r}") from error


def check_size(size: int) -> None:
    if size > MAX_BATCH_BYTES:
        raise Refused(f"the file has {size:,} bytes, a batch at most {MAX_BATCH_BYTES:,}; split it")


def columns_of(contract: Contract, head: bytes, *, size: int) -> tuple[str, ...]:
    """Columns of a file of `size` bytes by its first HEAD_BYTES. Only its first line has to be readable."""
    first = _FIRST_LINE.match(head)[0]
    if b"\r" in first.strip() and b"\n" not in first:
        raise Refused("its lines end in carriage returns alone; save the file with line feeds")
    try:
        columns = batch_columns(contract, first)
    except HeaderError as error:
        raise Refused(str(error)) from error
    if size <= HEAD_BYTES and not head[len(first) :].strip():
        raise Refused("there is a header and no row below it; upload a file with data")
    if len(json.dumps(columns)) > MAX_COLUMNS_TEXT:
        raise Refused(f"the names of its {len(columns)} columns are too long together; keep the columns of the model")
    return columns


def model_request(
    package: Package, *, model: str, resource: str, role_arn: str, vpc_config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """CreateModel for transforms: not the endpoint's, whose role may read no files and write no answers."""
    parts = [package.arn, role_arn, *([json.dumps(vpc_config, sort_keys=True)] if vpc_config else [])]
    identity = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:4]
    environment = {**package.environment, "MODEL_VERSION": str(package.version)}
    return {
        "ModelName": f"{resource}-b{package.version}-{identity}",
        "PrimaryContainer": {"ModelPackageName": package.arn, "Environment": environment},
        "ExecutionRoleArn": role_arn,
        "Tags": tags(model, package.version),
        **({"VpcConfig": vpc_config} if vpc_config else {}),
    }


def tags(model: str, version: int) -> list[dict[str, str]]:
    return [{"Key": "model", "Value": model}, {"Key": "model_version", "Value": str(version)}]
