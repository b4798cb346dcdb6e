"""The books of a file: where each row that was read went, by manifest.json or refused.json, in words for every door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Reasons that are shown where there is little room.
FREQUENT = 3
# Where rows went, in order, and what a sum calls them. These are shown even when there are none ...
_ALWAYS = {
    "rejected": "rejected",
    "train": "train",
    "validation": "validation",
    "test": "test",
    "usable": "usable, of which nothing was made",
}
# ... and these where there are some.
_SOME = {
    "replaced": "replaced by a later row of their key",
    "dropped_equal": "dropped as equal",
    "outliers": "dropped as outliers",
}
_ORDER = ("rejected", "replaced", "dropped_equal", "outliers", "train", "validation", "test")
_ORDER_REFUSED = ("rejected", "replaced", "dropped_equal", "usable")


@dataclass(frozen=True)
class Reason:
    """Why rows were rejected. `example` is a sentence about the first of them, "" where none was kept."""

    kind: str
    rows: int
    example: str

    @property
    def text(self) -> str:
        return f"{self.rows:,} rejected: {self.kind}" + (f" ({self.example})" if self.example else "")


@dataclass(frozen=True)
class Books:
    """`parts` add up to `read`. `reasons`: the most frequent first. `notes`: what else is to be known of the rows."""

    read: int
    parts: Mapping[str, int]
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        return self.read == sum(self.parts.values())

    @property
    def rejected(self) -> int:
        return self.parts["rejected"]

    @property
    def sentence(self) -> str:
        """1,313 rows read = 0 rejected + 840 train + ..."""
        words = {**_ALWAYS, **_SOME}
        shown = [name for name, rows in self.parts.items() if name in _ALWAYS or rows]
        return f"{self.read:,} rows read = " + " + ".join(f"{self.parts[name]:,} {words[name]}" for name in shown)

    @property
    def frequent(self) -> tuple[str, ...]:
        """The most frequent reasons, a sentence each, and how many rows had others."""
        shown, others = self.reasons[:FREQUENT], self.reasons[FREQUENT:]
        lines = [reason.text for reason in shown]
        if others:
            lines.append(
                f"{sum(reason.rows for reason in others):,} rejected for {_plural(len(others), 'other reason')}"
            )
        return tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """All that a summary says, a sentence each."""
        return (self.sentence, *self.frequent, *self.notes, *(f"warning: {text}" for text in self.warnings))

    def to_dict(self) -> dict[str, Any]:
        return {
            "sentence": self.sentence,
            "balanced": self.balanced,
            "frequent": list(self.frequent),
            "reasons": [asdict(reason) for reason in self.reasons],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def books_of(manifest: Mapping[str, Any] | None) -> Books | None:
    """Of a data set, or of a file that was refused after it had been read.

    None without a document, or with one that counts no rows. Manifests of older versions have fewer counts.
    """
    rows = (manifest or {}).get("rows")
    if not manifest or not rows:
        return None
    # Before equal rows were counted, "duplicates" were dropped.
    parts = {name: int(rows.get(name, 0)) for name in (_ORDER_REFUSED if "usable" in rows else _ORDER)}
    parts["dropped_equal"] += int(rows.get("duplicates", 0))
    examples = manifest.get("examples") or {}
    counted = sorted((manifest.get("reasons") or {}).items(), key=lambda item: (-item[1], item[0]))
    read = int(rows.get("read", 0))
    return Books(
        read=read,
        parts=parts,
        reasons=tuple(Reason(kind, int(count), str(examples.get(kind, ""))) for kind, count in counted),
        notes=tuple(_notes(manifest, parts["dropped_equal"])),
        warnings=tuple(_warnings(manifest, read - sum(parts.values()))),
    )


def _notes(manifest: Mapping[str, Any], dropped: int) -> list[str]:
    notes = []
    kept, comments = int(manifest.get("equal_rows", 0)) - dropped, int(manifest.get("comments", 0))
    if kept > 0:
        equal = f"{_plural(kept, 'row')} {'is' if kept == 1 else 'are'} equal to an earlier one in every column read"
        notes.append(f"{equal}, and {'counts' if kept == 1 else 'count'} all the same")
    if comments > 0:
        notes.append(f"{_plural(comments, 'comment line')} skipped")
    return notes


def _warnings(manifest: Mapping[str, Any], missing: int) -> list[str]:
    found = [str(text) for text in manifest.get("warnings") or ()]
    if missing > 0:
        found.append(f"the books do not balance: {_plural(missing, 'row')} of those read stand in no count")
    if missing < 0:
        found.append(f"the books do not balance: the counts hold {_plural(-missing, 'row')} more than were read")
    return found


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
