"""Files as people have them, on the deployed application: trained, and answered at every door."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from cli import api, local
from cli.batch import run as predict_file
from cli.errors import CliError
from cli.follow import follow
from cli.rows import rejected
from cli.upload import upload
from frontend import batches, batchfile
from frontend.client import Api
from frontend.settings import Settings
from tests.books import assert_books_balance
from tests.e2e.conftest import QUIET
from tests.e2e.light import MODEL, write_model
from tracking.run import Run

ROOT = Path(__file__).parents[2]
CASES = (ROOT / "tests" / "data" / "cases", ROOT.parent / "shared" / "cases")
# Files of ten rows are data sets too.
SMALL = {
    "min_rows = 100": "min_rows = 5",
    'salt = "california-housing-1"': 'salt = "small-2"',
    r"train = 0\.64": "train = 0.2",
    r"validation = 0\.16": "validation = 0.2",
    r"test = 0\.20": "test = 0.6",
    r"max = 60000\.0": "max = 900000.0",
}


@dataclass(frozen=True)
class Case:
    """`rows` of the file, and how many of them training rejects: those without a target."""

    model: str
    rows: int
    rejected: int


# Each contract is that of its file; none has defaults.
REAL = {
    "equal_rows.csv": Case("churn", 12_000, 0),
    "penguins_raw.csv": Case("penguins", 344, 11),
    "auto_mpg.csv": Case("auto_mpg", 406, 8),
    "bike.csv": Case("bike", 17_379, 0),
}
HOSTILE = {
    "excel_empty_rows.csv": 400,
    "na_words.csv": 10,
    "no_nullable_column.csv": 5,
    "quoted_newline.csv": 10,
    "one_bad_byte_early.csv": 400,
    "lone_cr_batch.csv": 5,
    "nbsp_level.csv": 400,
}


def path_of(name: str) -> Path:
    found = next((folder / name for folder in CASES if (folder / name).is_file()), None)
    if found is None:
        pytest.skip(f"{name} is too large to lie beside the tests")
    return found


class Place:
    """The deployed application, and what was trained on it."""

    def __init__(self, here: local.Deployed) -> None:
        self.here, self.target = here, here.target
        self._runs: dict[str, Run] = {}

    def trained(self, name: str, model: str) -> Run:
        if name not in self._runs:
            sent = upload(self.target, model=model, file=path_of(name))
            alive = self.here.cloud.check
            run = follow(self.target, model=model, run_id=sent.run_id, console=QUIET, timeout=300, alive=alive)
            if run.manifest is not None:
                assert_books_balance(run.manifest)
            self._runs[name] = run
        return self._runs[name]

    def batch(self, name: str, model: str, folder: Path) -> tuple[Mapping[str, Any], list[dict[str, str]]]:
        """The result, and the rows of the predictions."""
        to = folder / "predictions.csv"
        alive = self.here.cloud.check
        result = predict_file(self.target, model=model, file=path_of(name), to=to, console=QUIET, alive=alive)
        with to.open(newline="", encoding="utf-8") as opened:
            return result, list(csv.DictReader(opened, strict=True))

    def page(self, name: str, model: str) -> list[float | None]:
        """Predictions of the page's Batch, None for a bad row."""
        assert self.target.page_key is not None
        client = Api(Settings(self.target.api_url, self.target.page_key))
        known = client.model(model)
        file = batchfile.read(path_of(name).read_bytes(), known)
        *_, outcome = batches.run(file.rows, lambda rows: client.predict(model, rows), size=known.max_instances)
        assert outcome.stopped is None, outcome.stopped
        found = [outcome.predictions.get(index) for index in range(outcome.total)]
        return [item.value if item else None for item in found]

    def endpoint(self, name: str, model: str) -> list[float]:
        """Predictions of a CSV body. Raises ClientError for a file with a bad row."""
        answer = self.target.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.target.resource_name(model),
            ContentType="text/csv",
            Accept="application/json",
            Body=path_of(name).read_bytes(),
        )
        return [item["value"] for item in json.loads(answer["Body"].read())["predictions"]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    work = tmp_path_factory.mktemp("real")
    models = work / "models"
    shutil.copytree(ROOT / "tests" / "data" / "models", models)
    write_model(models, changes=SMALL)
    assembly = local.synth(work / "out", models, "dev")
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), assembly=assembly) as here:
        yield Place(here)


@pytest.fixture(params=REAL)
def real(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_real_file_becomes_a_model_that_answers(place: Place, real: str) -> None:
    case = REAL[real]
    run = place.trained(real, case.model)
    assert run.state == "live", run.reason
    assert run.manifest is not None
    assert run.evaluation is not None
    rows = run.manifest["rows"]
    assert (rows["read"], rows["rejected"], rows["dropped_equal"]) == (case.rows, case.rejected, 0)
    print(real, rows, run.evaluation["metrics"])
    golden = json.loads((local.download_evaluation(place.target, run) / local.GOLDEN_FILE).read_text())
    (answer,) = api.predict(place.target, model=case.model, instances=golden["instances"][:1])["predictions"]
    assert answer["value"] == pytest.approx(golden["predictions"][0], rel=1e-6)


def test_a_real_file_is_predicted_alike_at_every_door(place: Place, real: str, tmp_path: Path) -> None:
    case = REAL[real]
    place.trained(real, case.model)
    result, found = place.batch(real, case.model, tmp_path)
    values = [float(row["prediction"]) for row in found]
    assert (result["rows"], result["bad_rows"], len(values)) == (case.rows, 0, case.rows)
    assert place.page(real, case.model) == values
    if path_of(real).stat().st_size < 4_000_000:
        assert place.endpoint(real, case.model) == values


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_loses_no_row_at_any_door(place: Place, name: str, tmp_path: Path) -> None:
    assert place.trained("excel_empty_rows.csv", MODEL).state == "live"
    manifest = place.trained(name, MODEL).manifest
    assert manifest is not None, place.trained(name, MODEL).reason
    assert (manifest["rows"]["read"], manifest["rows"]["rejected"]) == (HOSTILE[name], 0)
    result, found = place.batch(name, MODEL, tmp_path)
    values = [float(row["prediction"]) for row in found]
    assert (result["rows"], result["bad_rows"], len(values)) == (HOSTILE[name], 0, HOSTILE[name])
    assert place.page(name, MODEL) == values
    assert place.endpoint(name, MODEL) == values


def test_a_header_with_markup_is_refused_at_every_door(place: Place, tmp_path: Path) -> None:
    name = "markup_header.csv"
    run = place.trained(name, MODEL)
    assert (run.state, list(rejected(place.target, run))) == ("refused", [])
    assert "'[/price]'" in run.reason
    place.trained("excel_empty_rows.csv", MODEL)
    words = run.reason.removeprefix(f"{name}: ").partition("median_house_value")[0]
    assert words
    with pytest.raises(CliError, match=r"'\[/price\]'"):
        place.batch(name, MODEL, tmp_path)
    with pytest.raises(batchfile.FileError, match=r"'\[/price\]'"):
        place.page(name, MODEL)
    with pytest.raises(ClientError, match=r"\[/price\]|header"):
        place.endpoint(name, MODEL)


def test_equal_rows_keep_their_shares(place: Place, tmp_path: Path) -> None:
    run = place.trained("equal_rows.csv", "churn")
    assert run.manifest is not None
    with path_of("equal_rows.csv").open(newline="") as opened:
        truth = np.array([row["churned"] == "yes" for row in csv.DictReader(opened)])
    profile = shares(place, run)
    print("share of yes", profile)
    assert all(abs(share - 0.031) < 0.02 for share in profile.values())
    _, found = place.batch("equal_rows.csv", "churn", tmp_path)
    predicted = np.array([float(row["prediction"]) for row in found])
    print(f"mean prediction {predicted.mean():.4%}, true share {truth.mean():.4%}, AUC {auc(truth, predicted):.4f}")
    assert abs(predicted.mean() - truth.mean()) < 0.005
    assert auc(truth, predicted) >= 0.76


def shares(place: Place, run: Run) -> dict[str, float]:
    """Of the positive level, on each side, as the parts hold it."""
    from io import BytesIO

    from pyarrow import parquet

    assert run.manifest is not None
    s3, found = place.target.client("s3"), {}
    for side in ("train", "validation", "test"):
        values: list[float] = []
        for key in run.manifest["files"][side]:
            body = s3.get_object(Bucket=place.target.place.processed_bucket, Key=key)["Body"].read()
            values += parquet.read_table(BytesIO(body))[run.manifest["target"]].to_pylist()
        assert len(values) == run.manifest["rows"][side]
        found[side] = sum(values) / len(values)
    return found


def auc(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The share of pairs of a positive and a negative row in the right order; ties count half."""
    positive, negative = np.sort(predicted[truth]), np.sort(predicted[~truth])
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return float(below.sum() / 2 / len(positive) / len(negative))
