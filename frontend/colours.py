"""One accent, and greys; the same tones in .streamlit/config.toml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colours:
    accent: str
    muted: str
    ink: str
    grey: str
    line: str
    land: str
    bad: str
    ramp: tuple[str, ...]


LIGHT = Colours(
    accent="#2563eb",
    muted="#a8b3c4",
    ink="#1f2937",
    grey="#6b7280",
    line="#e5e7eb",
    land="#eef1f5",
    bad="#dc2626",
    ramp=("#bfd3f8", "#6d9bf0", "#2563eb", "#172f6e"),
)
DARK = Colours(
    accent="#6ea0ff",
    muted="#55617a",
    ink="#e6eaf2",
    grey="#98a2b3",
    line="#2c3444",
    land="#1d2534",
    bad="#f87171",
    ramp=("#2b3f6b", "#4169b8", "#6ea0ff", "#dbe7ff"),
)


def of_theme(kind: str | None) -> Colours:
    """`kind` is "dark" or "light"; None before the browser told."""
    return DARK if kind == "dark" else LIGHT
