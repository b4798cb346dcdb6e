"""Runs inside a function's own interpreter: imports the handler, then answers one JSON line for each invocation.

Standard library only: it is started by path, so neither this package nor the host's is importable from here.
"""

import importlib
import json
import logging
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

# What separates lines of one log event, and what ends the log of one invocation, on the way to the host.
LINE_BREAK = "\x1f"
END_OF_LOG = "\x1e"

Handler = Callable[[Any, Any], Any]

STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id"}


class InitError(Exception):
    """The handler cannot be loaded; `kind` is the error type that Lambda reports."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Context:
    """The context object of an invocation."""

    identity = None
    client_context = None

    def __init__(self, invocation: Mapping[str, Any]) -> None:
        self.aws_request_id = invocation["request_id"]
        self.invoked_function_arn = invocation["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.monotonic() + invocation["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class JsonFormatter(logging.Formatter):
    """The runtime's own format of Python log records when the function's log format is JSON."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            entry["stackTrace"] = [line for entry in traceback.format_tb(trace) for line in entry.splitlines()]
            entry["errorType"] = kind.__name__
            entry["errorMessage"] = str(error)
            entry["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        entry["requestId"] = EventHandler.request_id
        entry |= {name: value for name, value in vars(record).items() if name not in STANDARD_FIELDS}
        return json.dumps(entry, default=str)


class EventHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Keeps a record of several lines together as one log event, and names the request."""

    request_id: str | None = None

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = EventHandler.request_id
        return super().format(record).replace("\n", LINE_BREAK)


def configure_logging() -> None:
    handler = EventHandler(sys.stderr)
    if os.environ["AWS_LAMBDA_LOG_FORMAT"] == "JSON":
        handler.setFormatter(JsonFormatter())
    else:
        text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        formatter = logging.Formatter(text, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    logging.root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL")
    if level:
        logging.root.setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))


def load_handler(name: str) -> Handler:
    module_name, _, function_name = name.rpartition(".")
    module_name = module_name.replace("/", ".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise InitError("Runtime.UserCodeSyntaxError", message) from error
    handler: Handler | None = getattr(module, function_name, None)
    if handler is None:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise InitError("Runtime.HandlerNotFound", message)
    return handler


def failure(error: Exception, request_id: str | None = None) -> dict[str, Any]:
    """The error as Lambda answers it; the log gets the same."""
    frames = traceback.format_tb(error.__traceback__)
    own = [frame for frame in frames if __file__ not in frame.splitlines()[0]]
    payload: dict[str, Any] = {"errorMessage": str(error), "errorType": getattr(error, "kind", type(error).__name__)}
    payload |= {"requestId": request_id} if request_id else {}
    payload["stackTrace"] = own
    if os.environ["AWS_LAMBDA_LOG_FORMAT"] == "JSON":
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"timestamp": now, "level": "ERROR", **payload})
    else:
        trace = "".join(["Traceback (most recent call last):\n", *own]) if own else ""
        line = f"[ERROR] {payload['errorType']}: {payload['errorMessage']}\n{trace}"
    sys.stderr.write(line.rstrip().replace("\n", LINE_BREAK) + "\n")
    return payload


def invoke(handler: Handler, message: Mapping[str, Any]) -> dict[str, Any]:
    invocation = message["invocation"]
    request_id = EventHandler.request_id = invocation["request_id"]
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    if invocation["trace_id"]:
        os.environ["_X_AMZN_TRACE_ID"] = invocation["trace_id"]
    try:
        result = handler(message["event"], Context(invocation))
    except Exception as error:  # noqa: BLE001 - whatever a function raises is its result
        return {"error": failure(error, request_id)}
    try:
        return {"result": json.loads(json.dumps(result))}
    except (TypeError, ValueError) as error:
        marshal = InitError("Runtime.MarshalError", f"Unable to marshal response: {error}")
        return {"error": failure(marshal, request_id)}


def end_log() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(2, f"{END_OF_LOG}\n".encode())


def main() -> None:
    # The protocol keeps the original pipes; whatever the function prints goes to its log.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def answer(content: Mapping[str, Any]) -> None:
        end_log()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory_mb = memory // (1024 * 1024 if sys.platform == "darwin" else 1024)
        answers.write(json.dumps({**content, "memory_mb": memory_mb}) + "\n")
        answers.flush()

    sys.path[:0] = json.loads(requests.readline())
    configure_logging()
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 - whatever a module raises is its result
        answer({"error": failure(error)})
        return
    answer({"ready": True})
    for line in requests:
        answer(invoke(handler, json.loads(line)))


if __name__ == "__main__":
    main()
