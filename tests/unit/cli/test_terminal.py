"""Words of anybody on a terminal: nothing in them is obeyed, everything in them can be seen."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cli import terminal
from cli.terminal import Console, plain, words


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("fixes [/x] [red]a[/] :smile:", "fixes [/x] [red]a[/] :smile:"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x1b]8;;http://a.example\x1b\\link", r"\x1b]8;;http://a.example\x1b" + "\\link"),
        ("over\rwritten\nforged", r"over\rwritten\nforged"),
        ("\x9b31m\x9d0;t\x9c\x85", r"\x9b31m\x9d0;t\x9c\x85"),
        ("gpj.\u202eexe\u2066\u200b\ufeff\u2028", r"gpj.\u202eexe\u2066\u200b\ufeff\u2028"),
        ("caf\u00e9 \u65e5\u672c \u05e9\u05dc\u05d5\u05dd \U0001f600 1\u202f000\u00a0km", None),
        ("half \udcff and \x00\x7f\x08", r"half \udcff and \x00\x7f\x08"),
        ("a\tb", None),
    ],
)
def test_what_cannot_be_seen_is_written_out_and_everything_else_stays(given_text: str, shown: str | None) -> None:
    assert plain(given_text) == (given_text if shown is None else shown)


@given(st.text(st.characters()))
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    left = {unicodedata.category(letter) for letter in plain(text) if letter != "\t"}
    assert left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()
    assert plain(plain(text)) == plain(text)


EVIL = "[/x][bold]:smile:\x1b]0;t\x07\r\u202e\x9b2J"
SEEN = r"[/x][bold]:smile:\x1b]0;t\x07\r\u202e\x9b2J"


def drawn(draw: object, *, terminal: bool = True) -> str:
    console = Console(file=(out := io.StringIO()), width=200, force_terminal=terminal, color_system=None)
    draw(console)  # type: ignore[operator]
    return out.getvalue()


def table(console: Console) -> None:
    made = Table(EVIL, title=EVIL, caption=EVIL)
    made.add_row(EVIL)
    console.print(made)


def live(console: Console) -> None:
    with Live(words(EVIL), console=console, auto_refresh=False):
        pass


def bars(console: Console) -> None:
    column = TextColumn("{task.fields[what]}", markup=False)
    with Progress(column, console=console, auto_refresh=False) as made:
        made.add_task("", total=1, what=EVIL)


@pytest.mark.parametrize(
    "draw",
    [
        lambda console: console.print(EVIL),
        lambda console: console.print(EVIL, markup=True, emoji=True),
        lambda console: console.print(words((EVIL, "red"), EVIL)),
        lambda console: console.say(f"{EVIL}\n{EVIL}", style="red"),
        lambda console: console.log(EVIL),
        lambda console: console.rule(EVIL),
        table,
        live,
    ],
)
def test_whatever_draws_it_the_words_are_only_shown(draw: object) -> None:
    text = drawn(draw)
    assert SEEN in text
    assert not {"\x07", "\u202e", "\x9b"} & set(text)
    assert "\x1b]" not in text


@pytest.mark.parametrize("draw", [lambda console: console.print(Text(EVIL)), bars])
def test_words_that_nobody_made_plain_are_no_controls_either(draw: object) -> None:
    text = drawn(draw)
    assert not {"\x07", "\u202e", "\x9b"} & set(text)
    assert r"\x1b]0" in text


def test_a_status_shows_words_alone() -> None:
    console = Console(file=(out := io.StringIO()), width=200, force_terminal=True, color_system=None)
    with console.status(EVIL) as shown:
        shown.update()
        shown._live.refresh()
    assert SEEN in out.getvalue()
    assert "\x1b]" not in out.getvalue()


def test_a_line_break_in_words_never_begins_a_line_of_ours() -> None:
    assert drawn(lambda console: console.print("ok\nversion 4: Approved")) == "ok\\nversion 4: Approved\n"
    assert drawn(lambda console: console.say("ok\r\nversion 4: Approved\n")) == "ok\n  | version 4: Approved\n"


def test_json_and_text_leave_no_control(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json({"a": "\x1b\x7f\x9b\u202e\udcff\u00e9"})
    assert capsys.readouterr().out == '{"a": "\\u001b\\u007f\\u009b\\u202e\\udcff\\u00e9"}\n'
    terminal.print_text("| a |\x1b\n| b\r |\n")
    assert capsys.readouterr().out == "| a |\\x1b\n| b\\r |\n\n"
