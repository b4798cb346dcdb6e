"""Lambda functions: run in a clean interpreter, as their role, with their log and metrics."""

import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from localcloud import lambda_grants, lambda_logs
from localcloud.errors import AccessDenied, OperationError
from localcloud.events import clock
from localcloud.lambda_environment import Environment, kill_group

HOOKS = (
    ("ministack.core.lambda_runtime", "_lock"),
    ("ministack.core.lambda_runtime", "_worker_class_for"),
    ("ministack.core.lambda_runtime", "_workers"),
    ("ministack.core.lambda_runtime", "acquire_worker"),
    ("ministack.core.lambda_runtime", "kill_workers"),
    ("ministack.core.lambda_runtime", "release_worker"),
    ("ministack.services.lambda_svc", "_emit_lambda_logs"),
    ("ministack.services.lambda_svc", "_emit_lambda_metrics"),
    ("ministack.services.lambda_svc", "_ensure_reaper_thread"),
    ("ministack.services.lambda_svc", "_execute_function_warm"),
    ("ministack.services.lambda_svc", "_xray_trace_id_for_invocation"),
)

Config = dict[str, Any]
Result = dict[str, Any]


def use_interpreter(python: Path) -> None:
    """The Python that functions run in: it has the Lambda runtime's packages and nothing else."""
    Environment.interpreter = python


def install() -> None:
    _install_execution()
    lambda_runtime.kill_workers = _killing_the_idle(lambda_runtime.kill_workers)
    lambda_grants.install()


def shut_down() -> None:
    """Kill every environment."""
    for worker in [*itertools.chain.from_iterable(list(lambda_runtime._workers.values())), *_leaving]:
        if worker._proc is not None:
            kill_group(worker._proc)


# Environments that still run an invocation of a function that was changed or deleted meanwhile.
_leaving: set[Environment] = set()


def _killing_the_idle(kill: Callable[[list[Any]], None]) -> Callable[[list[Any]], None]:
    """MiniStack kills the environments of a function that changes; an invocation that runs ends first, as on AWS."""

    def kill_workers(workers: list[Any]) -> None:
        with lambda_runtime._lock:
            _leaving.update(worker for worker in workers if isinstance(worker, Environment) and worker.in_use)
        kill([worker for worker in workers if worker not in _leaving])

    return kill_workers


def _release(worker: Environment) -> None:
    lambda_runtime.release_worker(worker)
    if worker in _leaving:
        _leaving.remove(worker)
        lambda_runtime.kill_workers([worker])


def is_python(config: Config) -> bool:
    return config.get("PackageType", "Zip") == "Zip" and str(config.get("Runtime", "")).startswith("python")


def _install_execution() -> None:
    other_class, other_execute = lambda_runtime._worker_class_for, lambda_svc._execute_function_warm
    other_logs, emit_metrics = lambda_svc._emit_lambda_logs, lambda_svc._emit_lambda_metrics

    def execute(func: Config, event: Any, request_id: str) -> Result:
        config = func.get("config") or func
        if not is_python(config):
            return dict(other_execute(func, event, request_id))
        return _execute(func, event, request_id, emit_metrics)

    def emit_logs(func: Config, *args: Any, **options: Any) -> None:
        if not is_python(func.get("config") or func):
            other_logs(func, *args, **options)

    def emit_other_metrics(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        # MiniStack counts direct invocations only; _execute counts each one.
        if throttle:
            emit_metrics(name, duration_ms, error, throttle)

    lambda_runtime._worker_class_for = lambda config: Environment if is_python(config) else other_class(config)
    lambda_svc._execute_function_warm = execute
    lambda_svc._emit_lambda_logs = emit_logs
    lambda_svc._emit_lambda_metrics = emit_other_metrics


def _execute(func: Config, event: Any, request_id: str, emit_metrics: Callable[..., None]) -> Result:
    """One invocation, in MiniStack's terms: {"body": result} or {"body": error payload, "error": True}."""
    config = func.get("config") or func
    name = config["FunctionName"]
    if not func.get("code_zip"):
        return _failed({"errorType": "Runtime.NoCode", "errorMessage": f"Function {name} has no code"}, "")
    lambda_svc._ensure_reaper_thread()
    with clock.invocation(config["FunctionArn"], event):
        return _run(func, config, event, request_id, emit_metrics)


def _run(func: Config, config: Config, event: Any, request_id: str, emit_metrics: Callable[..., None]) -> Result:
    name = config["FunctionName"]
    worker, _ = lambda_runtime.acquire_worker(
        name, config, func["code_zip"], qualifier=config.get("Version", "$LATEST")
    )
    started = time.time()
    try:
        trace_id = lambda_svc._xray_trace_id_for_invocation(config)
        outcome = worker.run(config, event, request_id=request_id, trace_id=trace_id)
        invocation = lambda_logs.Invocation(request_id, started, time.time() - started)
        lambda_logs.write(worker, invocation, outcome)
        if trace_id:
            lambda_grants.send_trace(config["Role"])
    except (AccessDenied, OperationError) as error:
        return _failed({"errorType": type(error).__name__, "errorMessage": str(error)}, str(error))
    finally:
        _release(worker)
    emit_metrics(name, invocation.seconds * 1000, outcome.error is not None, False)
    log = "\n".join(line for _, line in outcome.log)
    return _failed(outcome.error, log) if outcome.error is not None else {"body": outcome.result, "log": log}


def _failed(payload: Mapping[str, Any], log: str) -> Result:
    return {"body": dict(payload), "error": True, "function_error": "Unhandled", "log": log}
