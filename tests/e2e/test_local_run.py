"""`mlops local run`, as a user types it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.books import PARTS

ROOT = Path(__file__).resolve().parents[2]


# Nobody listens there.
DEAD_PROXY = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
)


def mlops(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def finished(housing: Path, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Of the whole file and two rows that cannot be used; behind a proxy that never answers.

    The folder for temporary files is a link, as on macOS.
    """
    folder = tmp_path_factory.mktemp("temporary")
    (folder / "private").mkdir()
    (folder / "link").symlink_to(folder / "private")
    file = folder / "housing.csv"
    file.write_text(housing.read_text().rstrip("\n") + "\n1,2,3\n4,5,6\n")
    return mlops("local", "run", "--data", str(file), "--json", TMPDIR=str(folder / "link"), **DEAD_PROXY)


def test_prints_one_json_object_about_the_whole_run(
    finished: subprocess.CompletedProcess[str], data_is_real: bool
) -> None:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    summary = json.loads(finished.stdout)
    rows = summary["rows"]
    assert summary["model"] == "california_housing"
    assert summary["state"] == "live"
    assert summary["model_version"] == 1
    assert summary["rmse"] <= (44_000 if data_is_real else 60_000)
    assert summary["rmse_interval"][0] < summary["rmse"] < summary["rmse_interval"][1]
    assert 0.75 < summary["r2"] < 0.95
    assert rows["read"] == 20_642
    assert rows["rejected"] == 2
    assert sum(rows[part] for part in PARTS) == 20_642
    assert summary["books"]["balanced"]
    assert summary["books"]["sentence"].startswith("20,642 rows read = 2 rejected + ")
    assert 10_000 < summary["prediction"]["value"] < 600_000
    assert summary["resources"]["AWS::SageMaker::Pipeline"] >= 1
    assert summary["resources"]["AWS::Glue::Workflow"] == 1
    assert {"synth", "deploy", "run", "prediction", "total"} <= set(summary["seconds"])


def test_every_role_made_calls_and_none_was_denied(finished: subprocess.CompletedProcess[str]) -> None:
    summary = json.loads(finished.stdout)
    assert summary["denied"] == 0
    assert {role: counts["denied"] for role, counts in summary["calls"].items() if counts["denied"]} == {}
    assert len(summary["calls"]) >= 8
    for role in ("PreProcessingRole", "PrepareRole", "TrainRole", "EvaluateRole", "PipelineRole"):
        made = [counts["made"] for name, counts in summary["calls"].items() if role in name]
        assert sum(made) > 0, role


def test_the_report_and_its_plots_are_on_disk(finished: subprocess.CompletedProcess[str]) -> None:
    reports = Path(json.loads(finished.stdout)["reports"])
    assert (reports / "report.html").stat().st_size > 1000
    plots = list(reports.glob("*.png"))
    assert len(plots) >= 3
    assert all(plot.read_bytes().startswith(b"\x89PNG") for plot in plots)


def test_the_rejected_rows_lie_beside_the_report(finished: subprocess.CompletedProcess[str]) -> None:
    summary = json.loads(finished.stdout)
    path = Path(summary["rejects"])
    assert path.parent == Path(summary["reports"])
    with path.open(newline="") as file:
        assert [(row["line"], row["row"]) for row in csv.DictReader(file)] == [("20642", "1,2,3"), ("20643", "4,5,6")]


def test_a_missing_file_is_an_error_that_says_what_to_do() -> None:
    done = mlops("local", "run", "--data", "nowhere.csv", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "There is no file nowhere.csv."


def test_demo_takes_its_file_and_model_as_arguments() -> None:
    done = subprocess.run(
        [str(ROOT / "dev"), "demo", "MODEL=nope", "DATA=no where.csv", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "There is no file no where.csv."
    done = subprocess.run([str(ROOT / "dev"), "demo", "MODEL=nope"], capture_output=True, text=True, check=False)
    assert "There is no sample data for model 'nope'" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_end_from_outside_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [sys.executable, str(ROOT / "cli"), "local", "run"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as run:
        assert run.stderr is not None
        next(line for line in run.stderr if "pre-processing" in line)
        (state,) = tmp_path.glob("mlops-*/state")
        run.send_signal(number)
        run.stderr.read()
    assert run.returncode == code
    assert not state.exists()
    assert list(tmp_path.glob("mlops-*")) == []
