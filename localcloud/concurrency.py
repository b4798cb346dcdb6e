"""Reserved concurrency: what an account may reserve, and what is left for functions that reserve nothing."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack import cloudformation, functions, scope

Properties = Mapping[str, Any]

# What an account has after some use; a new one may have 10.
LIMIT = "LOCALCLOUD_ACCOUNT_CONCURRENCY"
DEFAULT_LIMIT = 1000
# What stays unreserved, whatever is asked for.
UNRESERVED = 100


def install() -> None:
    functions.wrap_account_settings(_with_limits)
    functions.wrap_put_concurrency(_refusing)
    functions.wrap_slot(_sharing)
    cloudformation.before("AWS::Lambda::Function", _require)


def limit() -> int:
    return int(os.environ.get(LIMIT, DEFAULT_LIMIT))


def _reserved(*, but: str = "") -> int:
    return sum(int(function.get("concurrency") or 0) for name, function in functions.functions().items() if name != but)


def refusal(name: str, wanted: int) -> str:
    """Why a function may not reserve as many, "" when it may."""
    least = min(UNRESERVED, limit())
    if limit() - _reserved(but=name) - wanted >= least:
        return ""
    return (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        f"below its minimum value of [{least}]."
    )


def _with_limits(known: Callable[[], Any]) -> Callable[[], Any]:
    def get_account_settings() -> Any:
        status, headers, body = known()
        document = json.loads(body)
        document["AccountLimit"] |= {
            "ConcurrentExecutions": limit(),
            "UnreservedConcurrentExecutions": limit() - _reserved(),
        }
        return status, headers, json.dumps(document).encode()

    return get_account_settings


def _refusing(put: Callable[..., Any]) -> Callable[..., Any]:
    def put_function_concurrency(name: str, data: dict[str, Any]) -> Any:
        if reason := refusal(name, int(data.get("ReservedConcurrentExecutions", 0))):
            return scope.json_error("InvalidParameterValueException", reason)
        return put(name, data)

    return put_function_concurrency


def _require(physical_id: str, properties: Properties) -> None:
    name = physical_id or str(properties.get("FunctionName") or "")
    wanted = properties.get("ReservedConcurrentExecutions")
    if wanted is not None and (reason := refusal(name, int(wanted))):
        raise ValueError(reason)


def _sharing(acquire: Callable[..., Any]) -> Callable[..., Any]:
    """Functions that reserve nothing share what nobody reserved."""

    def acquire_slot(function: dict[str, Any], config: dict[str, Any]) -> Any:
        own = functions.own_concurrency(function, config)
        if own is None and _unreserved_running() >= limit() - _reserved():
            return None, "account"
        return acquire(function, config)

    return acquire_slot


def _unreserved_running() -> int:
    own = {
        functions.running_key(function["config"])
        for function in list(functions.functions().values())
        if function.get("concurrency") is not None
    }
    return sum(count for key, count in functions.running().items() if key not in own)
