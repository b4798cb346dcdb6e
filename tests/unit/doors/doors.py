"""Every door of the platform for a file of rows, as one kind of function: content and contract to verdicts.

A verdict is the line that a row begins on, and "" for a good row or why it is bad. A file that is refused as a whole
has one verdict, on line 0. What a row says of the target is left out: only training asks for it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

import inference
from contract import Contract, FileError, Recipe, checked, csv_rows
from contract.reading import GZIP, Row, Value, decimal, read_table
from frontend.answers import Model
from frontend.batchfile import read as read_page
from tests.fakeapi import documents
from tests.unit.doors import etljob
from tests.unit.lambdas.loading import load_function

Verdicts = list[tuple[int, str]]
Door = Callable[[bytes, Contract], Verdicts]
REFUSED = "refused"


def training(content: bytes, contract: Contract) -> Verdicts:
    """Row by row, as the contract says."""
    try:
        table = read_table(content, contract.rules_to_train)
    except FileError:
        return [(0, REFUSED)]
    return [(row.line, _of_features(row, contract)) for row in table.rows]


def _of_features(row: Row, contract: Contract) -> str:
    own = {field.name for field in contract.rules_to_predict.fields} | {""}
    return "; ".join(f"{name} {found.reason}".strip() for name, found in row.findings.items() if name in own)


def etl(content: bytes, contract: Contract, *, spark: bool = False) -> Verdicts:
    """The ETL job: rows as its engine sees them, and those that it rejects."""
    try:
        lines, rejects = etljob.read(content, contract, spark=spark)
    except FileError:
        return [(0, REFUSED)]
    return sorted([*((line, "") for line in lines), *((row.line, _of_features(row, contract)) for row in rejects)])


def page(content: bytes, contract: Contract) -> Verdicts:
    """The page's Batch, which knows of the model what the API tells."""
    model = Model.of(json.loads(json.dumps(documents.detail(contract, live=False))))
    try:
        file = read_page(content, model)
    except FileError:
        return [(0, REFUSED)]
    return [(row.line, "; ".join(f"{p.field} {p.reason}".strip() for p in row.problems)) for row in file.rows]


def endpoint(content: bytes, contract: Contract) -> Verdicts | None:
    """A CSV body at the endpoint, which is UTF-8 text; None for UTF-16, what is packed, and what is declared."""
    if b"\0" in content or content.startswith(GZIP) or contract.data.encoding:
        return None
    try:
        lines = [row.line for row in csv_rows(contract, content.decode("utf-8", "replace"))]
    except FileError:
        return [(0, REFUSED)]
    reasons: dict[int, list[str]] = {}
    found = inference.predict_fn(inference.input_fn(content, "text/csv"), served(contract))
    for error in found.errors if isinstance(found, inference.InputError) else ():
        reasons.setdefault(int(str(error["instance"])), []).append(f"{error['field']} {error['reason']}".strip())
    return [(line, "; ".join(reasons.get(index, ()))) for index, line in enumerate(lines)]


def api(content: bytes, contract: Contract) -> Verdicts:
    """Each row as a client would write it in JSON: numbers as numbers, null for what is missing."""
    try:
        table = read_table(content, contract.rules_to_predict)
    except FileError:
        return [(0, REFUSED)]
    found = []
    for row in table.rows:
        if "" in row.findings:  # no row, so no record
            found.append((row.line, row.reason))
            continue
        texts = {name: row.fields[position] for name, position in table.layout.positions.items()}
        record = {name: _json_value(contract, name, text, table.layout.decimal) for name, text in texts.items()}
        _, errors = checked(contract, json.loads(json.dumps(record)))
        found.append((row.line, "; ".join(f"{error.field} {error.reason}" for error in errors)))
    return found


def _json_value(contract: Contract, name: str, text: str, mark: str) -> Value:
    field = next(field for field in contract.rules_to_predict.fields if field.name == name)
    if field.is_missing(text, contract.rules_to_predict.missing_words):
        return None
    if field.type == "boolean":
        return bool(field.levels.index(text)) if text in field.levels else text
    number = decimal(text, mark)
    return text if field.type == "category" or number is None else number


def batch(content: bytes, contract: Contract) -> Verdicts:
    """Rewritten, cut into requests, answered by the model, put together and counted, as on AWS."""
    start, finish = functions()
    size = len(content)
    try:
        layout = start.logic.layout_in(contract, content[: start.logic.HEAD_BYTES], size=size)
        rewriter = start.rewriting.Rewriter(layout, limit=1 << 30)
        cut = random.Random(size)
        step = 700 if size < 50_000 else 65_536
        chunks = (content[at : at + step] for at in range(0, size, step))
        rewritten = b"".join(rewriter.pieces(chunks))
    except (FileError, start.logic.Refused):
        return [(0, REFUSED)]
    if not rewriter.rows:
        return [(0, REFUSED)]
    answers = []
    with mock.patch.dict(os.environ, start.logic.environment_of(layout)):
        for request in _requests(rewritten, cut):
            data = inference.input_fn(request, start.logic.CONTENT_TYPE)
            answers.append(inference.output_fn(inference.predict_fn(data, served(contract)), "text/csv")[0].encode())
    output = b"".join(answers)
    steps = () if rewriter.lines.empty else _unpacked(rewriter.lines.packed())
    return list(_answered(output, layout, finish, finish.logic.Places(steps)))


def _requests(rewritten: bytes, cut: random.Random) -> Iterator[bytes]:
    lines = rewritten.removesuffix(b"\n").split(b"\n")
    while lines:
        count = cut.randint(1, max(5, len(lines) // 10))
        yield b"\n".join(lines[:count]) + b"\n"
        lines = lines[count:]


def _answered(output: bytes, layout: object, finish: SimpleNamespace, places: object) -> Iterator[tuple[int, str]]:
    """From the predictions file, which has to be valid CSV with as many fields in every row."""
    mark = layout.delimiter  # type: ignore[attr-defined]
    table = list(csv.reader(io.StringIO(output.decode(), newline=""), delimiter=mark, strict=True))
    records = [record for record in finish.logic.records_of(output.split(b"\n")) if record]
    assert len(records) == len(table)
    assert {len(row) for row in table} == {len(table[0])}
    for number, row in enumerate(table[1:], start=1):
        assert bool(row[-1]) == (not row[len(layout.names)])  # type: ignore[attr-defined]
        yield places.line_of(number), row[-1]  # type: ignore[attr-defined]


def _unpacked(packed: bytes) -> list[bytes]:
    import gzip

    return gzip.decompress(packed).splitlines()


class NoTrees:
    """Predicts 0.5 for every row: a verdict is none of the trees'."""

    booster = None

    def predict(self, inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.full(len(inputs), 0.5, dtype=np.float32)


def served(contract: Contract) -> inference.Model:
    if contract.hash not in _served:
        _served[contract.hash] = _model(contract)
    return _served[contract.hash]


_served: dict[str, inference.Model] = {}


def _model(contract: Contract) -> inference.Model:
    names = [feature.name for feature in contract.numeric] + [item.name for item in contract.derived]
    ones = dict.fromkeys(names, 1.0)
    recipe = Recipe.fitted(contract, impute=ones, fences={}, mean=ones, std=ones)
    return inference.Model(trees=NoTrees(), recipe=recipe, run_id="r", version=None)  # type: ignore[arg-type]


_loaded: list[SimpleNamespace] = []


def functions() -> Sequence[SimpleNamespace]:
    """start_batch and finish_batch."""
    if not _loaded:
        names = ("RESOURCE_PREFIX", "ARTIFACT_BUCKET", "INSTANCE_TYPE", "STAGE", "ALERTS_TOPIC_ARN", "BATCH_QUEUE_URL")
        environment = {**dict.fromkeys(names, "x"), "MODEL_ROLE_ARNS": "{}"}
        _loaded.extend(load_function(name, environment) for name in ("start_batch", "finish_batch"))
    return _loaded


# By name; the first is what the others are compared with. Their reasons are the same words.
DOORS: dict[str, Door] = {
    "training": training,
    "the ETL on DuckDB": etl,
    "the ETL on Spark": partial(etl, spark=True),
    "page": page,
    "batch": batch,
}
# These take what is text already, or is no text: only which rows are good has to be the same.
LOOSE: dict[str, Callable[[bytes, Contract], Verdicts | None]] = {"endpoint": endpoint, "api": api}
