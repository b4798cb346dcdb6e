"""The function's environment, read once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Sharing:
    """What the multi-model endpoint is made of."""

    bucket: str
    image: str
    code: str


@dataclass(frozen=True)
class Settings:
    """`sharing` is None where no model shares an endpoint. `verify_function` checks a version that an endpoint has.

    `late`: what an event did not bring by then, a check does.
    """

    resource_prefix: str
    stage: str
    model_role_arn: str
    serving_mode: str | None
    sharing: Sharing | None
    vpc_config: Mapping[str, Any]
    verify_function: str
    queue: str
    late: timedelta


def _sharing() -> Sharing | None:
    if "SHARED_CODE_URI" not in os.environ:
        return None
    return Sharing(
        bucket=os.environ["ARTIFACT_BUCKET"],
        image=os.environ["SHARED_IMAGE"],
        code=os.environ["SHARED_CODE_URI"],
    )


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    stage=os.environ["STAGE"],
    model_role_arn=os.environ["MODEL_ROLE_ARN"],
    serving_mode=os.environ.get("SERVING_MODE"),
    sharing=_sharing(),
    vpc_config=json.loads(os.environ.get("VPC_CONFIG", "{}")),
    verify_function=os.environ["VERIFY_FUNCTION"],
    queue=os.environ["DEPLOYMENT_QUEUE_URL"],
    late=timedelta(seconds=int(os.environ["LATE_SECONDS"])),
)
