"""What the emulated services build on. Everything here may be called from any thread but the event loop's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.context import account, arn, endpoint, region, spawn, state_dir
from localcloud.errors import AccessDenied, OperationError
from localcloud.jsonservice import json_target_service
from localcloud.logs import put_log
from localcloud.ministack import events
from localcloud.roles import check_role, client, role_credentials, role_session

__all__ = [
    "AccessDenied",
    "OperationError",
    "account",
    "arn",
    "check_role",
    "client",
    "emit",
    "endpoint",
    "json_target_service",
    "put_log",
    "region",
    "role_credentials",
    "role_session",
    "spawn",
    "state_dir",
]


def emit(source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
    """Put an event of an AWS service ("aws.sagemaker") on the default bus of the current account and region."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": list(resources),
    }
    events.put(entry)
