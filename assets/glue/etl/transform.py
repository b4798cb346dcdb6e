"""Imputing, deriving, dropping and scaling: what contract.Recipe does at inference, as statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contract import Contract, Derived, Recipe
from contract.within import Within, double
from etl.fit import chunks
from etl.rows import ROW_ID
from etl.sql import listed, quoted, select


def waves(derived: Sequence[Derived]) -> list[list[Derived]]:
    """Derived features in groups that use no other of their group: what is missing is imputed before it is used."""
    groups: list[list[Derived]] = []
    level: dict[str, int] = {}
    for item in derived:
        level[item.name] = max((level[name] + 1 for name in item.expression.names if name in level), default=0)
        if level[item.name] == len(groups):
            groups.append([])
        groups[level[item.name]].append(item)
    return groups


class Numbers:
    """Numeric and derived features of some rows. A statement holds no more than it is asked for, nor computes more."""

    def __init__(self, rows: str, contract: Contract, impute: Mapping[str, float]) -> None:
        """`impute`: what stands for a missing value; a feature that it does not know is null there."""
        self._rows, self._impute = rows, impute
        self._waves = waves(contract.derived)
        self._derived = {item.name: item for item in contract.derived}

    def columns(self, names: Sequence[str], others: Iterable[str] = ()) -> str:
        """`others`: columns of the rows that are kept as they are."""
        needed, kept = self._needed(names), list(others)
        known = [name for name in needed if name not in self._derived]
        statement = select([*map(quoted, kept), *(self._filled(quoted(name), name) for name in known)], self._rows)
        for wave in self._waves:
            for new in chunks([item for item in wave if item.name in needed]):
                made = [self._filled(item.expression.sql(), item.name) for item in new]
                statement = select([*map(quoted, [*kept, *known]), *made], statement, apart=True)
                known += [item.name for item in new]
        return select(listed([*kept, *names]), statement)

    def _needed(self, names: Iterable[str]) -> dict[str, None]:
        """The features, and those that they are derived from."""
        needed: dict[str, None] = {}
        for name in names:
            if name in self._derived:
                needed |= self._needed(self._derived[name].expression.names)
            needed[name] = None
        return needed

    def _filled(self, value: str, name: str) -> str:
        if name in self._impute:
            value = f"coalesce({value}, {double(self._impute[name])})"
        return f"{value} as {quoted(name)}"


def within(fences: Mapping[str, tuple[float, float]]) -> str:
    """Whether a row lies inside every fence."""
    limits = (Within(low, high).sql(quoted(name)) for name, (low, high) in fences.items())
    return " and ".join(limits) or "true"


def numbers(contract: Contract) -> list[str]:
    """Numeric and derived features: what is scaled."""
    return [feature.name for feature in contract.numeric] + [item.name for item in contract.derived]


def part(rows: str, recipe: Recipe) -> str:
    """row_id, the target, the scaled numbers, and what is held as a level as it is, null for a missing one."""
    contract = recipe.contract
    scaled = [
        f"({quoted(name)} - {double(recipe.mean[name])}) / {double(recipe.std[name])} as {quoted(name)}"
        for name in numbers(contract)
    ]
    levels = (quoted(item.name) for item in contract.categorical)
    return select([quoted(ROW_ID), quoted(contract.target.name), *scaled, *levels], rows)
