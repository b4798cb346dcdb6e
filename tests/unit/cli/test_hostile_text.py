"""Hostile words through every verb: no traceback, nothing that a terminal obeys, and the right exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import cli.local
from cli import (
    access,
    api,
    batch,
    batches,
    datasets,
    delivery,
    deployment,
    doctor,
    environment,
    etl,
    kubernetes,
    lifecycle,
    main,
    operate,
    protection,
    registry,
    retained,
    running,
    runs,
    serving,
    teardown,
)
from cli import follow as following
from cli import rows as rowreading
from cli.dead_letters import Letter
from cli.errors import CliError
from cli.estate import GROUP
from cli.needs import Needs, QuotaNeed
from cli.records import records_to_ask
from cli.terminal import output
from cli.upload import upload
from tests.records import told
from tests.unit.cli import hostile
from tests.unit.cli.hostile import EVIL, MODEL, NAME, PREDICTION, RESULT, SUMMARY, HostileTarget, RefusingTarget
from tracking import runs as tracked
from tracking.datasets import Reject
from tracking.versions import ModelVersion

# Of an environment that needs what nobody should obey.
QUOTAS = (
    QuotaNeed("sagemaker", f"mlops-dev-{EVIL}", least=2, wanted=3, why=EVIL, shared_with=EVIL),
    QuotaNeed("sagemaker", EVIL, least=2, wanted=3, why=EVIL),
)
NEEDS = Needs(EVIL, ("eu-west-1",), (EVIL,), 6, EVIL, reserved={EVIL: 1}, event_log=True, quotas=QUOTAS)
# Every verb, with arguments for which its exit code is known. FILE is a CSV file, DIFF what `cdk diff` printed.
OK, FAILS, WRONG = 0, 1, 2
CASES: dict[str, list[tuple[Sequence[str], int]]] = {
    "upload": [
        (["FILE", "--no-wait"], OK),
        (["FILE"], FAILS),
        ([EVIL], FAILS),
        (["FILE", EVIL], WRONG),
    ],
    "runs": [([], OK), ([EVIL], OK)],
    "retry": [
        ([EVIL], FAILS),
        ([EVIL, "--fresh"], FAILS),
        ([EVIL, "--from", "etl"], FAILS),
        ([EVIL, "--from", EVIL], WRONG),
    ],
    "destroy": [
        (["--env", EVIL, "--yes"], OK),
        (["--env", EVIL, "--yes", "--delete-retained", EVIL], FAILS),
        (["--env", EVIL, "--yes", "--model", EVIL], OK),
    ],
    "predict": [
        (["--explain"], OK),
        (["--set", f"{EVIL}=1"], FAILS),
        (["--set", "[/x]"], FAILS),
        (["--file", EVIL], FAILS),
    ],
    "models": [([], OK)],
    "model": [(["2"], OK), (["9"], FAILS), ([EVIL], WRONG)],
    "approve": [
        (["1", "--no-wait"], OK),
        (["1", "--no-wait", "--reason", "fixes [/x]"], OK),
        (["1", "--reason", EVIL], FAILS),
        (["1"], FAILS),
    ],
    "reject": [(["1", "--reason", "fixes [/x]"], OK), (["1", "--reason", EVIL], FAILS)],
    "rollback": [(["--no-wait", "--reason", "[/x]"], OK), (["--reason", EVIL], FAILS), (["2"], FAILS)],
    "stop": [([EVIL, "--yes"], OK)],
    "deploy": [([EVIL, "--no-wait"], OK), ([EVIL], FAILS)],
    "batch": [(["FILE"], OK), (["FILE", "--output", f"/none/{NAME}/out"], FAILS)],
    "diff-report": [(["DIFF"], FAILS), (["DIFF", "--allow-destructive"], OK), (["FILE"], FAILS)],
    "smoke": [([], OK)],
    "deployed-commit": [([], OK)],
    "redrive": [(["--list"], OK), (["--yes"], OK), ([EVIL], FAILS)],
    "logs": [
        ([EVIL], OK),
        ([EVIL, "--all"], OK),
        ([EVIL, "--follow"], OK),
        (["--request", "a-1"], OK),
        (["--request", EVIL], FAILS),
    ],
    "rejects": [([EVIL], OK), ([EVIL, "--out", "rejected.csv"], OK)],
    "data": [([EVIL], OK), ([EVIL, "--excel-safe"], OK), ([EVIL, "--split", EVIL], WRONG)],
    "local run": [(["--data", "FILE"], OK), (["--data", EVIL], FAILS), (["--model", EVIL], FAILS)],
    "local up": [(["--no-page"], OK), (["--port", EVIL], WRONG)],
    "local env": [([], OK), (["--shell", EVIL], WRONG)],
    "doctor": [([], FAILS)],
    "retained": [([], OK)],
    "keys create": [(["partner"], OK), ([EVIL], FAILS), (["partner", "--models", EVIL], FAILS)],
    "keys list": [([], OK)],
    "keys revoke": [([EVIL], FAILS), (["page"], FAILS)],
    "k8s secret": [([], OK), (["--apply"], FAILS)],
}
# These say the same with and without it, or have it not.
WITHOUT_JSON = ("diff-report", "deployed-commit")


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every verb of the command line, as it is typed."""
    if not hasattr(command, "commands"):
        yield " ".join(path)
    for name, item in getattr(command, "commands", {}).items():
        yield from verbs(item, (*path, name))


def test_every_verb_has_a_hostile_case() -> None:
    missing = sorted(set(verbs(typer.main.get_command(main.app))) - set(CASES))
    assert missing == [], (
        f"`mlops {missing[0] if missing else ''}` has no hostile case: add one to CASES here, in which every word that "
        "the verb shows (of files, people, AWS, the REST API) is EVIL or holds it"
    )
    assert set(CASES) - set(verbs(typer.main.get_command(main.app))) == set(), "cases of verbs that are gone"


def test_what_is_obeyed_is_found() -> None:
    found = "".join(hostile.obeyed(EVIL))
    for part in (r"\x1b]0;", r"\x1b]8;;", r"\x1b[2J", r"\x1b[31;1;7m", r"\rover", r"\x9b", r"\u202e", "FORGED"):
        assert part in found
    assert hostile.obeyed("\x1b[1;2;34mdrawn\x1b[0m by\x1b[?25l\r\x1b[2K Rich\n") == []


class Reader:
    """Runs as hostile as can be; the state is the newest's."""

    state = "failed"

    def __init__(self, *_: Any, **__: Any) -> None:
        self._executions = iter(("", EVIL))

    def read(self, _run_id: str) -> Any:
        return hostile.run(self.state)

    def execution_arn(self, _run_id: str) -> str:
        return next(self._executions)


def version(number: int) -> ModelVersion:
    made = hostile.run("live").started
    assert made is not None
    words = {"metric": EVIL, "metric_value": EVIL, "run_id": EVIL, "deployment_state": EVIL, EVIL: EVIL}
    return ModelVersion(number, f"arn:{EVIL}", "Approved", EVIL, made, EVIL, number == 2, words, wanted=number == 2)


class Response:
    status, data = 200, json.dumps({"predictions": [PREDICTION], "model_version": EVIL}).encode()


class Described:
    status = 200
    data = json.dumps(
        {
            "name": EVIL,
            "example": {EVIL: EVIL},
            "features": [{"name": EVIL, "type": "category", "levels": [EVIL], "nullable": False}],
            "data": {"missing": [EVIL]},
            "models": [{"name": name, "notice": EVIL} for name in ("breast_cancer", "california_housing")],
        }
    ).encode()


class Refusal:
    status = 400
    data = json.dumps({"errors": [{"instance": 0, "field": EVIL, "reason": EVIL}], "detail": EVIL}).encode()


@contextmanager
def deployed(**_: Any) -> Iterator[Any]:
    cloud = SimpleNamespace(endpoint="http://127.0.0.1:1", region="eu-west-1")
    yield SimpleNamespace(target=hostile.target(), resources={EVIL: 1}, cloud=cloud)


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture(params=[HostileTarget, RefusingTarget])
def kind(request: pytest.FixtureRequest) -> type[HostileTarget]:
    found: type[HostileTarget] = request.param
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[HostileTarget]) -> Path:
    """A folder with hostile files, and commands that work on hostile answers."""
    folder = tmp_path / "[red]"
    folder.mkdir()
    (folder / NAME).write_text("a\n1\n")
    changed = EVIL.replace("\n", " ")
    diff = f"Stack dev/Data\n[-] AWS::S3::Bucket RawBucket destroy\n └─ {changed}\n"
    (folder / "diff.txt").write_text(diff, encoding="utf-8")
    target = hostile.target(kind)
    refuses = kind is RefusingTarget
    for module in (access, main, batch, datasets, delivery, doctor, kubernetes, lifecycle, operate, retained, serving):
        monkeypatch.setattr(module, "find_target", lambda **_: target)
    monkeypatch.setattr(doctor, "needs_of", lambda _: NEEDS)
    for module in (tracked, following, runs, operate, etl):
        monkeypatch.setattr(module, "RunReader", Reader)
    monkeypatch.setattr(runs, "list_runs", lambda *_, **__: [hostile.run("failed"), hostile.run("live")])
    monkeypatch.setattr(runs, "_models_with", lambda *_: [EVIL])
    monkeypatch.setattr(registry, "tracked_version", lambda *found: version(found[2]) if found[2] < 3 else None)
    monkeypatch.setattr(registry, "newest_approved", lambda *_: None)
    monkeypatch.setattr(registry, "versions", lambda *_: [version(2), version(1)])
    monkeypatch.setattr(serving, "wait_for", lambda *_, **__: None)
    for module in (deployment, serving):
        monkeypatch.setattr(module, "versions", lambda *_: [version(2), version(1)])
        monkeypatch.setattr(module, "PATIENCE_SECONDS", {"aws": 0.1})
        monkeypatch.setattr(module, "PAUSE_SECONDS", {"aws": 0.01})
    answers = {"GET": Described, "POST": Response}
    http = SimpleNamespace(request=lambda method, *_, **__: Refusal() if refuses else answers[method]())
    monkeypatch.setattr(api, "pool", lambda *_, **__: nullcontext(http))
    # A group of a hostile name, in no stack.
    group = {"Type": GROUP, "DeletionPolicy": "Retain", "Properties": {"ModelPackageGroupName": EVIL}}
    monkeypatch.setattr(retained, "template_of", lambda _: {"Resources": {EVIL: group}})
    monkeypatch.setattr(retained, "holdings", lambda _: [(GROUP, EVIL)])
    monkeypatch.setattr(retained, "LOCAL_DIR", folder)
    monkeypatch.setattr(retained, "ROOT", folder)
    monkeypatch.setattr(protection, "is_protected", lambda _: False)
    monkeypatch.setattr(teardown, "delete_stack", lambda *_: None)
    monkeypatch.setattr(running, "wait", lambda *_, **__: None)
    monkeypatch.setattr(batches, "fetch", lambda *_, **__: None)
    monkeypatch.setattr(batches, "result_of", lambda *_: RESULT | ({"state": "failed"} if refuses else {}))
    monkeypatch.setattr(batches, "size_of", lambda *_: 1)
    monkeypatch.setattr(rowreading, "rejects", lambda *_, **__: iter([Reject(**hostile.REJECT)]))
    monkeypatch.setattr(rowreading, "raw_table", lambda *_: rowreading.RawTable((EVIL, "a"), iter([[EVIL, 1.0]])))
    monkeypatch.setattr(operate, "PAUSE_SECONDS", {"aws": 0.0})
    cloud = {"endpoint": f"http://127.0.0.1:1/{NAME}", "region": NAME, "access_key": NAME, "secret_key": NAME}
    monkeypatch.setattr(environment, "running_cloud", lambda: cloud)
    monkeypatch.setattr(cli.local, "run", lambda **_: SUMMARY)
    monkeypatch.setattr(cli.local, "only_one", nullcontext)
    monkeypatch.setattr(cli.local, "deployed", deployed)
    monkeypatch.setattr(cli.local, "announced", lambda _: nullcontext())
    monkeypatch.setattr(cli.local, "wait", interrupted)
    done = SimpleNamespace(returncode=1, stderr=EVIL)
    monkeypatch.setattr(kubernetes.subprocess, "run", lambda *_, **__: done)
    # Whatever terminal the tests run in: words that are cut off would prove nothing.
    monkeypatch.setattr(output, "width", 200)
    monkeypatch.chdir(folder)
    return folder


def ask(verb: str, arguments: Sequence[str]) -> Result:
    named = {"FILE": NAME, "DIFF": "diff.txt"}
    return CliRunner().invoke(main.app, [*verb.split(), *(named.get(item, item) for item in arguments)])


def check(done: Result, exit_codes: Sequence[int]) -> None:
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    assert "Traceback" not in done.output
    assert hostile.obeyed(done.output) == []
    assert done.exit_code in exit_codes, done.output


@pytest.mark.parametrize("verb", CASES)
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_words_are_only_shown(
    place: Path, kind: type[HostileTarget], monkeypatch: pytest.MonkeyPatch, verb: str, terminal: bool
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    said = ""
    for arguments, code in CASES[verb]:
        done = ask(verb, arguments)
        check(done, _allowed(kind, code))
        said += done.output
    assert any(words in said for words in (r"\x1b]0;pwned", NAME)), "nothing hostile was shown: the cases prove nothing"


@pytest.mark.parametrize("verb", [verb for verb in CASES if verb not in WITHOUT_JSON])
def test_json_is_ascii(place: Path, kind: type[HostileTarget], verb: str) -> None:
    for arguments, code in CASES[verb]:
        done = ask(verb, [*arguments, "--json"])
        check(done, _allowed(kind, code))
        assert done.stdout.isascii()
        if code != WRONG and "--follow" not in arguments:
            assert isinstance(json.loads(done.stdout), dict)


def _allowed(kind: type[HostileTarget], code: int) -> tuple[int, ...]:
    """Where AWS refuses, what would have gone well may fail."""
    return (code, FAILS) if kind is RefusingTarget and code == OK else (code,)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("two\nlines", r"characters that cannot be seen: two\nlines. Write one line"),
        ("\x1b[2J", r"cannot be seen: \x1b[2J."),
        ("a\tb", "cannot be seen"),
        ("x" * 701, "--reason has 701 characters, the registry keeps 700 of them. Shorten it."),
    ],
)
def test_a_reason_that_the_registry_would_not_keep_is_refused_before_anything_is_done(reason: str, words: str) -> None:
    nothing: Any = None
    for decide in (registry.approve, registry.reject):
        with pytest.raises(CliError, match=re.escape(words)):
            decide(nothing, nothing, reason=reason)
    with pytest.raises(CliError, match=re.escape(words)):
        registry.rollback(nothing, MODEL, number=None, reason=reason)


@pytest.mark.parametrize("name", ["a\x1b.csv", "a\nb.csv", "a\u202eb.csv", "a\udcff.csv", "a\tb.csv"])
def test_a_name_that_no_key_should_have_is_refused_before_anything_is_sent(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a\n1\n")
    nothing: Any = None
    with pytest.raises(CliError, match="holds characters that cannot be seen"):
        upload(nothing, model=MODEL, file=tmp_path / name)
    with pytest.raises(CliError, match="holds characters that cannot be seen"):
        batches.check(tmp_path / name, tmp_path / "out.csv")


@pytest.mark.parametrize("body", ['{"detail": "text"}', '{"detail": {"object": ["x"]}}', "[1]", "[" * 100_000, "\x1b"])
def test_any_message_may_wait(body: str) -> None:
    letter = Letter(body=body, receipt="r", sent=datetime.now(UTC), source="", facts={})
    assert letter.about == "a message"


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\x1b"])
def test_any_file_of_records_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "records.json").write_bytes(content)
    with pytest.raises(CliError, match="is not JSON"):
        records_to_ask(told(MODEL), file=tmp_path / "records.json", values=[])
