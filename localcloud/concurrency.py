"""Reserved concurrency: what an account may reserve, and what is left for functions that reserve nothing."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

HOOKS = (
    ("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("ministack.services.lambda_svc", "_acquire_execution_slot"),
    ("ministack.services.lambda_svc", "_functions"),
    ("ministack.services.lambda_svc", "_get_account_settings"),
    ("ministack.services.lambda_svc", "_inflight"),
    ("ministack.services.lambda_svc", "_inflight_key"),
    ("ministack.services.lambda_svc", "_put_function_concurrency"),
    ("ministack.services.lambda_svc", "_reserved_concurrency"),
    ("ministack.services.lambda_svc", "error_response_json"),
)

Properties = Mapping[str, Any]

# What an account has after some use; a new one may have 10.
LIMIT = "LOCALCLOUD_ACCOUNT_CONCURRENCY"
DEFAULT_LIMIT = 1000
# What stays unreserved, whatever is asked for.
UNRESERVED = 100


def install() -> None:
    _install_settings()
    _install_refusals()
    lambda_svc._acquire_execution_slot = _sharing(lambda_svc._acquire_execution_slot)


def limit() -> int:
    return int(os.environ.get(LIMIT, DEFAULT_LIMIT))


def _reserved(*, but: str = "") -> int:
    return sum(int(function.get("concurrency") or 0) for name, function in lambda_svc._functions.items() if name != but)


def refusal(name: str, wanted: int) -> str:
    """Why a function may not reserve as many, "" when it may."""
    least = min(UNRESERVED, limit())
    if limit() - _reserved(but=name) - wanted >= least:
        return ""
    return (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        f"below its minimum value of [{least}]."
    )


def _install_settings() -> None:
    known = lambda_svc._get_account_settings

    def get_account_settings() -> Any:
        status, headers, body = known()
        document = json.loads(body)
        document["AccountLimit"] |= {
            "ConcurrentExecutions": limit(),
            "UnreservedConcurrentExecutions": limit() - _reserved(),
        }
        return status, headers, json.dumps(document).encode()

    lambda_svc._get_account_settings = get_account_settings


def _install_refusals() -> None:
    put = lambda_svc._put_function_concurrency

    def put_function_concurrency(name: str, data: dict[str, Any]) -> Any:
        if reason := refusal(name, int(data.get("ReservedConcurrentExecutions", 0))):
            return lambda_svc.error_response_json("InvalidParameterValueException", reason, 400)
        return put(name, data)

    lambda_svc._put_function_concurrency = put_function_concurrency
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handlers["create"], handlers["update"]

    def checked_create(logical_id: str, properties: Properties, stack: str) -> Any:
        _require(str(properties.get("FunctionName") or ""), properties)
        return create(logical_id, properties, stack)

    def checked_update(physical_id: str, old: Properties, new: Properties, *more: Any) -> Any:
        _require(physical_id, new)
        return update(physical_id, old, new, *more)

    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"] = {
        **handlers,
        "create": checked_create,
        "update": checked_update,
    }


def _require(name: str, properties: Properties) -> None:
    wanted = properties.get("ReservedConcurrentExecutions")
    if wanted is not None and (reason := refusal(name, int(wanted))):
        raise ValueError(reason)


def _sharing(acquire: Callable[..., Any]) -> Callable[..., Any]:
    """Functions that reserve nothing share what nobody reserved."""

    def acquire_slot(function: dict[str, Any], config: dict[str, Any]) -> Any:
        own = lambda_svc._reserved_concurrency(function, config)
        if own is None and _unreserved_running() >= limit() - _reserved():
            return None, "account"
        return acquire(function, config)

    return acquire_slot


def _unreserved_running() -> int:
    own = {
        lambda_svc._inflight_key(function["config"])
        for function in list(lambda_svc._functions.values())
        if function.get("concurrency") is not None
    }
    return sum(count for key, count in list(lambda_svc._inflight.items()) if key not in own)
