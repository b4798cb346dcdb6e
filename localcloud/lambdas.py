"""Lambda functions: run in a clean interpreter, as their role, with their log and metrics."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud import lambda_grants, lambda_logs
from localcloud.errors import AccessDenied, OperationError
from localcloud.events import clock
from localcloud.lambda_environment import Environment, kill_group
from localcloud.ministack import functions

Config = dict[str, Any]
Result = dict[str, Any]


def use_interpreter(python: Path) -> None:
    """The Python that functions run in: it has the Lambda runtime's packages and nothing else."""
    Environment.interpreter = python


def install() -> None:
    _install_execution()
    functions.wrap_kill_workers(_killing_the_idle)
    lambda_grants.install()


def shut_down() -> None:
    """Kill every environment."""
    for worker in [*functions.workers(), *_leaving]:
        if worker._proc is not None:
            kill_group(worker._proc)


# Environments that still run an invocation of a function that was changed or deleted meanwhile.
_leaving: set[Environment] = set()


def _killing_the_idle(kill: Callable[[list[Any]], None]) -> Callable[[list[Any]], None]:
    """MiniStack kills the environments of a function that changes; an invocation that runs ends first, as on AWS."""

    def kill_workers(workers: list[Any]) -> None:
        with functions.pool_lock():
            _leaving.update(worker for worker in workers if isinstance(worker, Environment) and worker.in_use)
        kill([worker for worker in workers if worker not in _leaving])

    return kill_workers


def _release(worker: Environment) -> None:
    functions.release_worker(worker)
    if worker in _leaving:
        _leaving.remove(worker)
        functions.kill_workers([worker])


def is_python(config: Config) -> bool:
    return config.get("PackageType", "Zip") == "Zip" and str(config.get("Runtime", "")).startswith("python")


def _install_execution() -> None:
    functions.wrap_worker_class(
        lambda other_class: lambda config: Environment if is_python(config) else other_class(config)
    )
    functions.wrap_warm_execution(_executing)
    functions.wrap_log(_logging_others)
    functions.wrap_metrics(_counting_throttles)


def _executing(other_execute: Callable[..., Any]) -> Callable[..., Result]:
    def execute(func: Config, event: Any, request_id: str) -> Result:
        if not is_python(func.get("config") or func):
            return dict(other_execute(func, event, request_id))
        return _execute(func, event, request_id)

    return execute


def _logging_others(other_logs: Callable[..., None]) -> Callable[..., None]:
    def emit_logs(func: Config, *args: Any, **options: Any) -> None:
        if not is_python(func.get("config") or func):
            other_logs(func, *args, **options)

    return emit_logs


def _counting_throttles(count: Callable[..., None]) -> Callable[..., None]:
    """MiniStack counts direct invocations only; _execute counts each one."""

    def emit_metrics(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            count(name, duration_ms, error, throttle)

    return emit_metrics


def _execute(func: Config, event: Any, request_id: str) -> Result:
    """One invocation, in MiniStack's terms: {"body": result} or {"body": error payload, "error": True}."""
    config = func.get("config") or func
    name = config["FunctionName"]
    if not func.get("code_zip"):
        return _failed({"errorType": "Runtime.NoCode", "errorMessage": f"Function {name} has no code"}, "")
    with clock.invocation(config["FunctionArn"], event):
        return _run(func, config, event, request_id)


def _run(func: Config, config: Config, event: Any, request_id: str) -> Result:
    name = config["FunctionName"]
    worker = functions.acquire_worker(name, config, func["code_zip"], config.get("Version", "$LATEST"))
    started = time.time()
    try:
        trace_id = functions.trace_id(config)
        outcome = worker.run(config, event, request_id=request_id, trace_id=trace_id)
        invocation = lambda_logs.Invocation(request_id, started, time.time() - started)
        lambda_logs.write(worker, invocation, outcome)
        if trace_id:
            lambda_grants.send_trace(config["Role"])
    except (AccessDenied, OperationError) as error:
        return _failed({"errorType": type(error).__name__, "errorMessage": str(error)}, str(error))
    finally:
        _release(worker)
    functions.count_invocation(name, invocation.seconds * 1000, failed=outcome.error is not None)
    log = "\n".join(line for _, line in outcome.log)
    return _failed(outcome.error, log) if outcome.error is not None else {"body": outcome.result, "log": log}


def _failed(payload: Mapping[str, Any], log: str) -> Result:
    return {"body": dict(payload), "error": True, "function_error": "Unhandled", "log": log}
