"""Phrases that messages about wrong values share."""

from __future__ import annotations

from collections.abc import Collection


def closest(name: str, known: Collection[str]) -> str:
    """A hint that ends a message about an unknown name."""
    from difflib import get_close_matches

    match = get_close_matches(name, known, n=1)
    return f"did you mean {match[0]}?" if match else f"use one of {', '.join(known) or 'none'}"


def listed(options: Collection[str]) -> str:
    *rest, last = (f'"{option}"' for option in options)
    return f"{', '.join(rest)} or {last}" if rest else last


def enumerated(parts: Collection[str]) -> str:
    """a, b and c."""
    *rest, last = parts or ("",)
    return f"{', '.join(rest)} and {last}" if rest else last


def shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
