"""No command writes to the terminal but by `cli/terminal.py`, and every terminal gets what it can take."""

from __future__ import annotations

import ast
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cli.options import errors

ROOT = Path(__file__).resolve().parents[3]
DOOR = ROOT / "cli" / "terminal.py"
# Says one sentence of its own, also before anything could be loaded.
ENTRY = ROOT / "cli" / "__main__.py"
# What would show words of anybody as something else than words.
MODULES = {"rich.markup", "rich.prompt", "rich.logging", "rich.traceback", "rich.pretty", "rich"}
CALLS = {
    "print": "use output.say or progress.say",
    "input": "use cli.terminal.confirm",
    "typer.echo": "use print_json or print_text of cli.terminal",
    "typer.secho": "use output.say with a style",
    "typer.confirm": "use cli.terminal.confirm",
    "typer.prompt": "ask by an option",
    "sys.stdout.write": "use print_text",
    "sys.stderr.write": "use progress.say",
    "Text": "use cli.terminal.words",
    "Text.assemble": "use cli.terminal.words",
    "Text.from_markup": "use cli.terminal.words",
    "Text.from_ansi": "use cli.terminal.words",
    "rich.console.Console": "use cli.terminal.Console",
}


def findings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield node.lineno, f"imports {node.module}"
        elif isinstance(node, ast.ImportFrom) and node.module == "rich.console":
            yield from ((node.lineno, "imports Rich's Console: use ours") for a in node.names if a.name == "Console")
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, f"imports {a.name}") for a in node.names if a.name.split(".")[0] == "rich")
        elif isinstance(node, ast.Call) and (advice := CALLS.get(ast.unparse(node.func))):
            yield node.lineno, f"{ast.unparse(node.func)}: {advice}"
        elif isinstance(node, ast.keyword) and node.arg in ("markup", "emoji") and ast.unparse(node.value) != "False":
            yield node.value.lineno, f"{node.arg} is for words of ours alone: give words a style"


def test_nothing_but_the_door_writes() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in sorted((ROOT / "cli").rglob("*.py"))
        if path not in (DOOR, ENTRY)
        for line, what in findings(ast.parse(path.read_text()))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "print(a)",
        "typer.echo(a)",
        "Text.from_markup(a)",
        "from rich.console import Console",
        "import rich.console",
        "from rich import print",
        "c.print(a, markup=True)",
        "TextColumn(a, markup=x)",
    ],
)
def test_the_rule_finds_what_it_looks_for(line: str) -> None:
    assert len(list(findings(ast.parse(line)))) == 1


MISSING = "caf\u00e9 \x1b]0;t\x07 \u202e.csv"


def mlops(*arguments: str | bytes, **environment: str) -> tuple[list[str | bytes], dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "LC_", "LANG"))}
    return [sys.executable, str(ROOT / "cli"), *arguments], {**kept, "AWS_DEFAULT_REGION": "eu-west-1", **environment}


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "utf-8"},
        {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "20"},
    ],
)
def test_any_encoding_and_width_shows_an_error(environment: dict[str, str]) -> None:
    command, variables = mlops("diff-report", MISSING.encode(), **environment)
    done = subprocess.run(command, env=variables, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"error: " in done.stderr
    assert b"\\x1b]0;t\\x07" in done.stderr.replace(b"\n", b"")
    assert not {0x1B, 0x07} & set(done.stderr)


def test_wrong_arguments_that_are_no_text_are_wrong_arguments() -> None:
    command, variables = mlops("runs", "one", b"two\xff\x1b]0;t\x07", PYTHONIOENCODING="ascii:strict")
    done = subprocess.run(command, env=variables, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"\\udcff\\x1b]0;t\\x07" in done.stderr


def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "diff.txt").write_text("Stack dev/Data\n[+] AWS::S3::Bucket Raw\n")
    command, variables = mlops("diff-report", str(tmp_path / "diff.txt"))
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1


def test_a_terminal_of_twenty_columns_shows_an_error(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command, variables = mlops("diff-report", str(tmp_path / "[red]\x1b[2J"), TERM="xterm", COLUMNS="20")
    done = subprocess.run(command, env=variables, stdin=theirs, stdout=theirs, stderr=theirs, check=False, cwd=ROOT)
    os.close(theirs)
    said = os.read(ours, 65536)
    os.close(ours)
    assert done.returncode == 1
    assert b"[red]\\x1b[2J" in said.replace(b"\r\n", b"")
    assert b"\x1b[2J" not in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(36, "File name too long", "a\x1b" * 3), r"File name too long: a\x1ba\x1ba\x1b."),
        (
            UnicodeEncodeError("utf-8", "\udcff[/x]", 0, 1, "surrogates not allowed"),
            r"'\udcff[/x]' is not valid Unicode",
        ),
    ],
)
def test_what_the_system_refuses_is_told(capsys: pytest.CaptureFixture[str], error: Exception, words: str) -> None:
    with pytest.raises(typer.Exit) as ended, errors(as_json=False):
        raise error
    assert ended.value.exit_code == 1
    assert words in capsys.readouterr().err
