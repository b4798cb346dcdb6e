"""Reads typed values out of TOML tables and collects every problem on the way."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from contract.problems import Problem
from contract.wording import closest, listed, shown


@dataclass
class Problems:
    """The problems of one file."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, key: str, reason: str) -> None:
        self.found.append(Problem(self.file, key, reason))

    def at(self, key: str) -> bool:
        """Whether `key` or anything below it has a problem: checks across keys are skipped then."""
        return any(problem.key == key or problem.key.startswith(f"{key}.") for problem in self.found)


class Table:
    """One TOML table. A value that is wrong becomes a problem and a harmless stand-in, so reading goes on."""

    def __init__(self, value: object, key: str, problems: Problems, known: Collection[str] | None) -> None:
        """`known` lists the keys that may stand here; None means that the keys are names the author chose."""
        self.key, self.problems = key, problems
        self.values: dict[str, object] = {}
        if not isinstance(value, Mapping):
            problems.add(key, f"must be a table, is {shown(value)}")
            self.broken = True
            return
        self.broken = False
        self.values = {str(name): item for name, item in value.items()}
        if known is not None:
            self.refuse_unknown(known)

    def path(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name

    def add(self, name: str, reason: str) -> None:
        self.problems.add(self.path(name), reason)

    def table(self, name: str, known: Collection[str] | None, *, optional: bool = False) -> Table:
        if name not in self.values and not optional and not self.broken:
            self.add(name, f"is missing; add [{self.path(name)}]")
            table = Table({}, self.path(name), self.problems, known)
            table.broken = True
            return table
        table = Table(self.values.get(name, {}), self.path(name), self.problems, known)
        table.broken = table.broken or self.broken
        return table

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self._value(name, required=default is None)
        if value is None:
            return default or ""
        if not isinstance(value, str):
            self.add(name, f'must be text in quotes, is {shown(value)}; write {name} = "..."')
            return default or ""
        if not value.strip() or value != value.strip():
            self.add(name, f"must not be empty nor start or end with a blank, is {shown(value)}")
        return value

    def choice(self, name: str, options: Collection[str], *, default: str | None = None) -> str:
        value = self._value(name, required=default is None)
        if value is None:
            return default or ""
        if not isinstance(value, str) or value not in options:
            self.add(name, f"must be {listed(options)}, is {shown(value)}")
            return ""
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            self.add(name, f"must be true or false, is {shown(value)}")
        return value is True

    def number(self, name: str, *, low: float | None = None, high: float | None = None) -> float:
        value = self.optional_number(name, low=low, high=high)
        if value is None:
            self._value(name, required=True)
        return value or 0.0

    def optional_number(self, name: str, *, low: float | None = None, high: float | None = None) -> float | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _fits_double(value):
            self.add(name, f"must be a finite number, is {shown(value)}")
            return None
        self._check_range(name, value, low, high)
        return float(value)

    def integer(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        value = self._value(name, required=default is None)
        if value is None:
            return default or 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(name, f"must be a whole number, is {shown(value)}")
            return 0
        self._check_range(name, value, low, high)
        return value

    def optional_integer(self, name: str, *, low: int, high: int) -> int | None:
        return None if self.values.get(name) is None else self.integer(name, low=low, high=high)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of different, non-empty texts."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.add(name, f'must be a list of texts, is {shown(value)}; write {name} = ["...", "..."]')
            return ()
        for item in value:
            if not item.strip() or item != item.strip():
                self.add(name, f"holds {shown(item)}: a text must not be empty nor start or end with a blank")
        for item in sorted({item for item in value if value.count(item) > 1}):
            self.add(name, f"holds {shown(item)} more than once; keep one")
        return tuple(value)

    def _value(self, name: str, *, required: bool) -> object:
        value = self.values.get(name)
        if value is None and required and not self.broken:
            self.add(name, "is missing; add it")
        return value

    def _check_range(self, name: str, value: float, low: float | None, high: float | None) -> None:
        if (low is not None and value < low) or (high is not None and value > high):
            wanted = " and ".join(
                part for part in (low is not None and f"at least {low}", high is not None and f"at most {high}") if part
            )
            self.add(name, f"must be {wanted}, is {value}")

    def refuse_unknown(self, known: Collection[str]) -> None:
        for name in self.values:
            if name not in known:
                self.add(name, f"unknown key; {closest(name, known)}")


def _fits_double(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a double
        return False
