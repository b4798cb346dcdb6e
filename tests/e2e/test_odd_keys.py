"""Names that people give to files, on their whole way: to a model, to its lists, to predictions, and back."""

from __future__ import annotations

import csv
import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner, Result

from cli import batches, datasets, dead_letters, local, main, operate
from cli.batches import Batch
from cli.follow import follow
from cli.terminal import plain
from cli.upload import run_id_of
from contract import BATCH_PREFIX, batch_id
from frontend.client import Api
from frontend.settings import Settings
from tests.books import assert_books_balance
from tests.e2e.conftest import QUIET, Platform
from tests.e2e.test_grants import Grant, without
from tracking.run import Run
from tracking.runs import list_runs

ROOT = Path(__file__).parents[2]
MODEL = "churn"
KEYS = {
    "blanks": " two  blanks .csv",
    "percent": "100%20%2F+a&b=c.csv",
    "marks": "what?#[1]{2}<3>'4'\"5\"|^`~*;:@$!,(6).csv",
    "accents": "\u00dcbersicht cafe\u0301 \u0142.csv",
    "emoji": "\U0001f3e0\U0001f468\u200d\U0001f469\u200d\U0001f467 \u4fa1\u683c.csv",
    "folders": "2026/a b//c+d/%2e/x.csv",
    "long": "/".join(["n" * 99] * 9)[:896] + ".csv",
    "name": "manifest.json",
}
REJECTED = "gold"


def rows(name: str, *, alike: bool = False, count: int = 500) -> str:
    """Customers of whom those with few months leave; `alike`: as many of the others. The last one is bad."""
    draw = random.Random(name)
    lines = ["months,calls,plan,churned"]
    for _ in range(count):
        months = draw.randint(1, 24)
        leaves = draw.random() < (0.5 if alike else 0.9 if months < 8 else 0.1)
        lines.append(f"{months},{draw.randint(0, 4)},{draw.choice(['basic', 'plus'])},{'yes' if leaves else 'no'}")
    return "\n".join([*lines, f"3,1,{REJECTED},no"]) + "\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    work = tmp_path_factory.mktemp("keys")
    models = work / "models"
    shutil.copytree(ROOT / "tests" / "data" / "models" / MODEL, models / MODEL)
    contract = models / MODEL / "model.toml"
    contract.write_text(contract.read_text().replace("rounds = 300", "rounds = 20"))
    assembly = local.synth(work / "out", models, "dev")
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), assembly=assembly) as here:
        yield Platform(here)


def put(place: Platform, key: str, body: str) -> Any:
    """As any client of S3 writes an object."""
    return place.target.client("s3").put_object(
        Bucket=place.target.output("RawBucketName"), Key=key, Body=body.encode("utf-8")
    )


def start(place: Platform, name: str, body: str) -> str:
    answer = put(place, f"{MODEL}/{name}", body)
    return run_id_of(place.target, model=MODEL, content=answer["ETag"].strip('"'), size=len(body.encode()))


def followed(place: Platform, run_id: str) -> Run:
    alive = place.here.cloud.check
    return follow(place.target, model=MODEL, run_id=run_id, console=QUIET, timeout=300, alive=alive)


@pytest.fixture(scope="module")
def runs(place: Platform) -> dict[str, Run]:
    """One for each key, with data of its own."""
    return {name: followed(place, start(place, key, rows(name))) for name, key in KEYS.items()}


@pytest.fixture
def commands(place: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (main, datasets, operate):
        monkeypatch.setattr(module, "find_target", lambda **_: place.target)
    monkeypatch.setattr(main.output, "width", 2000)


def said(*arguments: str) -> Result:
    done = CliRunner().invoke(main.app, [*arguments, "--model", MODEL])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize("name", KEYS)
def test_a_file_of_any_name_becomes_a_data_set_that_is_trained_on(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert run.state in ("live", "superseded", "rejected"), run.reason
    assert run.file == f"{MODEL}/{KEYS[name]}"
    assert run.manifest is not None
    assert run.manifest["source"]["key"] == run.file
    assert_books_balance(run.manifest)
    assert (run.manifest["rows"]["read"], run.manifest["rows"]["rejected"]) == (501, 1)


def test_lists_name_each_file(place: Platform, runs: dict[str, Run], commands: None) -> None:
    files = {run.run_id: run.file for run in runs.values()}
    assert {run.run_id: run.file for run in list_runs(place.target.place, model=MODEL)} == files
    assert {item["run_id"]: item["file"] for item in json.loads(said("runs", "--json").stdout)["runs"]} == files
    shown = said("runs").stdout
    for run in runs.values():
        assert plain(run.file.rsplit("/", 1)[-1]).strip() in shown
    assert place.target.page_key is not None
    client = Api(Settings(place.target.api_url, place.target.page_key))
    assert {run.run_id: run.file for run in client.runs(MODEL)} == files


@pytest.mark.parametrize("name", KEYS)
def test_a_run_is_shown_with_its_rows(
    place: Platform, runs: dict[str, Run], commands: None, name: str, tmp_path: Path
) -> None:
    run = runs[name]
    assert json.loads(said("runs", run.run_id, "--json").stdout)["file"] == run.file
    assert "501 rows read = 1 rejected" in said("runs", run.run_id).stdout
    out = tmp_path / "rejects.csv"
    said("rejects", run.run_id, "--out", str(out))
    with out.open(newline="") as opened:
        (reject,) = csv.DictReader(opened)
    assert (reject["line"], reject["row"]) == ("502", f"3,1,{REJECTED},no")
    logged = json.loads(said("logs", run.run_id, "--json").stdout)
    assert run.file in [line["record"].get("key") for line in logged["lines"]]
    assert place.target.page_key is not None
    client = Api(Settings(place.target.api_url, place.target.page_key))
    assert client.run(MODEL, run.run_id).file == run.file
    assert [item.line for item in client.rejects(MODEL, run.run_id).items] == [502]


def test_the_page_lists_each_file(place: Platform, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.target.page_key is not None
    monkeypatch.setenv("API_URL", place.target.api_url)
    monkeypatch.setenv("API_KEY", place.target.page_key)
    monkeypatch.setenv("PAGE_LOGIN", "off")
    app = AppTest.from_file(str(ROOT / "frontend" / "app.py"), default_timeout=60).run()
    app.switch_page("views/runs.py").run()
    assert not app.exception
    (table,) = (frame.value for frame in app.dataframe if "File" in frame.value)
    assert set(table["File"]) == {run.file for run in runs.values()}


def test_a_run_is_trained_again(place: Platform, runs: dict[str, Run], commands: None) -> None:
    name = "again? [x] 100%.csv"
    run = followed(place, start(place, name, rows(name, alike=True)))
    assert run.state == "rejected", run.reason
    done = CliRunner().invoke(main.app, ["retry", run.run_id, "--json", "--model", MODEL])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["hint"]) == (1, f"See: mlops runs {run.run_id}."), "the gate turns it down again"
    again = json.loads(said("runs", run.run_id, "--json").stdout)
    assert (again["run_id"], again["file"], again["state"]) == (run.run_id, f"{MODEL}/{name}", "rejected")


@pytest.mark.parametrize("name", KEYS)
def test_a_batch_of_any_name_comes_back(place: Platform, runs: dict[str, Run], name: str, tmp_path: Path) -> None:
    assert [run for run in runs.values() if run.state == "live"]
    key = f"{BATCH_PREFIX}{MODEL}/{KEYS[name]}"
    version = put(place, key, 'months,"calls",plan\n3,1,basic\n4,1,"gold"\n')["VersionId"]
    identity = batch_id(MODEL, key, version)
    sent = Batch(MODEL, identity, f"{place.target.resource_name(MODEL)}-{identity}", key, version)
    result = batches.wait(place.target, sent, on_progress=lambda _: None, alive=place.here.cloud.check)
    assert (result["key"], result["rows"], result["bad_rows"]) == (key, 2, 1)
    batches.fetch(place.target, result, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as opened:
        good, bad = csv.DictReader(opened, strict=True)
    assert 0 < float(good["prediction"]) < 1
    assert bad["prediction_error"].startswith("plan is 'gold'")


GIVEN_UP = ("percent", "marks", "emoji")


def test_uploads_that_were_given_up_go_back_under_their_names(
    place: Platform, commands: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is delivered as often as it may be while start_etl may write nothing down, and is found and sent back."""
    keys = {name: f"{MODEL}/given up/{KEYS[name]}" for name in GIVEN_UP}
    with without(place, Grant("StartEtlRole", "s3:PutObject", "processed")):
        started = {
            name: start(place, key.removeprefix(f"{MODEL}/"), rows(f"given up {name}")) for name, key in keys.items()
        }
        given_up(place, len(keys))
    shown = CliRunner().invoke(main.app, ["redrive", "upload", "--list", "--json"])
    (queue,) = json.loads(shown.stdout)["queues"]
    assert {letter["about"] for letter in queue["messages"]} == {f"Object Created {key}" for key in keys.values()}
    done = CliRunner().invoke(main.app, ["redrive", "upload", "--yes", "--json"])
    assert (done.exit_code, len(json.loads(done.stdout)["redriven"])) == (0, len(keys)), done.output
    assert {name: followed(place, run_id).file for name, run_id in started.items()} == keys
    (empty,) = dead_letters.queues(place.target, "upload")
    assert empty.waiting == 0


def given_up(place: Platform, count: int) -> None:
    """Until so many are in the dead letter queue of uploads."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        (queue,) = dead_letters.queues(place.target, "upload")
        if queue.waiting == count:
            return
        time.sleep(0.2)
    raise AssertionError(f"{queue.waiting} of {count} were given up")
