"""Golden rows: records whose predictions were kept when a version was evaluated, asked for once more."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from tracking.faults import is_unreadable
from tracking.remains import way_back
from verify_deployment.clients import runtime, s3
from verify_deployment.logic import Verdict, Version, compare

# Each may take a minute.
ATTEMPTS, PAUSE_SECONDS = 3, 2.0


def check_golden_rows(wanted: Version, endpoint: str, target: str = "") -> Verdict:
    """`target` names the version's artifact on a multi-model endpoint."""
    golden = read_golden(wanted)
    if golden is None:
        return Verdict("deployed", f"The endpoint serves it. It was not asked for golden rows: {_without(wanted)}")
    try:
        answered = ask(endpoint, golden["instances"], target)
    except ClientError as error:
        # What a multi-model endpoint says of an artifact that it cannot load.
        unloadable = bool(target) and error.response["Error"]["Code"] == "ValidationError"
        if error.response["Error"]["Code"] != "ModelError" and not unloadable:
            raise
        message = error.response["Error"]["Message"]
        if unloadable and is_unreadable(message):
            # It was copied there a moment ago: who loads it may not read it.
            return Verdict("blocked", f"The multi-model endpoint cannot read the model: {message}")
        return Verdict("failed", f"The model fails on golden rows: {message}")
    return compare(golden, answered)


def _without(version: Version) -> str:
    """Why there are none, and the way back."""
    if not version.records:
        return "none were kept with it."
    return f"golden.json is gone. A version that has them: {way_back(version.run_id)}"


def ask(endpoint: str, instances: Sequence[Mapping[str, Any]], target: str) -> list[float]:
    """Raises ClientError, a ModelError that may pass only after ATTEMPTS: a cold container may be late at first."""
    request = {
        "EndpointName": endpoint,
        "ContentType": "application/json",
        "Accept": "application/json",
        "Body": json.dumps({"instances": instances}).encode(),
        **({"TargetModel": target} if target else {}),
    }
    for _ in range(ATTEMPTS - 1):
        try:
            return values_of(runtime.invoke_endpoint(**request))
        except runtime.exceptions.ModelError as error:
            # 0: there was no answer in time.
            if 400 <= error.response.get("OriginalStatusCode", 0) < 500:
                raise
        time.sleep(PAUSE_SECONDS)
    return values_of(runtime.invoke_endpoint(**request))


def values_of(answer: Mapping[str, Any]) -> list[float]:
    return [float(prediction["value"]) for prediction in json.loads(answer["Body"].read())["predictions"]]


def read_golden(version: Version) -> dict[str, Any] | None:
    """None for a version that was evaluated before golden rows were kept, or whose golden rows somebody deleted."""
    bucket, _, evaluation = version.evaluation_uri.removeprefix("s3://").partition("/")
    try:
        body = s3.get_object(Bucket=bucket, Key=f"{evaluation.rpartition('/')[0]}/golden.json")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    golden: dict[str, Any] = json.loads(body)
    return golden
