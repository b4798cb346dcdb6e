"""Requests and answers of the prediction API."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from contract import MAX_INSTANCES, Contract
from rest.limits import MAX_BODY_BYTES, MAX_EXPLAINED
from rest.problems import ProblemError, invalid, invalid_field, refuse_any

# How a refusal of a container begins.
_ERRORS = '{"errors": ['
# Four characters stand for three bytes, and line breaks may stand between.
_MAX_BASE64 = MAX_BODY_BYTES * 3 // 2


class NotUnderstoodError(Exception):
    """The model's answer does not have the form that the model promises."""


def check_content_type(content_type: str) -> None:
    """Raises ProblemError for a body that says it is something else than JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != "application/json":
        detail = f"The body is {kind[:100]}. Send application/json."
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def instances_of(body: str | None, *, explain: bool = False) -> list[Any]:
    """The records of a request. Raises ProblemError for what no version of any model takes.

    The rest is for the version to say: its contract may be another one than the deployed.
    """
    document = _document(body or "")
    most = MAX_EXPLAINED if explain else MAX_INSTANCES
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list) or not 1 <= len(instances) <= most:
        given = f", it holds {len(instances)}" if isinstance(instances, list) else ""
        raise invalid_field(
            "instances", f'the body must be {{"instances": [...]}} with 1 to {most} instances{_when(explain)}{given}'
        )
    refuse_any(_errors(document))
    return instances


def _when(explain: bool) -> str:
    return " when they are explained" if explain else ""


def text_of(body: str | None, *, base64_encoded: bool) -> str:
    """The body of an event as text. Raises ProblemError for one that is too large, before it costs anything."""
    text = body or ""
    if len(text) > (_MAX_BASE64 if base64_encoded else MAX_BODY_BYTES):
        raise _too_large()
    if not base64_encoded:
        return text
    try:
        return base64.b64decode(text).decode("utf-8", errors="replace")
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The body is not base64.") from error


def _document(text: str) -> Any:
    # A text may hold half of a character, which has no bytes of its own.
    if len(text) > MAX_BODY_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {str(error)[:200]}.") from error


def _too_large() -> ProblemError:
    detail = f"The body is larger than {MAX_BODY_BYTES} bytes. Send fewer instances."
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ProblemError for a name that stands twice: nobody can tell which of its values was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        count = Counter(name for name, _ in pairs)
        twice = next(name for name in found if count[name] > 1)
        raise invalid_field(twice, "stands twice in one object; keep one")
    return found


def answer_of(
    body: bytes,
    *,
    contract: Contract,
    expected: int,
    request_id: str,
    explain: bool = False,
    version: str | None = None,
) -> dict[str, Any]:
    """The answer to the client. Raises NotUnderstoodError, and ProblemError where the model cannot explain.

    `version`: which one was asked, where the container serves many and does not know. `contract`, the deployed one,
    is for versions whose container does not tell what its numbers mean.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise NotUnderstoodError(f"The model's answer is not JSON: {error}") from error
    if refusal := refusal_of(document):
        raise refused(refusal, model=contract.name, version=version)
    try:
        answers = document["predictions"]
        values = [float(answer["value"]) for answer in answers]
        target = _target(document, contract)
        predictions = [_prediction(answer, target, explain=explain) for answer in answers]
        origin = {"model_version": version or document["model_version"], "run_id": document["run_id"]}
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstoodError(f"The model's answer has no predictions: {error!r}") from error
    if explain and not all("explanation" in answer for answer in answers):
        detail = f"The live version of {contract.name} cannot explain its predictions. Train a new one."
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, detail)
    if len(values) != expected or not all(map(math.isfinite, values)):
        raise NotUnderstoodError(f"The model answered {len(values)} numbers, not {expected} finite ones.")
    return {"model": contract.name, **origin, "predictions": predictions, "request_id": request_id}


def _target(document: Mapping[str, Any], contract: Contract) -> Mapping[str, Any]:
    """What the numbers mean: as the version says, or as the deployed contract does where it is silent."""
    if "target" in document:
        found: Mapping[str, Any] = document["target"]
        return found
    return {"unit": contract.target.unit, "levels": ()}


def _prediction(answer: Mapping[str, Any], target: Mapping[str, Any], *, explain: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"value": float(answer["value"])}
    # A label says that the number is a probability.
    if target["unit"] and "label" not in answer:
        found["unit"] = str(target["unit"])
    if target["levels"] or "label" in answer:
        found["label"] = str(answer["label"])
    # Versions that were trained before there were intervals and explanations have none.
    if "interval" in answer:
        found["interval"] = {name: float(answer["interval"][name]) for name in ("low", "high", "level")}
    if explain and "explanation" in answer:
        found["explanation"] = answer["explanation"]
    return found


@dataclass(frozen=True)
class Refusal:
    """What a version's own check found wrong. `version` is "" where the container serves many and does not know."""

    errors: list[dict[str, Any]]
    version: str = ""


def refusal_in(message: str) -> Refusal | None:
    """None when the message of the container is of another kind.

    SageMaker's server of many models puts a traceback on the lines below it.
    """
    line = message.partition("\n")[0]
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return _cut_off(line)
    return refusal_of(document)


def refusal_of(document: Any) -> Refusal | None:
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list) or not errors or not all(isinstance(error, dict) for error in errors):
        return None
    return Refusal(errors, str(document.get("model_version") or ""))


def failed_on(message: str) -> str:
    """What a container that tells it could not answer, as words: "instance 3" or "this request"."""
    try:
        document = json.loads(message.partition("\n")[0])
    except (ValueError, RecursionError):
        return "this request"
    told = document.get("failed") if isinstance(document, dict) else None
    position = told.get("instance") if isinstance(told, dict) else None
    return f"instance {position}" if isinstance(position, int) else "this request"


def _cut_off(text: str) -> Refusal | None:
    """SageMaker passes on 2,048 characters: the errors that came whole, and that there are more."""
    if not text.startswith(_ERRORS):
        return None
    errors, place, decoder = [], len(_ERRORS), json.JSONDecoder()
    while True:
        try:
            found, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        if not isinstance(found, dict):
            return None
        errors.append(found)
        place += len(", ")
    more = {"instance": None, "field": None, "reason": "there is more that is wrong than could be passed on"}
    return Refusal([*errors, more])


def refused(refusal: Refusal, *, model: str, version: str | None) -> ProblemError:
    """400 that lists what is wrong, and by which version's contract. `version`: the one that was asked, if known."""
    found = invalid(refusal.errors)
    version = version or refusal.version
    if not version:
        return found
    detail = f"{found.detail} (version {version} answers; GET /models/{model} tells what it takes)"
    return replace(found, detail=detail, members={"model_version": version})


def _errors(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything wrong with a body, one at a time."""
    for name in document:
        if name != "instances":
            yield {"instance": None, "field": str(name), "reason": "is not a member of the body; leave it out"}
    for position, record in enumerate(document["instances"]):
        if not isinstance(record, dict):
            yield {"instance": position, "field": None, "reason": "must be an object of features"}
