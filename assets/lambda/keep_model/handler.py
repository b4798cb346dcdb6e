"""Keep the artifact of a model that passed the gate: by its digest, where nobody writes over it."""

from __future__ import annotations

import os
from tempfile import TemporaryFile
from typing import IO

import boto3
from botocore.exceptions import ClientError

from tracking import lines
from tracking.artifacts import Artifact, ChangedArtifactError, digest_of

log = lines.logger("keep_model")
BUCKET = os.environ["ARTIFACT_BUCKET"]
s3 = boto3.client("s3")


@lines.invocation(log)
def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """A step of the pipeline. `sha256`: of the archive that was evaluated; another one is a ChangedArtifactError."""
    lines.about(run_id=event["run_id"])
    trained = Artifact(event["artifact"])
    kept = {"Bucket": BUCKET, "Key": f"{event['model']}/models/{event['sha256']}/model.tar.gz"}
    with TemporaryFile() as file:
        found = digest_of(s3, trained.place, to=file)
        if found != event["sha256"]:
            raise ChangedArtifactError(
                f"{trained.uri} was exchanged after its evaluation: its SHA-256 is {found}, "
                f"evaluated was {event['sha256']}."
            )
        file.seek(0)
        version = keep(file, kept, event["sha256"])
    log.info("Model kept", extra={"model": event["model"], "key": kept["Key"], "sha256": found})
    return {"artifact": f"s3://{kept['Bucket']}/{kept['Key']}", "artifact_version": version}


def keep(file: IO[bytes], place: dict[str, str], sha256: str) -> str:
    """The version of the object, which an earlier attempt or the same model of another run may have written.

    The bucket refuses a write here that does not ask for a key without an object.
    """
    try:
        return str(s3.put_object(**place, Body=file, ContentType="application/gzip", IfNoneMatch="*")["VersionId"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
    version: str = s3.head_object(**place)["VersionId"]
    found = digest_of(s3, {**place, "VersionId": version})
    if found != sha256:
        raise ChangedArtifactError(f"{place['Key']} was exchanged: its SHA-256 is {found}, and not that of its name.")
    return version
