"""Golden rows: records whose predictions were kept when a version was evaluated, asked for once more."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from clients import runtime, s3
from logic import Verdict, Version, compare


def check_golden_rows(wanted: Version, endpoint: str, target: str = "") -> Verdict:
    """`target` names the version's artifact on a multi-model endpoint."""
    golden = read_golden(wanted)
    if golden is None:
        return Verdict("deployed", "The endpoint serves it; no golden rows were kept with this version.")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps({"instances": golden["instances"]}).encode(),
            **({"TargetModel": target} if target else {}),
        )
    except ClientError as error:
        # What a multi-model endpoint says of an artifact that it cannot load.
        unloadable = bool(target) and error.response["Error"]["Code"] == "ValidationError"
        if error.response["Error"]["Code"] != "ModelError" and not unloadable:
            raise
        return Verdict("failed", f"The model fails on golden rows: {error.response['Error']['Message']}")
    predictions = json.loads(answer["Body"].read())["predictions"]
    return compare(golden, [float(prediction["value"]) for prediction in predictions])


def read_golden(version: Version) -> dict[str, Any] | None:
    """None for a version that was evaluated before golden rows were kept."""
    bucket, _, evaluation = version.evaluation_uri.removeprefix("s3://").partition("/")
    try:
        body = s3.get_object(Bucket=bucket, Key=f"{evaluation.rpartition('/')[0]}/golden.json")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    golden: dict[str, Any] = json.loads(body)
    return golden
