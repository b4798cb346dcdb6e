"""The page's only way out: calls of the REST API."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import urllib3

from frontend.answers import Json, Model, Predictions, Summary
from frontend.connections import connections
from frontend.errors import ApiError, FieldError, Kind
from frontend.records import Monitoring, Run, Version, VersionDetail
from frontend.rundata import DataFiles, Rejects
from frontend.settings import Settings

CONNECT_SECONDS = 3.0
# API Gateway gives up after 29 s.
READ_SECONDS = 35.0
MOST_REJECTS = 10_000

KINDS = {
    400: Kind.INVALID,
    401: Kind.FORBIDDEN,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    413: Kind.INVALID,
    415: Kind.INVALID,
    422: Kind.INVALID,
    429: Kind.THROTTLED,
    503: Kind.UNAVAILABLE,
    504: Kind.UNAVAILABLE,
}

Instance = Mapping[str, Any]
T = TypeVar("T")


class Api:
    """One REST API. Every method raises ApiError, and no text of one holds the key."""

    def __init__(self, settings: Settings, *, read_seconds: float = READ_SECONDS) -> None:
        self._settings = settings
        self._http = connections(
            settings.api_url,
            maxsize=8,
            # How long to wait when the API asks for it is for the page to say, and for a person to see.
            retries=urllib3.Retry(2, read=0, status=0, other=0, backoff_factor=0.1, respect_retry_after_header=False),
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        )

    def models(self) -> tuple[Summary, ...]:
        return self._get("/models", lambda answer: tuple(map(Summary.of, answer["models"])))

    def model(self, name: str) -> Model:
        return self._get(f"/models/{_part(name)}", Model.of)

    def predict(self, model: str, instances: Sequence[Instance], *, explain: bool = False) -> Predictions:
        """One prediction an instance, in their order."""
        path = f"/models/{_part(model)}/predictions" + ("?explain=true" if explain else "")
        found = self._call("POST", path, Predictions.of, body={"instances": list(instances)})
        if len(found.items) != len(instances):
            raise _broken(f"{len(found.items)} predictions for {len(instances)} instances")
        return found

    def runs(self, model: str, *, limit: int = 20) -> tuple[Run, ...]:
        """Newest first."""
        path = f"/models/{_part(model)}/runs?{urlencode({'limit': limit})}"
        return self._get(path, lambda answer: tuple(map(Run.of, answer["runs"])))

    def run(self, model: str, run_id: str) -> Run:
        return self._get(self._run(model, run_id), Run.of)

    def rejects(self, model: str, run_id: str) -> Rejects:
        """The first rejected rows, as many as the API gives at once."""
        path = f"{self._run(model, run_id)}/rejects?{urlencode({'limit': MOST_REJECTS})}"
        return self._get(path, Rejects.of)

    def data(self, model: str, run_id: str, split: str) -> DataFiles:
        return self._get(f"{self._run(model, run_id)}/data?{urlencode({'split': split})}", DataFiles.of)

    def _run(self, model: str, run_id: str) -> str:
        return f"/models/{_part(model)}/runs/{_part(run_id)}"

    def versions(self, model: str) -> tuple[Version, ...]:
        """Newest first."""
        return self._get(f"/models/{_part(model)}/versions", lambda answer: tuple(map(Version.of, answer["versions"])))

    def version(self, model: str, number: int) -> VersionDetail:
        return self._get(f"/models/{_part(model)}/versions/{number}", VersionDetail.of)

    def monitoring(self, model: str, *, hours: int) -> Monitoring:
        path = f"/models/{_part(model)}/monitoring?{urlencode({'hours': hours})}"
        return self._get(path, Monitoring.of)

    def _get(self, path: str, read: Callable[[Json], T]) -> T:
        return self._call("GET", path, read)

    def _call(self, method: str, path: str, read: Callable[[Json], T], *, body: Json | None = None) -> T:
        response = self._request(method, path, body)
        document = _document(response.data)
        if response.status != 200:
            raise _problem(response.status, document, response.headers.get("Retry-After"))
        try:
            return read(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _broken(f"{type(error).__name__} in the answer to {method} {path.partition('?')[0]}") from error

    def _request(self, method: str, path: str, body: Json | None) -> urllib3.BaseHTTPResponse:
        headers = {"accept": "application/json", "x-api-key": self._settings.api_key}
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = json.dumps(body, allow_nan=False).encode()
        try:
            # A redirect is not followed: it would carry the key elsewhere.
            return self._http.request(method, self._settings.api_url + path, body=data, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            detail = f"{self._settings.host} did not answer: {_why(error)}."
            raise ApiError(Kind.UNREACHABLE, detail) from error


def _part(text: str) -> str:
    return quote(text, safe="")


def _document(data: bytes) -> dict[str, Any]:
    """The answer as an object; {} for anything else, which then lacks what a reader looks for."""
    try:
        document = json.loads(data)
        if b"\\ud" in data.lower():  # half of a surrogate pair, which is no text that a browser could be sent
            document = json.loads(json.dumps(document, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _problem(status: int, document: Json, retry_after: str | None) -> ApiError:
    """A problem+json answer, or one of a gateway in between that says less."""
    kind = KINDS.get(status, Kind.BROKEN)
    detail = document.get("detail") or document.get("message") or document.get("title") or "The API gave no reason."
    return ApiError(
        kind,
        str(detail),
        status=status,
        errors=tuple(_field_errors(document.get("errors"))),
        retry_after=_seconds(retry_after),
        request_id=str(document.get("request_id") or ""),
    )


def _field_errors(errors: object) -> list[FieldError]:
    if not isinstance(errors, list):
        return []
    found = [item for item in errors if isinstance(item, dict) and isinstance(item.get("instance"), int)]
    return [FieldError(item["instance"], str(item.get("field") or ""), str(item.get("reason") or "")) for item in found]


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date, which this API never sends, is ignored."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _broken(what: str) -> ApiError:
    return ApiError(Kind.BROKEN, f"The API's answer was not understood: {what}.")


def _why(error: Exception) -> str:
    """The cause in words. The client's own text is long, and repeats address and headers."""
    cause = getattr(error, "reason", None) or error
    reasons: list[tuple[type[Exception], str]] = [
        (urllib3.exceptions.NameResolutionError, "its name is not known"),
        (urllib3.exceptions.NewConnectionError, "the connection was refused"),
        (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
        (urllib3.exceptions.ReadTimeoutError, "no answer in time"),
        (urllib3.exceptions.SSLError, "its certificate is not trusted"),
    ]
    return next((words for kind, words in reasons if isinstance(cause, kind)), "the connection broke")
