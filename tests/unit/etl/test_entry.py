from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.unit.etl.harness import csv_text, flats, small_contract


def run(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "f.csv"
    path.write_text(text)
    command = [sys.executable, str(Path(__file__).with_name("entry.py")), str(path)]
    command.append(json.dumps(small_contract().to_dict()))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_main_reads_the_version_of_the_run_and_writes_its_data_set(tmp_path: Path) -> None:
    result = run(tmp_path, csv_text([*flats(50), ["secret", *flats(1)[0][1:]]]))
    assert result["error"] is None
    names = ("manifest.json", "profile.json", "recipe.json", "rejects/part-00000.json", "test/part-00000.parquet")
    names += ("train/part-00000.parquet", "validation/part-00000.parquet")
    assert result["keys"] == [f"flats/run=r1/{name}" for name in names]
    manifest = result["documents"]["manifest.json"]
    assert (manifest["rows"]["read"], manifest["rows"]["rejected"]) == (51, 1)
    logs = result["logs"]
    assert [line["event"] for line in logs] == ["started", "parsed", "fitted", "finished"]
    assert all((line["model"], line["run_id"], line["level"]) == ("flats", "r1", "INFO") for line in logs)
    assert logs[1]["reasons"] == {"rooms: not a number": 1}
    assert "secret" not in json.dumps(logs)


def test_main_fails_with_the_reason_of_a_refusal(tmp_path: Path) -> None:
    result = run(tmp_path, "rooms,people,town,price\n1,2,D,3\n")
    reason = "f.csv: line 1, the header, lacks beds; add what is missing"
    assert result["error"] == f"Refused: {reason}"
    assert result["keys"] == ["flats/run=r1/refused.json"]
    assert result["documents"]["refused.json"]["reason"] == reason
    assert [line["event"] for line in result["logs"]] == ["started", "refused"]
