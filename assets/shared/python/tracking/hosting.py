"""The multi-model endpoint of an environment: where its models lie, and which version of each answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import ClientError

# Stands for a model's name where the endpoint is named: no model may have it.
SHARED = "multi_model"
MODELS = "multi-model/models/"
LIVE = "multi-model/live/"


@dataclass(frozen=True)
class Served:
    """The version that a model of the endpoint answers from. `target` is its artifact's name below MODELS.

    `etag` is that of the record, "" for one that is not written yet.
    """

    package: str
    version: int
    target: str
    etag: str = field(default="", compare=False)


def target_of(model: str, version: int, artifact: str) -> str:
    """Names never come back with other content, not even in a registry that counts anew: instances keep what they have.

    `artifact` is the S3 URI that the version was registered with.
    """
    return f"{model}/{version}-{hashlib.sha256(artifact.encode()).hexdigest()[:8]}.tar.gz"


def read_served(s3: Any, bucket: str, model: str) -> Served | None:
    """None for a model that the endpoint does not serve."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=_key(model))
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return Served(**json.loads(answer["Body"].read()), etag=answer["ETag"])


def write_served(s3: Any, bucket: str, model: str, served: Served, before: Served | None) -> None:
    """From now on requests go to this version. Raises ClientError when somebody wrote since `before` was read."""
    unchanged = {"IfMatch": before.etag} if before else {"IfNoneMatch": "*"}
    document = {name: value for name, value in asdict(served).items() if name != "etag"}
    s3.put_object(Bucket=bucket, Key=_key(model), Body=json.dumps(document).encode(), **unchanged)


def forget_served(s3: Any, bucket: str, model: str) -> None:
    """The model has an endpoint of its own again."""
    s3.delete_object(Bucket=bucket, Key=_key(model))


def _key(model: str) -> str:
    return f"{LIVE}{model}.json"
