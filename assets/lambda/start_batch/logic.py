"""What a file to predict becomes: its names, the checks of its beginning, and the requests of its transform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from contract import (
    BATCH_PREFIX,
    HEAD_BYTES,
    MAX_BATCH_BYTES,
    Contract,
    FileError,
    batch_folder,
    batch_id,
    batch_layout,
    other_columns,
)
from contract.reading import PARQUET, ColumnsError, Layout
from start_batch.versions import Chosen, Package, Refused

# SageMaker's limit of one environment value.
MAX_COLUMNS_TEXT = 10_240
# The product of requests at once and their size may be 100 MB at most. A request of 6 MB is some 60,000 rows, which
# take seconds, and holds the longest record that is read: a million characters, of four bytes at most.
PAYLOAD_MB = 6
PARALLEL = 2
# No header within a request; and as this is not plain text/csv, the toolkit leaves the decoding to the model.
CONTENT_TYPE = "text/csv; header=absent"
# A table that cannot be cut goes in one request, which is never larger.
WHOLE_MB = 100
WHOLE_TYPE = "application/x-parquet"


class MalformedEventError(Exception):
    """A message that is not an `Object Created` event of a versioned bucket."""


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
        """Of what the job reads, Parquet too: the answer is CSV, and is named after it."""
        return f"{self.folder}/input/rows.csv"

    @property
    def lines_key(self) -> str:
        """Where the rows stand in the uploaded file, when they do not stand in the order of its lines."""
        return f"{self.folder}/input/lines.gz"

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "id": self.id, "job": self.job, **asdict(self.upload)}

    def job_request(
        self, model_name: str, layout: Layout | None, *, instance: str, version: int, key: str | None = None
    ) -> dict[str, Any]:
        """CreateTransformJob. The model joins its answers to the rows itself: SageMaker cannot join a header.

        `layout`: None for a Parquet file. `key`: ARN of a KMS key for the volume and the output.
        """
        source = f"s3://{self.bucket}/{self.input_key}"
        whole = layout is None
        return {
            "TransformJobName": self.job,
            "ModelName": model_name,
            "BatchStrategy": "SingleRecord" if whole else "MultiRecord",
            "MaxConcurrentTransforms": 1 if whole else PARALLEL,
            "MaxPayloadInMB": WHOLE_MB if whole else PAYLOAD_MB,
            "Environment": environment_of(layout),
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
                "ContentType": WHOLE_TYPE if whole else CONTENT_TYPE,
                "SplitType": "None" if whole else "Line",
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


def environment_of(layout: Layout | None) -> dict[str, str]:
    """What tells the model that it is asked for a batch, and how the file is written."""
    if layout is None:
        return {"BATCH_FORMAT": "{}"}
    written = {"delimiter": layout.delimiter, "decimal": layout.decimal, "encoding": layout.encoding}
    return {"BATCH_COLUMNS": json.dumps(layout.names), "BATCH_FORMAT": json.dumps(written)}


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


def layout_in(contract: Contract, head: bytes, *, size: int) -> Layout | None:
    """How a file of `size` bytes is written, by its first HEAD_BYTES; None for a Parquet file. Raises Refused."""
    if head.startswith(PARQUET):
        if size > WHOLE_MB << 20:
            raise Refused(
                f"the Parquet file has {size:,} bytes, a batch takes at most {WHOLE_MB << 20:,} of them; "
                "split it, or write it as CSV, which may be packed with gzip"
            )
        return None
    try:
        layout = batch_layout(contract, head, complete=size <= HEAD_BYTES)
    except FileError as error:
        raise Refused(str(error)) from error
    if len(json.dumps(layout.names)) > MAX_COLUMNS_TEXT:
        count = len(layout.names)
        raise Refused(f"the names of its {count} columns are too long together; keep the columns of the model")
    return layout


def layout_for(chosen: Chosen, deployed: Contract, head: bytes, *, size: int) -> Layout | None:
    """The same by the contract of a version. Raises Refused, which names the version where the columns are others."""
    try:
        return layout_in(chosen.contract, head, size=size)
    except Refused as error:
        if not isinstance(error.__cause__, ColumnsError):
            raise
        raise Refused(
            other_columns(
                chosen.contract.name,
                chosen.package.version,
                str(error),
                deployed_reads_it=_reads(deployed, head, size),
            )
        ) from error


def _reads(contract: Contract, head: bytes, size: int) -> bool:
    try:
        layout_in(contract, head, size=size)
    except Refused:
        return False
    return True


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
