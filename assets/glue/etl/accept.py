"""Typing of raw rows, and a reason for each row that breaks the contract."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column as SqlColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from contract import Contract, Feature, Target
from etl.checks import LARGEST, Tally
from etl.rows import KIND, LINE, REASON, ROW, ROW_ID, raw
from etl.sql import double, is_too_large, number

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class _Rule:
    """`kind` is what rejects are counted by; `sentence` follows the value, and is empty where there is none."""

    kind: str
    sentence: str
    broken: SqlColumn


def typed(rows: DataFrame, contract: Contract) -> DataFrame:
    """Adds a column of its type for each column of the contract, and the kind of the first problem (null: none)."""
    values = [_value(index, column).alias(column.name) for index, column in _columns(contract)]
    frame = rows.select(LINE, ROW, KIND, REASON, ROW_ID, *(raw(index) for index, _ in _columns(contract)), *values)
    problem = F.when(F.col(KIND).isNotNull(), F.col(KIND))
    for index, column in _columns(contract):
        for rule in _rules(index, column):
            problem = problem.when(rule.broken, F.lit(rule.kind))
    kept = [name for name in frame.columns if name != KIND]
    return frame.select(*kept, problem.alias(KIND))


def accepted(rows: DataFrame) -> DataFrame:
    return rows.where(F.col(KIND).isNull())


def rejects(rows: DataFrame, contract: Contract) -> DataFrame:
    """line, reason, row: one a rejected row."""
    reason = F.when(F.col(REASON).isNotNull(), F.col(REASON))
    for index, column in _columns(contract):
        shown = F.substring(F.col(raw(index)), 1, _SHOWN_CHARACTERS)
        for rule in _rules(index, column):
            said = F.concat(F.lit(f"{column.name}: '"), shown, F.lit(f"' {rule.sentence}"))
            reason = reason.when(F.col(KIND) == F.lit(rule.kind), said if rule.sentence else F.lit(rule.kind))
    broken = rows.where(F.col(KIND).isNotNull())
    return broken.select(F.col(LINE).alias("line"), reason.alias("reason"), F.col(ROW).alias("row"))


def tally(rows: DataFrame) -> Tally:
    counted = rows.groupBy(KIND).agg(F.count(F.lit(1)).alias("rows"), F.min(LINE).alias("first_line")).collect()
    broken = sorted((row for row in counted if row[KIND] is not None), key=lambda row: row[KIND])
    return Tally(
        read=sum(row["rows"] for row in counted),
        rejected=sum(row["rows"] for row in broken),
        reasons={row[KIND]: row["rows"] for row in broken},
        first_line={row[KIND]: row["first_line"] for row in broken},
    )


def _columns(contract: Contract) -> list[tuple[int, Feature | Target]]:
    return list(enumerate((*contract.features, contract.target)))


def _value(index: int, column: Feature | Target) -> SqlColumn:
    """A binary target is 1 for its positive level, which stands last, and 0 for the other."""
    text = F.col(raw(index))
    if isinstance(column, Target) and column.levels:
        negative, positive = column.levels
        return F.when(text == F.lit(positive), double(1.0)).when(text == F.lit(negative), double(0.0))
    return text if column.levels else number(raw(index))


def _rules(index: int, column: Feature | Target) -> list[_Rule]:
    """What can be wrong with a value, most basic first."""
    text, value, name = F.col(raw(index)), F.col(column.name), column.name
    given = text != F.lit("")
    nullable = isinstance(column, Feature) and column.nullable
    rules = [] if nullable else [_Rule(f"{name}: missing", "", ~given)]
    if column.levels:
        unknown = given & ~text.isin(*column.levels)
        return [*rules, _Rule(f"{name}: unknown level", "is not a known level", unknown)]
    rules.append(_Rule(f"{name}: not a number", "is not a number", given & value.isNull()))
    rules.append(_Rule(f"{name}: too large", f"is too large: over {LARGEST:g}", is_too_large(value)))
    if column.min is not None:
        rules.append(_Rule(f"{name}: below {column.min:g}", f"is below {column.min:g}", value < double(column.min)))
    if column.max is not None:
        rules.append(_Rule(f"{name}: above {column.max:g}", f"is above {column.max:g}", value > double(column.max)))
    return rules
