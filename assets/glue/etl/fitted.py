"""The recipe of a data set, and its parts by that recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contract import Contract, Recipe
from etl import checks, fit, splits, transform
from etl.engine import Engine
from etl.rows import ROW_ID
from etl.sql import listed, quoted, select
from etl.transform import Numbers


@dataclass(frozen=True)
class Fitted:
    """`rows` by side. `kept`: train rows inside the fences, by level of the target."""

    recipe: Recipe
    rows: Mapping[str, str]
    kept: Mapping[str, int]

    def part(self, split: str) -> str:
        """row_id, the target and the model inputs of a side."""
        contract = self.recipe.contract
        others = [ROW_ID, contract.target.name, *(item.name for item in contract.categorical)]
        names = transform.numbers(contract)
        numbers = Numbers(self.rows[split], contract, self.recipe.impute)
        if split == "train":
            return transform.part(_kept(numbers, self.recipe.fences, names, others), self.recipe)
        # Validation and test rows are all kept: a model meets outliers too.
        return transform.part(numbers.columns(names, others), self.recipe)

    def raw_part(self, split: str) -> str:
        """The same rows as the file has them: null where it has nothing. Also the texts of their key and group."""
        contract, rows = self.recipe.contract, self.rows[split]
        names = splits.columns_of(contract)
        if split != "train" or not self.recipe.fences:
            return select(listed(names), rows)
        # Fences ask for values that are complete, which have the names of the raw ones.
        raw = {name: f"__raw_{name}" for name in names}
        both = select(["*", *(f"{quoted(name)} as {quoted(other)}" for name, other in raw.items())], rows)
        kept = _kept(Numbers(both, contract, self.recipe.impute), self.recipe.fences, [], raw.values())
        return select([f"{quoted(other)} as {quoted(name)}" for name, other in raw.items()], kept)


def fitted(engine: Engine, rows: Mapping[str, str], contract: Contract, file: str) -> Fitted:
    """Every statistic is one of train rows; mean and deviation are those of the train rows that are kept."""
    train = rows["train"]
    defaults = {item.name: float(item.default or 0) for item in contract.numeric if item.nullable}
    impute = fit.medians(fit.ranges(engine, Numbers(train, contract, {}).columns, list(defaults)), defaults)
    for wave in transform.waves(contract.derived):
        ranges = fit.ranges(engine, Numbers(train, contract, impute).columns, [item.name for item in wave])
        checks.check_ranges(ranges, file)
        impute |= fit.medians(ranges, {})
    numbers = Numbers(train, contract, impute)
    fences = fit.fences(engine, numbers.columns, contract.outliers)
    kept = splits.levels(engine.ask, _kept(numbers, fences, [], [contract.target.name]), contract)
    checks.check_kept(kept, contract, file)
    mean, std = fit.moments(engine, lambda names: _kept(numbers, fences, names), transform.numbers(contract))
    recipe = Recipe.fitted(contract, impute=impute, fences=fences, mean=mean, std=std)
    return Fitted(recipe, rows, kept)


def _kept(
    numbers: Numbers, fences: Mapping[str, tuple[float, float]], names: Sequence[str], others: Iterable[str] = ()
) -> str:
    """Train rows inside the fences."""
    needed = list(dict.fromkeys([*names, *fences]))
    return select("*", numbers.columns(needed, others), where=transform.within(fences))
