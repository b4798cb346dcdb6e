"""Lambda functions: their records, their execution environments, and how they are run."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ministack.core import lambda_runtime as _runtime
from ministack.services import lambda_svc as _lambda

from localcloud.ministack.replacing import replace, wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Config = dict[str, Any]
Function = dict[str, Any]

Worker = _runtime.Worker
"""One execution environment of a function in MiniStack's pool: a base class that has `_lock`, `_proc`, `_tmpdir`,
`_cold`, `in_use`, `code_zip`, `config`, and calls `_spawn` to warm up, `_discard_tmpdir` and `stop`."""


def functions() -> Mapping[str, Function]:
    """The functions of the account and region by name: config, code_zip, concurrency. Changes count."""
    found: Mapping[str, Function] = _lambda._functions
    return found


def find(name_or_arn: str) -> tuple[Any, Config | None, str]:
    """Record, configuration (of the version that is named) and name of a function, None where there is none."""
    found: tuple[Any, Config | None, str] = _lambda._get_func_record_for_ref(name_or_arn)
    return found


def name_of(name_or_arn: str) -> str:
    return str(_lambda._resolve_name(name_or_arn))


def policy_of(function_arn: str) -> Any:
    """The function's resource policy, None without one."""
    found = _lambda.function_policy_for_arn(function_arn)
    return found[0] if found else None


def layer_content(layer: Any) -> bytes | None:
    """The zip of a layer that a function names."""
    found: bytes | None = _lambda._resolve_layer_zip(layer)
    return found


def mapping(mapping_id: str) -> MutableMapping[str, Any]:
    """The event source mapping itself: what is changed in it counts."""
    found: MutableMapping[str, Any] = _lambda._esms[mapping_id]
    return found


def run_async(function: Any, config: Config, event: Any) -> None:
    """Run a function as an asynchronous invocation: failures are repeated, and go to its destination at last."""
    _lambda.invoke_async_with_retry(_lambda._execution_record_for_config(function, config), event)


def trace_id(config: Config) -> Any:
    """X-Ray's id of an invocation, None for a function that is not traced."""
    return _lambda._xray_trace_id_for_invocation(config)


def own_concurrency(function: Function, config: Config) -> int | None:
    """What a function reserves, None for nothing."""
    found: int | None = _lambda._reserved_concurrency(function, config)
    return found


def running() -> Mapping[Any, int]:
    """How many invocations run, by `running_key`."""
    return dict(list(_lambda._inflight.items()))


def running_key(config: Config) -> Any:
    return _lambda._inflight_key(config)


def acquire_worker(name: str, config: Config, code: bytes, qualifier: str) -> Any:
    """Lease an environment; the pool reaps those that are idle."""
    _lambda._ensure_reaper_thread()
    worker, _ = _runtime.acquire_worker(name, config, code, qualifier=qualifier)
    return worker


def release_worker(worker: Any) -> None:
    _runtime.release_worker(worker)


def kill_workers(workers: list[Any]) -> None:
    _runtime.kill_workers(workers)


def workers() -> list[Any]:
    """Every environment in the pool."""
    return [worker for pool in list(_runtime._workers.values()) for worker in pool]


def pool_lock() -> Any:
    """Held while the pool is looked at or changed."""
    return _runtime._lock


def wrap_kill_workers(make: Callable[[Callable[[list[Any]], None]], Callable[[list[Any]], None]]) -> None:
    """Around ending the environments of a function that is changed or deleted, or is idle."""
    wrap(_runtime, "kill_workers", make)


def wrap_worker_class(make: Callable[[Callable[[Config], Any]], Callable[[Config], Any]]) -> None:
    """Around which class an environment of a function has: configuration -> class."""
    wrap(_runtime, "_worker_class_for", make)


def wrap_warm_execution(make: Make) -> None:
    """Around an invocation in an environment: (function, event, request id) -> {body, error, log}."""
    wrap(_lambda, "_execute_function_warm", make)


def wrap_execution(make: Make) -> None:
    """Around an invocation of whatever kind: (function, event) -> {body, error, log}."""
    wrap(_lambda, "_execute_function", make)


def wrap_log(make: Make) -> None:
    """Around writing the log of an invocation: (function, ...)."""
    wrap(_lambda, "_emit_lambda_logs", make)


_emit_metrics = _lambda._emit_lambda_metrics


def count_invocation(name: str, milliseconds: float, *, failed: bool) -> None:
    """One more in the metrics of a function, whatever `wrap_metrics` makes of MiniStack's own counting."""
    _emit_metrics(name, milliseconds, failed, False)


def wrap_metrics(make: Make) -> None:
    """Around MiniStack's own counting of an invocation: (name, milliseconds, is error, is throttled)."""
    wrap(_lambda, "_emit_lambda_metrics", make)


def wrap_slot(make: Make) -> None:
    """Around the leave to run once more: (function, configuration) -> slot, or None and what is exhausted."""
    wrap(_lambda, "_acquire_execution_slot", make)


def wrap_async_failure(make: Make) -> None:
    """Around what becomes of an event whose retries are exhausted: (target, function name, event, result)."""
    wrap(_lambda, "_route_async_failure", make)


def wrap_queue_batch(make: Make) -> None:
    """Around handing a batch of a queue to a function: (mapping, function, event, messages, queue URL)."""
    wrap(_lambda, "_run_sqs_batch", make)


def wrap_create_mapping(make: Make) -> None:
    """Around CreateEventSourceMapping: request -> answer."""
    wrap(_lambda, "_create_esm", make)


def wrap_account_settings(make: Make) -> None:
    """Around GetAccountSettings: () -> answer."""
    wrap(_lambda, "_get_account_settings", make)


def wrap_put_concurrency(make: Make) -> None:
    """Around PutFunctionConcurrency: (name, request) -> answer."""
    wrap(_lambda, "_put_function_concurrency", make)


def set_waits(*, first_retry: float, longest_retry: float, failed_mapping: float) -> None:
    """Seconds before an asynchronous invocation is repeated, at first and at most, and before a mapping goes on."""
    replace(_lambda, "_LAMBDA_ASYNC_RETRY_BASE_SECONDS", first_retry)
    replace(_lambda, "_LAMBDA_ASYNC_RETRY_MAX_SECONDS", longest_retry)
    replace(_lambda, "_ESM_BACKOFF_SECONDS", failed_mapping)
