"""Words from elsewhere: what Streamlit reads as Markdown passes here first, and comes out as words."""

from __future__ import annotations

import re
import unicodedata

# What begins something inside a line, wherever it stands.
_INLINE = re.compile(r"[\\`*_\[\]<>$:~&|]")
# What begins a heading, a list or a rule, at the start of a text.
_START = re.compile(r"^(?:([#+\-])|(\d+)([.)]))(?=[\s#+\-]|$)")
# `:smile:` and `:material/bolt:`. Streamlit looks for them after Markdown was read, when an escape is no more: a word
# joiner, which nobody sees, breaks them.
_SHORTCODE = re.compile(r":(?=[\w+\-/]+:)")
_JOINER = "\u2060"
_BREAKS = re.compile(r"\s*[\r\n\t]\s*")


def plain(text: str) -> str:
    """One line. What cannot be seen, such as marks that turn the direction of writing, becomes a visible escape."""
    return verbatim(_BREAKS.sub(" ", text).strip())


def verbatim(text: str) -> str:
    """The same for a block of code: blanks, tabs and line breaks stay as they are."""
    return "".join(map(_seen, text))


def escaped(text: str) -> str:
    """With nothing in it that Markdown would read: no link, no picture, no colour, no formula."""
    words = _SHORTCODE.sub(f":{_JOINER}", plain(text))
    return _START.sub(r"\2\\\1\3", _INLINE.sub(r"\\\g<0>", words))


def code(text: str) -> str:
    """As code inside a line of Markdown, whatever it holds."""
    text = plain(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{room}{text}{room}{ticks}" if text else ""


def chart_title(text: str) -> str:
    """Of an axis or a tooltip: Vega-Lite puts it between double quotes into an expression, and does not escape all."""
    return plain(text).replace("\\", "\u2216").replace('"', "'")


def file_name(text: str) -> str:
    """For a download: letters, digits, _ and -."""
    return re.sub(r"[^\w\-]+", "_", text, flags=re.ASCII).strip("_") or "model"


def _seen(letter: str) -> str:
    if letter in "\t\n" or letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    return letter.encode("unicode_escape").decode()
