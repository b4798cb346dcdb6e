"""Where a model answers: at an endpoint of its own, or behind the multi-model endpoint of the environment."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tracking.hosting import SHARED, Served, read_served
from tracking.place import resource_name

log = logging.getLogger("predict")

# How long a switch to another version may take to be seen. Both versions answer meanwhile.
SECONDS = 2.0
PREFIX = os.environ["RESOURCE_PREFIX"]
# Not set where no model shares an endpoint.
BUCKET = os.environ.get("SHARED_BUCKET")


def _client() -> Any:
    """None where no model shares an endpoint: boto3 is half of what a new function takes to start."""
    if not BUCKET:
        return None
    import boto3
    from botocore.config import Config

    # With the time that the model has, it stays within that of API Gateway.
    return boto3.client("s3", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 2}))


s3 = _client()
_known: dict[str, tuple[float, Served | None]] = {}


@dataclass(frozen=True)
class Address:
    """`target` is the artifact at a multi-model endpoint. `version` is None where the model itself says it."""

    endpoint: str
    target: str | None = None
    version: str | None = None


def address_of(model: str) -> Address:
    served = _served(model) if BUCKET else None
    if served is None:
        return Address(resource_name(PREFIX, model))
    return Address(resource_name(PREFIX, SHARED), target=served.target, version=str(served.version))


def _served(model: str) -> Served | None:
    """Raises ClientError and BotoCoreError of S3 for a model that was not asked for before."""
    read_at, served = _known.get(model, (float("-inf"), None))
    now = time.monotonic()
    if now - read_at > SECONDS:
        try:
            served = read_served(s3, str(BUCKET), model)
        except (ClientError, BotoCoreError):
            if model not in _known:
                raise
            log.warning("Address not read, the one before is used", exc_info=True, extra={"model": model})
        _known[model] = now, served
    return served
