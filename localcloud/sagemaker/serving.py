"""The model server: a script of its own that loads a user's module and answers /ping and /invocations.

Behaves as AWS's framework containers do in script mode. The module named by SAGEMAKER_PROGRAM, in
SAGEMAKER_SUBMIT_DIRECTORY (default: model/code), has model_fn(model_dir) and either transform_fn(model, body,
content_type, accept) or input_fn(body, content_type), predict_fn(data, model) and output_fn(prediction, accept).

There are two servers, as in AWS's XGBoost container, and they differ in what becomes of an error:
- One model: gunicorn and Flask (sagemaker-containers). Every exception is 500 with Flask's page as its body, and its
  traceback is in the log. Code answers with another status by a flask.Response that output_fn or transform_fn returns.
- A container of many models (SAGEMAKER_MULTI_MODEL=true): the multi-model server (sagemaker-inference). Subclasses of
  sagemaker_inference.errors.BaseInferenceToolkitError choose their status, everything else is 500. The body is the
  exception's message, a line break and its traceback.
What code needs of flask and sagemaker_inference can be imported here.

It listens on loopback, where whoever uses this machine could ask it: requests name the key in LOCALCLOUD_SERVER_KEY.

Usage: serving.py MODEL_DIR PORT_FILE
"""

import hmac
import importlib
import inspect
import logging
import os
import socket
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

KEY_VARIABLE, KEY_HEADER = "LOCALCLOUD_SERVER_KEY", "X-Localcloud-Key"
TEXT_TYPES = ("application/json", "text/csv")
SINGLE_FUNCTIONS = ("input_fn", "predict_fn", "output_fn")
MULTI_MODEL = os.environ.get("SAGEMAKER_MULTI_MODEL") == "true"
FLASK_SITE = Path(__file__).with_name("flask_site")
# A page of HTML that tells no cause, as Flask's does.
FLASK_PAGE = b"<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"

logger = logging.getLogger("serving")


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


class ModelHandler:
    """The user's functions with the model that they loaded."""

    def __init__(self, module: ModuleType, model_dir: str) -> None:
        functions = {name: getattr(module, name, None) for name in ("model_fn", "transform_fn", *SINGLE_FUNCTIONS)}
        single = [name for name in SINGLE_FUNCTIONS if functions[name]]
        if functions["transform_fn"] and single:
            raise ValueError(f"Cannot use transform_fn together with {', '.join(single)}")
        needed = ("model_fn",) if functions["transform_fn"] else ("model_fn", *SINGLE_FUNCTIONS)
        if missing := [name for name in needed if not functions[name]]:
            raise NotImplementedError(f"Please provide an implementation of {', '.join(missing)}")
        self._functions: dict[str, Any] = functions
        self._model = self._call("model_fn", model_dir)

    def _call(self, name: str, *args: Any) -> Any:
        function = self._functions[name]
        # The toolkit passes its context to functions that take one argument more.
        extra = len(inspect.signature(function).parameters) - len(args)
        return function(*args, *[None] * extra)

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        # Flask puts U+FFFD where bytes are no UTF-8; the multi-model server fails on them.
        errors = "strict" if MULTI_MODEL else "replace"
        data: Any = body.decode(errors=errors) if content_type in TEXT_TYPES else body
        if self._functions["transform_fn"]:
            result = self._call("transform_fn", self._model, data, content_type, accept)
        else:
            prediction = self._call("predict_fn", self._call("input_fn", data, content_type), self._model)
            result = self._call("output_fn", prediction, accept)
        if hasattr(result, "get_data"):
            return Answer(result.status_code, result.mimetype, result.get_data())
        content, kind = result if isinstance(result, tuple) else (result, accept)
        return Answer(200, kind, content.encode() if isinstance(content, str) else bytes(content))


def failure(error: Exception, *, multi_model: bool) -> Answer:
    """The one place where exceptions become statuses: see the module's docstring."""
    if not multi_model:
        return Answer(500, "text/html", FLASK_PAGE)
    own = any(base.__name__ == "BaseInferenceToolkitError" for base in type(error).__mro__)
    status, message = (error.status_code, error.message) if own else (500, str(error))  # type: ignore[attr-defined]
    return Answer(status, "text/plain", f"{message}\n{traceback.format_exc()}".encode())


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment, and at once: otherwise each answer waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    model: ModelHandler
    key: str
    default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")

    def do_GET(self) -> None:
        if not self._admitted():
            return
        self._send(Answer(200 if self.path == "/ping" else 404, "text/plain", b""))

    def do_POST(self) -> None:
        if not self._admitted():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/invocations":
            self._send(Answer(404, "text/plain", b""))
            return
        accept = self.headers.get("Accept", "*/*")
        chosen = self.default_accept if accept in ("", "*/*") else accept
        self._send(self._answer(body, self.headers.get("Content-Type", "application/octet-stream"), chosen))

    def _admitted(self) -> bool:
        """Whether the local cloud itself asks; anybody else is answered here."""
        if hmac.compare_digest(self.headers.get(KEY_HEADER, "").encode(), self.key.encode()):
            return True
        self.close_connection = True
        self._send(Answer(403, "text/plain", b""))
        return False

    def _answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        try:
            return self.model.answer(body, content_type, accept)
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an answer
            answer = failure(error, multi_model=MULTI_MODEL)
            logger.log(logging.INFO if answer.status < 500 else logging.ERROR, "%s", traceback.format_exc())
            return answer

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged one by one."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    address_family = socket.AF_INET


def load_module(model_dir: Path) -> ModuleType:
    program = os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        raise SystemExit("SAGEMAKER_PROGRAM is not set: a model is served by a script of its own (script mode)")
    if not MULTI_MODEL:
        sys.path.insert(0, str(FLASK_SITE))
    sys.path.insert(0, os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or str(model_dir / "code"))
    return importlib.import_module(program.removesuffix(".py"))


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
    model_dir, port_file = Path(sys.argv[1]), Path(sys.argv[2])
    # The user's code has no use for it.
    RequestHandler.key = os.environ.pop(KEY_VARIABLE)
    RequestHandler.model = ModelHandler(load_module(model_dir), str(model_dir))
    server = Server(("127.0.0.1", 0), RequestHandler)
    logger.info("Serving %s from %s", os.environ["SAGEMAKER_PROGRAM"], model_dir)
    ready = port_file.with_suffix(".tmp")
    ready.write_text(str(server.server_port))
    ready.rename(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
