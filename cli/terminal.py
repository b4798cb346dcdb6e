"""The only way to the terminal: a string that is printed is words, never markup, and one line, never a control."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import rich.console
import typer
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.text import Text


class _Visible(dict[int, str]):
    """What stands for a character: itself where it can be seen, the way Python writes it (`\\x1b`) otherwise."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        seen = letter == "\t" or letter.isprintable() or unicodedata.category(letter) == "Zs"
        self[code] = letter if seen else letter.encode("unicode_escape").decode()
        return self[code]


_VISIBLE = _Visible()


def plain(text: object) -> str:
    """The text as one line that a terminal only shows.

    Controls, line breaks, marks that turn the direction of writing, characters without width and halves of surrogate
    pairs become visible escapes; tabs and everything else that can be seen stay.
    """
    return str(text).translate(_VISIBLE)


def words(*parts: str | tuple[str, str]) -> Text:
    """One line of texts, each plain or with a style."""
    pairs = ((part, "") if isinstance(part, str) else part for part in parts)
    return Text.assemble(*((plain(text), style) for text, style in pairs))


class Console(rich.console.Console):
    """Rich's, for words of anybody: no markup, no `:emoji:` and no links in any string, whatever draws it.

    Controls are replaced twice: in strings before they are laid out, and in whatever else comes to be drawn.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(plain(text), **{**options, "markup": False, "emoji": False, "highlight": False})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            foreign = segment.text not in ("\n", "") and not segment.control
            yield Segment(plain_lines(segment.text), segment.style) if foreign else segment

    def status(self, status: RenderableType, **options: Any) -> Status:
        return super().status(words(status) if isinstance(status, str) else status, **options)

    def say(self, text: str, *, style: str = "", indent: int = 2) -> None:
        """Words of any length. Line breaks in them stay, and what follows is marked: it passes for no line of ours.

        Nor for a command to the runner of a workflow, which looks for `::` behind blanks. `indent` 0: all is ours.
        """
        mark = f"{' ' * indent}| " if indent else ""
        first, *more = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        self.print(first, style=style, soft_wrap=True)
        for line in more:
            self.print(mark + line, style=style, soft_wrap=True)


def plain_lines(text: str) -> str:
    """As `plain`, with line breaks kept."""
    return "\n".join(map(plain, text.split("\n")))


progress = Console(stderr=True)
# A pipe or a file is as wide as a table needs; a terminal has the width that it has.
output = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)


def print_json(document: Mapping[str, Any], *, indent: int | None = None) -> None:
    """One object on stdout, in ASCII: JSON escapes everything else, and DEL is what it forgets."""
    typer.echo(json.dumps(document, default=str, indent=indent).replace("\x7f", "\\u007f"))


def print_text(text: str) -> None:
    """For a file or a pipe as for a terminal: the lines as they are, not wrapped."""
    typer.echo(plain_lines(text))


def confirm(question: str) -> None:
    """Ends the command unless the answer is yes."""
    typer.confirm(plain(question), abort=True, err=True)


def confirm_by_name(what: str, name: str) -> None:
    """Ends the command unless the name is typed: no `yes` that was given before covers it."""
    progress.say(what)
    if typer.prompt(plain(f"Type {name} to go on"), err=True) != name:
        raise typer.Abort


def tolerate_encodings() -> None:
    """A stream that cannot hold a letter (LANG=C, PYTHONIOENCODING=ascii) gets its escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
