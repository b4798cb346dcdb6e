"""`mlops rejects` and `mlops data`: rows as they were in the file, on the terminal, as JSON and in a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli import datasets, follow, local, render
from cli.errors import CliError
from cli.main import app
from cli.rows import raw_table
from cli.tables import cell_text, csv_lines
from cli.terminal import Console
from contract import Contract, load
from contract.books import books_of
from tests.unit.pipeline.factory import RUN_ID, row_id, synthetic_rows, write_dataset
from tracking.place import Place
from tracking.run import Run

ROOT = Path(__file__).resolve().parents[3]
BUCKET = "processed"
REJECTS = [
    {"line": 2, "reason": "survived is '2'; known are '0' and '1'", "row": "1,2,[red]x"},
    {
        "line": 9,
        "reason": "age must be at least 0, is -3; fare must be a number, is 'a'",
        "row": '"two\nlines",\x1b[2J',
    },
]


@dataclass(frozen=True)
class Cloud:
    """A target with one bucket."""

    s3: Any

    def client(self, _service: str) -> Any:
        return self.s3

    @property
    def place(self) -> Place:
        return Place(
            client=self.client, prefix="mlops-dev-", processed_bucket=BUCKET, workflow="w", artifact_bucket="artifact"
        )

    def put(self, folder: Path, contract: Contract) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                self.s3.upload_file(str(path), BUCKET, f"{contract.name}/run={RUN_ID}/{name}")

    def put_rejects(self, contract: Contract) -> None:
        body = "\n".join(map(json.dumps, REJECTS)).encode()
        key = f"{contract.name}/run={RUN_ID}/rejects/part-00000.json"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load(ROOT / "tests" / "unit" / "contract" / "housing.toml")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        yield Cloud(s3)


def run_of(contract: Contract, manifest: dict[str, Any] | None, *, state: str = "live") -> Run:
    return Run(
        run_id=RUN_ID,
        model=contract.name,
        state=state,
        file=f"{contract.name}/housing.csv",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        reason="Served by it.",
        steps=(),
        manifest=manifest,
        evaluation=None,
        evaluation_uri="",
        model_version=None,
    )


@pytest.fixture
def mlops(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, contract: Contract) -> Any:
    """Calls a command on a run; returns what it ended with."""

    def call(*arguments: str, run: Run) -> Any:
        monkeypatch.setattr(datasets, "find_target", lambda **_: cloud)
        monkeypatch.setattr(datasets, "find_run", lambda *_, **__: run)
        return CliRunner().invoke(app, list(arguments))

    return call


def test_rejects_are_shown_with_all_that_is_wrong(mlops: Any, cloud: Cloud, contract: Contract) -> None:
    cloud.put_rejects(contract)
    done = mlops("rejects", RUN_ID, run=run_of(contract, None, state="refused"))
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "line 2: survived is '2'; known are '0' and '1'",
        "  '1,2,[red]x'",
        "line 9: age must be at least 0, is -3; fare must be a number, is 'a'",
        "  '\"two\\nlines\",\\x1b[2J'",
    ]


REFUSED: dict[str, Any] = {
    "reason": "housing.csv: 3 of 9 rows rejected",
    "rows": {"read": 9, "rejected": 3, "replaced": 0, "dropped_equal": 0, "usable": 6},
    "reasons": {"survived: unknown level": 2, "age: below [0]": 1},
    "examples": {"survived: unknown level": "line 2: survived is '2'; known are '0' and '1'"},
}
SENTENCE = "9 rows read = 3 rejected + 6 usable, of which nothing was made"


def test_the_rejects_of_a_refused_file_come_with_its_books(mlops: Any, cloud: Cloud, contract: Contract) -> None:
    cloud.put_rejects(contract)
    run = replace(run_of(contract, None, state="refused"), refused=REFUSED)
    done = mlops("rejects", RUN_ID, run=run)
    assert done.stderr.splitlines() == [
        SENTENCE,
        "2 rejected: survived: unknown level (line 2: survived is '2'; known are '0' and '1')",
        "1 rejected: age: below [0]",
    ]
    assert len(done.stdout.splitlines()) == 4
    books = json.loads(mlops("rejects", RUN_ID, "--json", run=run).stdout)["books"]
    assert (books["sentence"], books["balanced"]) == (SENTENCE, True)


def test_a_refused_run_shows_its_books(contract: Contract) -> None:
    run = replace(run_of(contract, None, state="refused"), refused=REFUSED)
    text = io.StringIO()
    render.print_run(Console(file=text, width=200), run)
    lines = text.getvalue().splitlines()
    assert SENTENCE in lines
    assert f"every rejected row: mlops rejects {RUN_ID}" in lines
    assert render.run_document(run)["books"]["sentence"] == SENTENCE


def test_rejects_are_written_as_csv(mlops: Any, cloud: Cloud, contract: Contract, tmp_path: Path) -> None:
    cloud.put_rejects(contract)
    out = tmp_path / "new" / "rejects.csv"
    done = mlops("rejects", RUN_ID, "--out", str(out), run=run_of(contract, None))
    assert done.stdout == f"2 rejected rows: {out}\n"
    with out.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert found == [{**reject, "line": str(reject["line"])} for reject in REJECTS]


def test_rejects_are_one_json_object(mlops: Any, cloud: Cloud, contract: Contract, tmp_path: Path) -> None:
    cloud.put_rejects(contract)
    done = mlops("rejects", RUN_ID, "--json", run=run_of(contract, None))
    assert json.loads(done.stdout) == {"run_id": RUN_ID, "rejected": 2, "books": None, "rejects": REJECTS}
    out = tmp_path / "r.csv"
    written = mlops("rejects", RUN_ID, "--json", "--out", str(out), run=run_of(contract, None))
    assert json.loads(written.stdout) == {"run_id": RUN_ID, "rows": 2, "output": str(out)}


def test_a_run_without_rejects_says_so_and_writes_nothing(mlops: Any, contract: Contract, tmp_path: Path) -> None:
    out = tmp_path / "rejects.csv"
    done = mlops("rejects", RUN_ID, "--out", str(out), run=run_of(contract, None))
    assert (done.exit_code, done.stdout) == (0, "No row was rejected; nothing was written.\n")
    assert not out.exists()
    assert mlops("rejects", RUN_ID, run=run_of(contract, None)).stderr == "No row was rejected.\n"


def test_a_local_run_keeps_its_rejected_rows_beside_the_report(
    cloud: Cloud, contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a refused file too: the cloud that has them ends with the command."""
    monkeypatch.setattr(local, "LOCAL_DIR", tmp_path)
    refused: Any = run_of(contract, None, state="refused")
    anything: Any = cloud
    assert local.keep_rejects(anything, refused) is None
    cloud.put_rejects(contract)
    path = tmp_path / "reports" / RUN_ID / "rejects.csv"
    assert local.keep_rejects(anything, refused) == path
    assert path.read_text().splitlines()[:2] == [
        "line,reason,row",
        """2,survived is '2'; known are '0' and '1',"1,2,[red]x\"""",
    ]


def data_set(cloud: Cloud, contract: Contract, folder: Path) -> dict[str, Any]:
    """As the ETL job leaves it; returns its manifest."""
    write_dataset(folder, contract, synthetic_rows(300, contract))
    cloud.put(folder, contract)
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def test_the_test_rows_are_those_of_the_file(mlops: Any, cloud: Cloud, contract: Contract, tmp_path: Path) -> None:
    """The target stands in the model's own files; a missing value is an empty field."""
    manifest = data_set(cloud, contract, tmp_path / "set")
    done = mlops("data", RUN_ID, run=run_of(contract, manifest))
    assert done.exit_code == 0, done.stderr
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(found[0]) == ["side", "row_id", *contract.columns]
    assert len(found) == manifest["rows"]["test"] > 20
    by_id = {row_id(contract, row): row for row in synthetic_rows(300, contract)}
    for record in found:
        wanted = by_id[record["row_id"]]
        assert record["side"] == "test"
        assert {name: record[name] for name in contract.columns} == {
            name: cell_text(wanted[name]) for name in contract.columns
        }
    assert any(record["total_bedrooms"] == "" for record in found)


def test_a_side_that_is_not_kept_is_an_error(mlops: Any, cloud: Cloud, contract: Contract, tmp_path: Path) -> None:
    manifest = data_set(cloud, contract, tmp_path / "set")
    done = mlops("data", RUN_ID, "--split", "train", "--json", run=run_of(contract, manifest))
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "error": f"Run {RUN_ID} keeps no train rows as they were in the file.",
        "hint": "Sides that it keeps: test.",
        "log": [],
    }
    assert mlops("data", RUN_ID, "--split", "all", run=run_of(contract, manifest)).exit_code == 2
    with pytest.raises(CliError, match="has no data set: Served by it"):
        raw_table(cloud, run_of(contract, None), None)  # type: ignore[arg-type]


def test_all_sides_that_are_kept_with_key_and_group(cloud: Cloud, contract: Contract, tmp_path: Path) -> None:
    """Files that hold the target, and the texts that say the side."""
    keyed = replace(
        contract,
        data=replace(contract.data, key="district"),
        split=replace(contract.split, group="ocean_proximity"),
    )
    manifest = data_set(cloud, keyed, tmp_path / "set")
    path = tmp_path / "set" / "raw" / "test" / "part-0.parquet"
    test = pq.read_table(path).slice(0, 2)
    texts = {"__key": ["d 1", "d 2"], "__group": ["x", "y"], contract.target.name: [2.5, 100_000.0]}
    for name, values in texts.items():
        test = test.append_column(name, pa.array(values))
    pq.write_table(test, path)
    key = f"{contract.name}/run={RUN_ID}/raw/train/part-0.parquet"
    cloud.s3.upload_file(str(path), BUCKET, key)
    manifest["files"] = {"raw_train": [key], "raw_test": [key]}
    table = raw_table(cloud, run_of(keyed, manifest), None)  # type: ignore[arg-type]
    rows = [dict(zip(table.header, cells, strict=True)) for cells in table.rows]
    assert table.header[:3] == ("side", "row_id", "key district")  # the group is a feature
    assert [row["side"] for row in rows] == ["train", "train", "test", "test"]
    assert {row["key district"] for row in rows} == {"d 1", "d 2"}
    assert {row["median_house_value"] for row in rows} == {2.5, 100_000.0}
    assert len(list(raw_table(cloud, run_of(keyed, manifest), "test").rows)) == 2  # type: ignore[arg-type]


def test_a_level_of_the_target_is_in_the_words_of_the_file(cloud: Cloud, tmp_path: Path) -> None:
    from tests.unit.pipeline.binary import binary_contract, binary_rows

    binary = binary_contract()
    write_dataset(tmp_path, binary, binary_rows(200))
    cloud.put(tmp_path, binary)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    table = raw_table(cloud, run_of(binary, manifest), "test")  # type: ignore[arg-type]
    by_id = {row_id(binary, row): ("no", "yes")[int(row["sold"])] for row in binary_rows(200)}
    found = {str(cells[1]): cells[-1] for cells in table.rows}
    assert found == {key: by_id[key] for key in found}
    assert set(found.values()) == {"no", "yes"}


def test_a_csv_has_whole_numbers_as_they_are_written() -> None:
    rows = [(880.0, -0.25, None, 'a "b",\nc', 1e300), (1e15, 3, "", "é", 0.1)]
    text = "".join(csv_lines(("a", "b", "c", "d", "e"), rows))
    assert text == 'a,b,c,d,e\n880,-0.25,,"a ""b"",\nc",1e+300\n1000000000000000.0,3,,é,0.1\n'


MANIFEST: dict[str, Any] = {
    "rows": {"read": 10, "rejected": 4, "train": 4, "validation": 1, "test": 1},
    "reasons": {"a": 1, "[b]": 1, "c": 1, "d: unknown level": 1},
    "examples": {"d: unknown level": "line 2: d is '[/x]'; known are 'y' and 'z'"},
    "warnings": ["30 % of the rows are equal to an earlier one; it looks like a file sent twice"],
}


def printed(draw: Any, *arguments: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    draw(console, *arguments)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_run_is_shown_with_its_books(contract: Contract) -> None:
    lines = printed(render.print_run, run_of(contract, MANIFEST))
    assert lines[-7:] == [
        "10 rows read = 4 rejected + 4 train + 1 validation + 1 test",
        "1 rejected: [b]",
        "1 rejected: a",
        "1 rejected: c",
        "1 rejected for 1 other reason",
        "warning: 30 % of the rows are equal to an earlier one; it looks like a file sent twice",
        f"every rejected row: mlops rejects {RUN_ID}",
    ]
    end = printed(render.print_end, run_of(contract, MANIFEST))
    assert (end[0], end[1:]) == ("live: Served by it.", lines[-7:])
    assert render.run_document(run_of(contract, MANIFEST))["books"]["sentence"] == lines[-7]
    assert render.run_document(run_of(contract, None))["books"] is None


def test_what_is_worth_knowing_is_said_while_a_run_is_under_way(contract: Contract) -> None:
    console = Console(file=io.StringIO(), width=200)
    with follow._line_view(console) as show:
        show(run_of(contract, None, state="etl"))
        for _ in range(3):
            show(run_of(contract, MANIFEST, state="training"))
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        f"run {RUN_ID}: etl",
        "  4 of 10 rows rejected",
        "  1 rejected: [b]",
        "  1 rejected: a",
        "  1 rejected: c",
        "  1 rejected for 1 other reason",
        "  warning: 30 % of the rows are equal to an earlier one; it looks like a file sent twice",
        f"run {RUN_ID}: training",
    ]
    assert follow.worth_knowing(books_of({"rows": {"read": 1, "train": 1}})) == ()
    drawn = printed(lambda on: on.print(follow.steps_and_books(run_of(contract, MANIFEST))))
    assert "4 of 10 rows rejected" in drawn


def test_the_summary_of_a_local_run_adds_up() -> None:
    books = books_of(MANIFEST)
    assert books is not None
    summary = {
        **{"model": "m", "model_version": 1, "metric": "rmse", "rmse": 2.0, "rmse_interval": [1.0, 3.0]},
        **{"gate": "fine", "prediction": None, "reports": "r", "rejects": "r/rejects.csv", "calls": {}, "denied": 0},
        **{"resources": {}, "steps": {}, "seconds": {}, "books": books.to_dict()},
    }
    lines = printed(render.print_summary, summary)
    assert any(line.endswith("10 rows read = 4 rejected + 4 train + 1 validation + 1 test") for line in lines)
    assert any(line.endswith("looks like a file sent twice") for line in lines)
    assert any(line.split() == ["rejects", "r/rejects.csv"] for line in lines)


@pytest.mark.parametrize(
    ("rejects", "said"),
    [(None, f" Rejected rows: mlops rejects {RUN_ID}."), ("x/r.csv", " Rejected rows: x/r.csv."), ("", "")],
)
def test_a_refusal_says_where_the_rejected_rows_are(contract: Contract, rejects: str | None, said: str) -> None:
    unused: Any = None
    with pytest.raises(CliError) as raised:
        follow.raise_for_failure(unused, run_of(contract, None, state="refused"), rejects=rejects)
    assert raised.value.hint == f"Nothing was trained; it is still in the raw bucket.{said}"
