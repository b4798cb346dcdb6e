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


def on_ramp(ramp: tuple[str, ...], share: float) -> str:
    """The colour at a share (0 to 1) of the way along the ramp."""
    place = min(max(share, 0.0), 1.0) * (len(ramp) - 1)
    start = min(int(place), len(ramp) - 2)
    pairs = zip(_channels(ramp[start]), _channels(ramp[start + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - start)):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def of_theme(kind: str | None) -> Colours:
    """`kind` is "dark" or "light"; None before the browser told."""
    return DARK if kind == "dark" else LIGHT
