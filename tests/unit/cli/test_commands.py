"""Records, identities, failures and exit codes of the commands."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import contract
from cli import target as targets
from cli.data import find_data
from cli.errors import CliError
from cli.follow import raise_for_failure
from cli.main import app
from cli.records import Told, assumed, real_or_example, records_to_ask
from cli.runs import retry
from cli.upload import run_id_of
from tests.contracts import MODELS
from tests.records import told
from tracking import identity
from tracking.run import Run, Step

MODEL = "california_housing"
TEST_MODELS = Path(__file__).parents[2] / "data" / "models"


def run_in(state: str, *, reason: str = "", steps: tuple[Step, ...] = ()) -> Run:
    return Run(
        run_id="0123456789abcdef",
        model=MODEL,
        state=state,
        file=f"{MODEL}/housing.csv",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        reason=reason,
        steps=steps,
        manifest=None,
        evaluation=None,
        evaluation_uri="",
        model_version=None,
    )


def test_the_example_is_the_contracts_defaults() -> None:
    record = told(MODEL).example
    assert record["ocean_proximity"] == "INLAND"
    assert record["longitude"] == -119.5
    assert "median_house_value" not in record


@pytest.fixture
def bare() -> Told:
    """A model whose contract has no defaults."""
    return told(contract.load(TEST_MODELS / "churn" / "model.toml"))


def test_without_defaults_the_example_is_one_that_the_contract_allows(bare: Told) -> None:
    assert bare.example == {"months": 300.0, "calls": 500.0, "plan": "basic"}
    (record,) = records_to_ask(bare, file=None, values=["months=3"])
    assert record == {"months": 3.0, "calls": 500.0, "plan": "basic"}


def test_values_that_nobody_named_are_told(bare: Told) -> None:
    record = bare.example
    assert assumed(told(MODEL), told(MODEL).example, []) == ""
    assert assumed(bare, record, ["months=3", "calls=1", "plan=plus"]) == ""
    assert assumed(bare, record, ["months=3"]) == (
        "Assumed, for nothing says otherwise: calls=500, plan=basic. "
        "Give your own: --set name=value, or a default in model.toml."
    )


def test_without_defaults_a_run_asks_for_a_row_of_its_data(bare: Told, tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    row = {"months": 7.0, "calls": 2.0, "plan": "plus"}
    golden.write_text(json.dumps({"instances": [row, {}]}))
    assert real_or_example(bare, golden) == row
    assert real_or_example(bare, tmp_path / "none.json") == bare.example


def test_with_defaults_a_run_asks_for_them(tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps({"instances": [{"months": 7.0}]}))
    assert real_or_example(told(MODEL), golden) == told(MODEL).example


def test_values_override_the_example() -> None:
    (record,) = records_to_ask(told(MODEL), file=None, values=["median_income=8.5", "ocean_proximity=NEAR BAY"])
    assert (record["median_income"], record["ocean_proximity"]) == (8.5, "NEAR BAY")


def test_records_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text(json.dumps([{"a": 1}, {"a": 2}]))
    assert records_to_ask(told(MODEL), file=file, values=["population=3"]) == [
        {"a": 1, "population": 3.0},
        {"a": 2, "population": 3.0},
    ]


@pytest.mark.parametrize(
    ("content", "words"), [("{", "is not JSON"), ("[1]", "something else than records"), (None, "Cannot read")]
)
def test_a_file_without_records_is_an_error(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "records.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CliError, match=words):
        records_to_ask(told(MODEL), file=file, values=[])


@pytest.fixture
def typed() -> Told:
    """A model whose category has levels that are numbers, and a feature that a file calls otherwise."""
    features = {
        "ms_subclass": {"type": "category", "levels": ["20", "60"]},
        "area": {"type": "number", "column": "Area (m2)", "nullable": True},
    }
    document = {**contract.load(MODELS / MODEL / "model.toml").to_dict(), "features": features}
    spec = contract.contract_of({**document, "derived": {}, "outliers": {}, "data": {"missing": ["?"]}})
    return told(spec)


@pytest.mark.parametrize(
    ("value", "name", "read"),
    [
        ("ms_subclass=20", "ms_subclass", "20"),
        ("ms_subclass=060", "ms_subclass", "060"),
        ("area=20", "area", 20.0),
        ("area = 2e1 ", "area", 20.0),
        ("Area (m2)=20", "area", 20.0),
        ("area=", "area", None),
        ("area=?", "area", None),
        ("area=null", "area", None),
        ("ms_subclass=a=b", "ms_subclass", "a=b"),
    ],
)
def test_a_value_is_read_by_the_type_of_its_feature(typed: Told, value: str, name: str, read: object) -> None:
    (record,) = records_to_ask(typed, file=None, values=[value])
    assert record[name] == read
    assert type(record[name]) is type(read)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("area=large", "area must be a number, is 'large'"),
        ("area=1,5", "area must be a number, is '1,5'. Write it with a decimal point."),
        ("area=true", "area must be a number, is 'true'"),
        ("aera=20", f"aera is not a feature of {MODEL}; did you mean area?"),
        ("x=20", "use one of ms_subclass, area"),
        ("=20", "there is no name"),
    ],
)
def test_a_value_that_cannot_be_read_is_an_error(typed: Told, value: str, words: str) -> None:
    with pytest.raises(CliError, match=re.escape(words)):
        records_to_ask(typed, file=None, values=[value])


def test_a_value_without_equals_sign_is_an_error() -> None:
    with pytest.raises(CliError, match="there is no '='"):
        records_to_ask(told(MODEL), file=None, values=["median_income"])


def test_the_run_id_is_that_of_start_etl() -> None:
    class Outputs:
        def output(self, key: str) -> str:
            return {"ContractHashes": json.dumps({MODEL: "c" * 64}), "EtlCodeHash": "e" * 16}[key]

    expected = identity.run_id_of(model=MODEL, content="etag", size=123, contract_hash="c" * 64, code_hash="e" * 16)
    target: Any = Outputs()
    assert run_id_of(target, model=MODEL, content="etag", size=123) == expected


@pytest.mark.parametrize("state", ["live", "waiting", "superseded"])
def test_runs_that_went_as_far_as_they_may_are_no_failure(state: str) -> None:
    unused: Any = None
    raise_for_failure(unused, run_in(state))


RETRY = "mlops retry 0123456789abcdef"
CACHED = Step(name="Prepare", status="Cached")


@pytest.mark.parametrize(
    ("reason", "manifest", "others", "hint"),
    [
        ("out of memory", None, (), f"Mend it, then run the ETL job again: {RETRY} --from etl"),
        ("out of memory", {}, (), f"Mend it, then: {RETRY}"),
        ("a file is missing; run the ETL job again", {}, (), f"That is: {RETRY} --from etl"),
        (
            "no objects under the prefix",
            {},
            (CACHED,),
            f"Mend it, then: {RETRY}; if what a step took from the cache is at fault, nothing is taken from there by: "
            f"{RETRY} --fresh",
        ),
    ],
)
def test_a_failed_step_is_named_with_its_reason_and_the_command_that_goes_on(
    reason: str, manifest: Any, others: tuple[Step, ...], hint: str
) -> None:
    target: Any = SimpleNamespace(place=None)
    step = Step(name="Train", status="Failed", reason=f"AlgorithmError: {reason}.")
    run = replace(run_in("failed", reason="One or more steps failed", steps=(*others, step)), manifest=manifest)
    with pytest.raises(CliError) as told:
        raise_for_failure(target, run)
    assert (told.value.message, told.value.hint) == (f"Step Train failed: AlgorithmError: {reason}.", hint)


def test_the_gates_reason_is_told() -> None:
    unused: Any = None
    with pytest.raises(CliError, match="was not registered: Test RMSE 70,000 USD is above"):
        raise_for_failure(unused, run_in("rejected", reason="Test RMSE 70,000 USD is above the limit."))


def test_a_named_file_wins_over_the_default_data(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a\n1\n")
    assert find_data(MODEL, file).path == file
    with pytest.raises(CliError, match="There is no sample data for model 'wine'"):
        find_data("wine", None)


def test_errors_are_json_when_json_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(targets, "STATE_FILE", tmp_path / "none.json")
    done = CliRunner().invoke(app, ["runs", "--on", "local", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == "No local cloud is running."


def test_wrong_arguments_are_exit_code_2() -> None:
    assert CliRunner().invoke(app, ["predict", "--nope"]).exit_code == 2


def test_the_hint_for_a_file_of_any_name_can_be_pasted() -> None:
    refused = replace(run_in("refused", reason="no rows."), file=f"{MODEL}/it's 100% [x].csv")
    with pytest.raises(CliError) as told:
        retry(SimpleNamespace(), refused)  # type: ignore[arg-type]
    assert shlex.split(told.value.hint)[-3:] == ["mlops", "upload", "it's 100% [x].csv"]
