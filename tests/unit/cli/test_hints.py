"""Every command that a message names can be pasted: the command line knows the verb and takes its words."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from cli.main import app

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("cli", "assets/lambda", "assets/glue", "assets/pipeline", "assets/shared/python", "frontend", "localcloud")
# After the verb: what belongs to the command, up to the end of the sentence or of the part in quotes.
VERB, WORD = (
    r"(?:local |keys |k8s )?[a-z][a-z-]+",
    r"--from etl|--?[a-z][a-z-]*|[A-Z_]{2,}(?:\.csv)?|[\w<>]*VALUE[\w<>]*",
)
COMMAND = re.compile(rf"\bmlops ({VERB})((?: (?:{WORD}))*)")
# What an f-string puts in.
VALUE = "VALUE"
# Words of prose behind the program's name.
PROSE = {"mlops command", "mlops keys", "mlops local", "mlops k8s", "mlops smoke", "mlops diff-report"}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module with VALUE for what is put in, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented) and node.body]
    docs = {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(_part(item) for item in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | inside:
            yield node.lineno, node.value


def _part(item: ast.expr) -> str:
    if isinstance(item, ast.Constant):
        return str(item.value)
    # `of_model` is an option or nothing.
    return " --model VALUE" if "of_model" in ast.unparse(item) else VALUE


def hints() -> list[tuple[str, str]]:
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, text in texts(path):
                for match in COMMAND.finditer(text):
                    # In backticks without more words, it is the verb that is meant.
                    mentioned = text[: match.start()].endswith("`") and not match[2]
                    if match[0].strip() not in PROSE and not mentioned:
                        found.append((f"{path.relative_to(ROOT)}:{line}", match[0].strip()))
    return found


def parsed(words: list[str]) -> None:
    """Raises TyperException for a verb that there is not, and for words that it does not take."""
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="mlops")
    while isinstance(command, TyperGroup):
        name, *words = words
        command = command.get_command(context, name)
        if command is None:
            raise typer.TyperException(f"there is no verb {name}")
        context = typer.Context(command, info_name=name, parent=context)
    command.parse_args(context, words)


# What stands for a value, as a value that the option or argument takes.
FILLED = {"RUN_ID": "0123456789abcdef", "FILE": "README.md", "FILE.csv": "README.md", "VERSION": "3", "MODEL": "churn"}


def filled(command: str) -> list[str]:
    """Numbers are words too: a value in place of one is one."""
    return [FILLED.get(word, word).replace(VALUE, "7") for word in shlex.split(command)[1:]]


def test_there_are_hints() -> None:
    assert len({command for _, command in hints()}) > 20


@pytest.mark.parametrize("command", sorted({command for _, command in hints()}))
def test_a_command_in_a_message_is_one(command: str) -> None:
    words = filled(command)
    try:
        parsed(words)
    except typer.TyperException as error:
        places = [place for place, text in hints() if text == command]
        raise AssertionError(f"{command!r} in {', '.join(places)}: {error.format_message()}") from error


@pytest.mark.parametrize(
    "words", [["deplay", "churn"], ["approve"], ["approve", "three"], ["runs", "--modell", "churn"]]
)
def test_what_is_no_command_is_found(words: list[str]) -> None:
    with pytest.raises(typer.TyperException):
        parsed(words)
