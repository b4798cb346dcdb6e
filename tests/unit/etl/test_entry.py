from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.etl.harness import RAW, csv_text, flats, small_contract


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Of a good file and of one that is refused."""
    folder = tmp_path_factory.mktemp("entry")
    (folder / "good.csv").write_text(csv_text([*flats(50), ["secret", *flats(1)[0][1:]]]))
    (folder / "bad.csv").write_text("rooms,beds,town,price\n1,2,D,3\n")
    command = [sys.executable, str(Path(__file__).with_name("entry.py")), json.dumps(small_contract().to_dict())]
    command += [str(folder / "good.csv"), str(folder / "bad.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_main_reads_the_version_of_the_run_and_writes_its_data_set(outcomes: list[dict[str, Any]]) -> None:
    result = outcomes[0]
    assert result["error"] is None
    names = ("manifest.json", "profile.json", *(f"{folder}/part-00000.parquet" for folder in sorted(RAW)))
    names += (
        "recipe.json",
        "rejects/part-00000.json",
        "test/part-00000.parquet",
        "train/part-00000.parquet",
        "validation/part-00000.parquet",
    )
    assert result["keys"] == [f"flats/run=r1/{name}" for name in names]
    manifest = result["documents"]["manifest.json"]
    assert (manifest["rows"]["read"], manifest["rows"]["rejected"]) == (51, 1)
    logs = result["logs"]
    assert [line["event"] for line in logs] == ["started", "parsed", "fitted", "finished"]
    assert all((line["model"], line["run_id"], line["level"]) == ("flats", "r1", "INFO") for line in logs)
    assert logs[1]["reasons"] == {"rooms: not a number": 1}
    assert "secret" not in json.dumps(logs)


def test_main_fails_with_the_reason_of_a_refusal(outcomes: list[dict[str, Any]]) -> None:
    result = outcomes[1]
    reason = "f.csv: line 1, the header, lacks people; add what is missing"
    assert result["error"] == f"Refused: {reason}"
    assert result["keys"] == ["flats/run=r1/refused.json"]
    assert result["documents"]["refused.json"]["reason"] == reason
    assert [line["event"] for line in result["logs"]] == ["started", "refused"]
