"""The server: routes, keys, and what goes wrong on demand."""

from __future__ import annotations

import json
import re
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from contract import MAX_INSTANCES, Contract, validate
from tests.fakeapi import documents
from tests.fakeapi.hostile import clean, poisoned

KEY = "key-of-the-tests-0123456789abcdefghij"
ROUTE = re.compile(
    r"/v1/models(?:/(?P<model>\w+)(?:/(?P<what>predictions|runs|versions|monitoring)"
    r"(?:/(?P<id>\w+)(?:/(?P<of>rejects|data))?)?)?)?"
)

# As many as the API names in one answer.
MOST_ERRORS = 100

Answer = tuple[int, dict[str, Any], dict[str, str]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class FakeApi:
    """Change a member, and the next request meets it.

    `answers` are given first, one a request; `refusals` are given to every request whose path holds their key.
    `words` stand behind every text of an answer.
    """

    url: str = ""
    live: bool = True
    notice: str = ""
    models: tuple[str, ...] = tuple(documents.CONTRACTS)
    run_state: str = "live"
    no_runs: bool = False
    most_rejects: int = 100
    quiet: bool = False
    down: bool = False
    delay: float = 0.0
    words: str = ""
    now: datetime = documents.NOW
    answers: list[Answer] = field(default_factory=list)
    refusals: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def fail(self, status: int, detail: str, *, times: int = 1, **headers: str) -> None:
        """The next requests are answered with this problem."""
        renamed = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [(status, problem(status, detail), renamed)] * times

    def answer(self, request: Request) -> Answer:
        if not self.words:
            return self._answer(request)
        path, body = clean(unquote(request.path), self.words), clean(request.body, self.words)
        status, document, headers = self._answer(replace(request, path=path, body=body))
        return status, poisoned(document, self.words), headers

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)
        for part, refusal in self.refusals.items():
            if part in request.path:
                return refusal
        if request.headers.get("x-api-key") != KEY:
            return _refuse(403, "Send a valid API key in the header x-api-key.")
        address = urlsplit(request.path)
        match = ROUTE.fullmatch(address.path)
        if match is None or (match["model"] and match["model"] not in self.models):
            return _refuse(404, "There is no such model or path.")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if match["model"] is None:
            found = [documents.summary(documents.CONTRACTS[name], live=self.live) for name in self.models]
            return 200, {"models": [{**summary, "notice": self.notice} for summary in found]}, {}
        model = documents.CONTRACTS[match["model"]]
        if match["what"] is None:
            return 200, documents.detail(model, live=self.live), {}
        routes: dict[str, Callable[[], Answer]] = {
            "predictions": lambda: self._predict(model, request, query),
            "runs": lambda: self._rows(match["of"], query) if match["of"] else self._runs(model, match["id"]),
            "versions": lambda: self._versions(model, match["id"]),
            "monitoring": lambda: self._monitoring(model, query),
        }
        return routes[match["what"]]()

    def _predict(self, model: Contract, request: Request, query: Mapping[str, str]) -> Answer:
        instances = request.body["instances"]
        explain = query.get("explain") == "true"
        most = 50 if explain else MAX_INSTANCES
        if not 1 <= len(instances) <= most:
            return _refuse(400, f"Send 1 to {most} instances.")
        errors = [
            {"instance": place, "field": error.field, "reason": error.reason}
            for place, record in enumerate(instances)
            for error in validate(model, record)
        ]
        if errors:
            return 400, problem(400, f"{len(errors)} invalid value(s)") | {"errors": errors[:MOST_ERRORS]}, {}
        if not self.live:
            return _refuse(
                503, f"no version of {model.name} is live; GET /models/{model.name} says why", **{"Retry-After": "30"}
            )
        predictions = [documents.prediction(model, record, explain=explain) for record in instances]
        origin = {"model": model.name, "model_version": "3", "run_id": "0123456789abcdef"}
        answer = {**origin, "request_id": "r-1", "predictions": predictions}
        return 200, answer, {}

    def _runs(self, model: Contract, run_id: str | None) -> Answer:
        newest = documents.run(model, state=self.run_state, log=run_id is not None)
        if run_id is not None:
            return (200, newest, {}) if run_id == newest["run_id"] else _refuse(404, "There is no such run.")
        return 200, {"runs": [] if self.no_runs else [newest]}, {}

    def _rows(self, of: str, query: Mapping[str, str]) -> Answer:
        if of == "rejects":
            found = documents.REJECTS[: self.most_rejects]
            after = found[-1]["line"] if len(found) < len(documents.REJECTS) else None
            return 200, {"rejects": found, "after": after}, {}
        return 200, documents.data(query["split"], base=self.url.removesuffix("/v1")), {}

    def _versions(self, model: Contract, number: str | None) -> Answer:
        if number is None:
            return 200, {"versions": documents.versions(model) if self.live else []}, {}
        found = documents.version(model, int(number), base=self.url.removesuffix("/v1"))
        return (200, found, {}) if found else _refuse(404, "There is no such version.")

    def _monitoring(self, model: Contract, query: Mapping[str, str]) -> Answer:
        if not self.live:
            return 200, {"endpoint": None, "metrics": [], "alarms": []}, {}
        hours = int(query.get("hours", "24"))
        return 200, documents.monitoring(model, hours=hours, now=self.now, quiet=self.quiet), {}


def problem(status: int, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": "Problem", "status": status, "detail": detail, "request_id": "r-1"}


def _refuse(status: int, detail: str, **headers: str) -> Answer:
    return status, problem(status, detail), headers


def _png() -> bytes:
    """A grey picture of 4 by 3 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 4, 3, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + b"\xc8" * 4 for _ in range(3))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: FakeApi

    def do_GET(self) -> None:
        if self.path.startswith("/plots/"):
            self._send(200, _png(), {"Content-Type": "image/png"})
        else:
            self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.api.delay:
            threading.Event().wait(self.api.delay)
        if self.api.down:
            self.close_connection = True
            return
        status, document, extra = self.api.answer(Request(self.command, self.path, headers, body))
        kind = "application/json" if status == 200 else "application/problem+json"
        self._send(status, json.dumps(document).encode(), {"Content-Type": kind, **extra})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet: pytest shows what a test needs."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that did not wait for its answer is no error here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(port: int = 0) -> Iterator[FakeApi]:
    """A fake API on a free port of loopback."""
    api = FakeApi()
    handler = type("Handler", (_Handler,), {"api": api})
    server = _Server(("127.0.0.1", port), handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
