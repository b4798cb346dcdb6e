"""Records on one line each, for what splits files by lines: written so, and read back as they were."""

from __future__ import annotations

import re
from typing import NamedTuple

# Begins a code, and stands for itself by one.
ESCAPE = "\x1b"
_SPECIAL = re.compile("[\r\n\x1b\udc80-\udcff]")
_CODE = re.compile("\x1b(?:x([0-9a-f]{2})|([nre]))")
_CODES = {"\n": "n", "\r": "r", ESCAPE: "e"}
_CHARACTERS = {code: character for character, code in _CODES.items()}
_REFUSED = re.compile("\x1b!(?P<reason>[^\x1b]*)\x1b!")


class Restored(NamedTuple):
    """`problem`: why the record is no row, "" where that is not known yet."""

    text: str
    problem: str


def on_one_line(text: str, problem: str = "") -> str:
    """Line breaks, and bytes that were no text, as codes; in front of it why it is no row, where that is known."""
    line = _SPECIAL.sub(_code, text)
    return f"{ESCAPE}!{problem}{ESCAPE}!{line}" if problem else line


def restored(line: str) -> Restored:
    if ESCAPE not in line:
        return Restored(line, "")
    refused = _REFUSED.match(line)
    text = line[refused.end() :] if refused else line
    return Restored(_CODE.sub(_character, text), refused["reason"] if refused else "")


def _code(match: re.Match[str]) -> str:
    character = match[0]
    return ESCAPE + (_CODES.get(character) or f"x{ord(character) - 0xDC00:02x}")


def _character(match: re.Match[str]) -> str:
    return chr(0xDC00 + int(match[1], 16)) if match[1] else _CHARACTERS[match[2]]
