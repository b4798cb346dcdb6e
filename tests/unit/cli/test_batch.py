"""`mlops batch`: what is checked before an upload, what is said at the end, and what a failure leaves behind."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli import batch as command
from cli import batches
from cli.batches import Batch, Progress
from cli.errors import CliError
from cli.main import app
from cli.terminal import Console
from contract import MAX_BATCH_BYTES, batch_id

MODEL = "california_housing"
SENT = Batch(MODEL, id="0123456789a", job="job", key=f"batch/{MODEL}/rows.csv", version_id="v1")
DONE = {
    "state": "done",
    "reason": "2 of 3 rows predicted by version 7.",
    "model": MODEL,
    "model_version": 7,
    "contract_hash": "0123456789abcdef" * 4,
    "rows": 1_000_003,
    "bad_rows": 7,
    "errors": [{"line": n, "reason": f"age: wrong {n}"} for n in range(2, 9)],
    "reasons": [
        {"count": 4, "line": 2, "reason": "age must be a number, is '[/x]'"},
        {"count": 1, "line": 9, "reason": "age is missing"},
    ],
    "warnings": ["the column b is not in the file: it is missing in every row"],
    "seconds": 61.25,
    "predictions": "s3://artifact/folder/output/rows.csv.out",
}


class Cloud:
    """A target whose batch ends with `result`, after a poll that finds `job`."""

    where = "local"

    def __init__(self, result: Mapping[str, Any] | None = None, *, content: bytes = b"predictions\n") -> None:
        self.result, self.content = result, content
        self.polls = 0

    @property
    def place(self) -> Cloud:
        return self

    def output(self, key: str) -> str:
        return key.removesuffix("BucketName").lower()

    def resource_name(self, model: str) -> str:
        return f"mlops-dev-{model}"

    def client(self, _service: str) -> Any:
        missing = type("Missing", (Exception,), {})
        exceptions = SimpleNamespace(ResourceNotFoundException=missing)
        return SimpleNamespace(
            exceptions=exceptions,
            upload_file=lambda _file, bucket, key, **_: self._keep(bucket, key),
            head_object=lambda **_: {"VersionId": "v1", "ContentLength": len(self.content)},
            get_object=self._get,
            download_file=self._download,
            describe_transform_job=lambda **_: {},
            describe_log_streams=lambda **_: {"logStreams": [{"logStreamName": "s"}]},
            get_log_events=lambda **_: {"events": [{"timestamp": 1, "message": "last words\n"}]},
            get_paginator=lambda _: SimpleNamespace(paginate=self._log),
        )

    def _keep(self, bucket: str, key: str) -> None:
        self.uploaded = (bucket, key)

    def _get(self, **_: str) -> dict[str, Any]:
        self.polls += 1
        if self.result is None or self.polls == 1:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(json.dumps(self.result).encode())}

    def _download(self, bucket: str, key: str, path: str, **_: Any) -> None:
        Path(path).write_bytes(self.content[:4])
        if not self.content:
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
        Path(path).write_bytes(self.content)

    def _log(self, **_: Any) -> list[dict[str, Any]]:
        lines = [
            '{"event": "batch rows", "lines": 40, "not_predicted": 1}',
            'INFO "batch rows" "lines": 2',
            "batch rows",
        ]
        return [{"events": [{"message": line}]} for line in lines]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n2\n")
    return path


def run(cloud: Any, file: Path, to: Path, console: Console | None = None) -> Mapping[str, Any]:
    return command.run(cloud, model=MODEL, file=file, to=to, console=console or Console(quiet=True))


def test_the_predictions_lie_beside_the_file_at_the_end(file: Path, tmp_path: Path) -> None:
    cloud, said = Cloud(DONE), io.StringIO()
    to = tmp_path / "out.csv"
    assert run(cloud, file, to, Console(file=said)) == DONE
    assert to.read_bytes() == b"predictions\n"
    assert cloud.uploaded == ("raw", f"batch/{MODEL}/rows.csv")
    identity = batch_id(MODEL, f"batch/{MODEL}/rows.csv", "v1")
    assert said.getvalue().splitlines() == [f"Uploaded {file} (local), batch {identity}", "Predicting"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]


def test_progress_counts_the_lines_that_the_model_logged() -> None:
    cloud: Any = Cloud(DONE)
    assert batches.progress_of(cloud, SENT) == Progress("running", 42)
    assert batches.progress_of(cloud, SENT) == Progress("running", 42, 1_000_004)


def test_the_summary_names_version_and_the_most_frequent_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    command._print(DONE, Path("out.csv"))
    assert capsys.readouterr().out.splitlines() == [
        "999,996 of 1,000,003 rows predicted by california_housing version 7 (contract 0123456789ab) in 61.2 s; "
        "7 bad rows",
        "  Note: the column b is not in the file: it is missing in every row",
        "  4 rows, such as line 2: age must be a number, is '[/x]'",
        "  1 row, line 9: age is missing",
        "  and other reasons: see the column prediction_error",
        "Predictions: out.csv",
    ]


def test_a_refusal_is_an_error_with_its_reason(file: Path, tmp_path: Path) -> None:
    cloud = Cloud({"state": "refused", "reason": "rows.csv: line 1, the header, lacks age; add what is missing"})
    with pytest.raises(CliError) as refused:
        run(cloud, file, tmp_path / "out.csv")
    assert str(refused.value) == (
        "The file was refused. rows.csv: line 1, the header, lacks age; add what is missing. "
        "Nothing was predicted; it is still in the raw bucket."
    )
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_failure_is_an_error_with_the_jobs_last_words(file: Path, tmp_path: Path, state: str) -> None:
    with pytest.raises(CliError, match=rf"The batch {state}: no access\.") as failed:
        run(Cloud({"state": state, "reason": "no access."}), file, tmp_path / "out.csv")
    assert failed.value.log == ("last words",)


def test_waiting_ends_and_names_the_job() -> None:
    cloud: Any = Cloud()
    with pytest.raises(CliError, match=r"is still running after 0 s\. See transform job job") as late:
        batches.wait(cloud, SENT, on_progress=lambda _: None, timeout=0)
    assert late.value.message.startswith("Batch 0123456789a ")


def test_earlier_predictions_survive_a_broken_download(file: Path, tmp_path: Path) -> None:
    to = tmp_path / "out.csv"
    to.write_text("earlier")
    with pytest.raises(ClientError):
        run(Cloud(DONE, content=b""), file, to)
    assert to.read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]


def test_what_cannot_be_sent_or_written_is_told_before_anything_is_sent(file: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as opened:
        opened.truncate(MAX_BATCH_BYTES + 1)
    (tmp_path / "link.csv").symlink_to(file)
    out = tmp_path / "out.csv"
    for source, to, words in (
        (tmp_path / "no.csv", out, "There is no file"),
        (tmp_path, out, "is a folder. Name a CSV file"),
        (large, out, "has 5,368,709,121 bytes, a batch at most 5,368,709,120. Split it."),
        (file, tmp_path / "no" / "out.csv", "There is no folder"),
        (file, tmp_path / "link.csv", "cannot be written to"),
        (file, tmp_path, "cannot be written to"),
    ):
        with pytest.raises(CliError, match=words):
            batches.check(source, to)


def test_the_command_prints_one_object(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(command, "find_target", lambda **_: Cloud(DONE))
    done = CliRunner().invoke(app, ["batch", str(file), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {**DONE, "output": f"{file}.predictions.csv"}
    assert Path(f"{file}.predictions.csv").read_text() == "predictions\n"
    refused = CliRunner().invoke(app, ["batch", f"{file}.no", "--json"])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"] == f"There is no file {file}.no."


@pytest.mark.parametrize(("flags", "cell"), [([], b"=1+1"), (["--excel-safe"], b"'=1+1")])
def test_cells_are_safe_for_a_spreadsheet_when_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, file: Path, flags: list[str], cell: bytes
) -> None:
    monkeypatch.setattr(command, "find_target", lambda **_: Cloud(DONE, content=b"a,prediction\n=1+1,-5.5\n"))
    done = CliRunner().invoke(app, ["batch", str(file), *flags])
    assert done.exit_code == 0, done.output
    assert Path(f"{file}.predictions.csv").read_bytes() == b"a,prediction\n" + cell + b",-5.5\n"
    assert sorted(path.name for path in file.parent.iterdir()) == ["rows.csv", "rows.csv.predictions.csv"]
