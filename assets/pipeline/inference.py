"""SageMaker's handler functions: raw records in, predictions out.

In the model, only `contract` and the modules that `served` names lie beside it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import batch_rows
import failed_request
from contract import Contract, FileError, Recipe, checked, csv_rows
from explanation import explain
from interval import Interval, load_interval
from trees import Trees, load_trees

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JSON, CSV, PARQUET = "application/json", "text/csv", "application/x-parquet"
MAX_ERRORS = 100
# A member of a request. SageMaker passes on 2,048 characters of what a container says beside an error, so whoever wants
# all of a refusal asks for it as an answer.
REFUSALS, ANSWER = "refusals", "answer"
# A member of a request: its id at the REST API. Both of SageMaker's servers hand on the body, and one of them alone the
# headers.
REQUEST_ID = "request_id"
MAX_REQUEST_ID = 64


def _toolkit_error() -> type[Exception]:
    """The multi-model server answers 500 to every error but its own. Outside the container it is not there."""
    try:
        base: type[Exception] = import_module("sagemaker_inference.errors").BaseInferenceToolkitError
    except ImportError:
        return Exception
    return base


class InputError(ValueError, _toolkit_error()):  # type: ignore[misc]  # the base is known at run time only
    """A request that cannot be answered. Its text is JSON: {"errors": [{"instance", "field", "reason"}, ...], ...}."""

    def __init__(self, errors: Sequence[Mapping[str, object]], status_code: int = 400) -> None:
        self.errors = list(errors)
        self.status_code = status_code
        self.answered = False
        self.message = json.dumps({"errors": self.errors[:MAX_ERRORS]})
        self.phrase = "Invalid input"
        Exception.__init__(self, self.message)

    def by(self, model: Model) -> InputError:
        """The same, and by which version's contract."""
        self.message = json.dumps({"errors": self.errors[:MAX_ERRORS], **model.origin})
        return self

    def __str__(self) -> str:
        return self.message


class FailedError(InputError):
    """The model failed on a request. Its text is JSON: {"failed": {"instance": position or null, ...}}."""

    def __init__(self, instance: int | None, model: Model) -> None:
        super().__init__([], status_code=500)
        self.message = json.dumps({"failed": {"instance": instance, **model.origin}})
        self.phrase = "Model failure"


def refusal(error: InputError) -> Any:
    """How each of SageMaker's servers answers with another status than 200 and 500.

    That of a single model is a Flask application to which every exception is 500. That of many models takes its own.
    """
    try:
        flask = import_module("flask")
    except ImportError:
        raise error from None
    if not flask.has_request_context():
        raise error
    return flask.Response(error.message, status=error.status_code, mimetype=JSON)


@dataclass(frozen=True)
class Model:
    trees: Trees
    recipe: Recipe
    run_id: str
    version: str | None
    interval: Interval | None = None

    @cached_property
    def origin(self) -> Mapping[str, str | None]:
        """Who answers: under a canary, nobody but the container knows. `version` is None where it serves many."""
        contract = self.recipe.contract
        named = {"model": contract.name, "run_id": self.run_id, "model_version": self.version}
        return {**named, "contract_hash": contract.hash}


@dataclass(frozen=True)
class Asked:
    """Records with wishes: predictions are to be explained, refusals to come as an answer.

    `request_id`: under which the log tells of it, "" where nobody will look.
    """

    records: list[Any]
    explain: bool = False
    answered: bool = False
    request_id: str = ""


@dataclass(frozen=True)
class CsvText:
    """A CSV body: the contract, which only the model knows, tells how to read it."""

    text: str


Data = list[Any] | CsvText | Asked | batch_rows.Lines | batch_rows.Whole


@dataclass(frozen=True)
class Prediction:
    values: NDArray[np.float32]
    model: Model
    explanations: list[dict[str, Any]] | None = None


def model_fn(model_dir: str) -> Model:
    folder = Path(model_dir)
    failed_request.configure()
    model = Model(
        trees=load_trees(folder),
        recipe=Recipe.from_json((folder / "recipe.json").read_text(encoding="utf-8")),
        run_id=json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["run_id"],
        version=os.environ.get("MODEL_VERSION") or None,
        interval=load_interval(folder),
    )
    failed_request.write(logging.INFO, "Model loaded", **model.origin)
    return model


def input_fn(body: str | bytes, content_type: str) -> Data | InputError:
    """An InputError goes on as a value: output_fn answers it."""
    try:
        return _read(body, content_type)
    except InputError as error:
        return error


def _read(body: str | bytes, content_type: str) -> Data:
    """Raises InputError for a body that cannot be read as what it says it is."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == PARQUET and batch_rows.is_asked():
        return batch_rows.Whole(body if isinstance(body, bytes) else body.encode())
    if kind not in (JSON, CSV):
        raise InputError([_error(f"the content type {content_type[:100]!r} is not known; send {JSON} or {CSV}")], 415)
    if kind == CSV and batch_rows.is_asked():
        return batch_rows.lines_of(body)
    if kind == CSV:
        # As the toolkit decodes plain text/csv: a byte that is no text costs a row where its column is used.
        return CsvText(body if isinstance(body, str) else body.decode("utf-8", "replace"))
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError([_error(f"the body is not UTF-8 text: {error}")]) from error
    return _instances(text)


def predict_fn(data: Data | InputError, model: Model) -> Prediction | batch_rows.Answer | InputError:
    if isinstance(data, InputError):
        return data.by(model)
    try:
        return _predict(data, model)
    except InputError as error:
        error.answered = isinstance(data, Asked) and data.answered
        return error.by(model)
    except Exception as error:
        if not isinstance(data, Asked):
            raise
        return _failed(error, data, model)


def _failed(error: Exception, asked: Asked, model: Model) -> FailedError:
    """Written to the log here: what the servers write of an exception names no request, and quotes what it says."""

    def predict(record: object) -> object:
        return _predict(Asked([record], explain=asked.explain), model)

    position = failed_request.culprit(asked.records, predict, refusals=InputError)
    failed_request.write(
        logging.ERROR,
        "Prediction failed",
        request_id=asked.request_id,
        instance=position,
        instances=len(asked.records),
        **model.origin,
        error=failed_request.words_of(error, asked.records),
        traceback=failed_request.frames_of(error),
    )
    return FailedError(position, model)


def _predict(data: Data, model: Model) -> Prediction | batch_rows.Answer:
    if isinstance(data, batch_rows.Lines | batch_rows.Whole):
        try:
            return batch_rows.answer(data, model.recipe, model.trees.predict)
        except FileError as error:
            raise InputError([_error(str(error))]) from error
    asked = isinstance(data, Asked) and data.explain
    records = _records(data, model.recipe.contract)
    values = model.trees.predict(model.recipe.apply(records))
    return Prediction(values, model, explain(model.trees.booster, model.recipe, records) if asked else None)


def output_fn(prediction: Prediction | batch_rows.Answer | InputError, accept: str) -> Any:
    """JSON, whatever the client accepts, and CSV for a batch. A binary model gives the positive level's probability."""
    if isinstance(prediction, InputError):
        return (prediction.message, JSON) if prediction.answered else refusal(prediction)
    if isinstance(prediction, batch_rows.Answer):
        return prediction.text, CSV
    model = prediction.model
    answers = [_answer(model, float(value)) for value in prediction.values]
    if prediction.explanations is not None:
        for answer, explanation in zip(answers, prediction.explanations, strict=True):
            answer["explanation"] = explanation
    target = model.recipe.contract.target
    meant = {"name": target.name, "unit": target.unit, "levels": list(target.field.levels)}
    document = {"predictions": answers, **model.origin, "target": meant}
    return json.dumps(document), JSON


def _answer(model: Model, value: float) -> dict[str, object]:
    contract = model.recipe.contract
    label = contract.rules.label(value, contract.target, contract.serving)
    if label is not None:
        return {"value": value, "label": label}
    if model.interval is None:
        return {"value": value}
    low, high = model.interval.of(value)
    return {"value": value, "interval": {"low": low, "high": high, "level": model.interval.level}}


def _instances(text: str) -> list[Any] | Asked:
    try:
        document = json.loads(text)
    # A number of more digits than Python reads is a ValueError of another kind than the rest.
    except (ValueError, RecursionError) as error:
        raise InputError([_error(f"the body is not valid JSON: {error}")]) from error
    instances = document.get("instances") if isinstance(document, dict) else document
    if not isinstance(instances, list) or not instances:
        raise InputError([_error('the body must be {"instances": [record, ...]} with at least one record')])
    if not isinstance(document, dict):
        return instances
    return Asked(
        instances,
        explain=document.get("explain") is True,
        answered=document.get(REFUSALS) == ANSWER,
        request_id=str(document.get(REQUEST_ID) or "")[:MAX_REQUEST_ID],
    )


def _records(data: list[Any] | CsvText | Asked, contract: Contract) -> list[Mapping[str, Any]]:
    """The values as a recipe takes them. Raises InputError with everything that is wrong."""
    read = _csv_values(data, contract) if isinstance(data, CsvText) else _json_values(data, contract)
    values: list[Mapping[str, Any]] = []
    errors: list[Mapping[str, object]] = []
    for index, (found, reasons) in enumerate(read):
        values.append(found)
        # No more than an answer lists: a body of megabytes may hold a million.
        room = islice(reasons, MAX_ERRORS - len(errors))
        errors += [{"instance": index, "field": field, "reason": reason} for field, reason in room]
        if len(errors) == MAX_ERRORS:
            break
    if errors:
        raise InputError(errors)
    return values


Read = Iterator[tuple[Mapping[str, Any], Iterable[tuple[str, str]]]]


def _json_values(data: list[Any] | Asked, contract: Contract) -> Read:
    for record in data.records if isinstance(data, Asked) else data:
        values, errors = checked(contract, record)
        yield values, ((error.field, error.reason) for error in errors)


def _csv_values(data: CsvText, contract: Contract) -> Read:
    try:
        rows = csv_rows(contract, data.text)
    except FileError as error:
        raise InputError([_error(str(error))]) from error
    for row in rows:
        yield row.values, ((field, finding.reason) for field, finding in row.findings.items())


def _error(reason: str) -> dict[str, object]:
    """About the body as a whole."""
    return {"instance": None, "field": "", "reason": reason}
