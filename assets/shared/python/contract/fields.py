"""Reads the columns that a model.toml describes: features, target and derived features."""

from __future__ import annotations

from collections.abc import Collection

from contract.expression import Expression
from contract.feature import Feature
from contract.grammar import ExpressionError
from contract.kinds import FEATURE_KINDS, NUMBER, kind_of
from contract.kinds.members import column_of
from contract.model import Derived
from contract.names import name_problem
from contract.reader import Table
from contract.target import Target
from contract.tasks import ANY_TARGET_KEYS, REGRESSION, TASKS


def features_of(section: Table) -> tuple[Feature, ...]:
    if not section.values and not section.broken:
        section.problems.add("features", "is empty; describe at least one input column")
    found = tuple(_feature(section, name) for name in section.values)
    columns: dict[str, str] = {}
    for feature in found:
        other = columns.setdefault(feature.field.column, feature.name)
        if other != feature.name:
            section.add(feature.name, f"reads the same column of the file as {other}; name another column")
    return found


def _feature(section: Table, name: str) -> Feature:
    reason = name_problem(name)
    if reason:
        section.add(name, reason)
    table = section.table(name, None)
    kind = FEATURE_KINDS.get(table.choice("type", tuple(FEATURE_KINDS)))
    if kind is None:
        # Its type is a problem already; what else is wrong is looked for as if it were a number.
        return NUMBER.feature(table, name)
    table.refuse_unknown(kind.keys)
    return kind.feature(table, name)


def target_of(table: Table, features: tuple[Feature, ...], task: str) -> Target:
    """`task` is "" when it is wrong: what depends on it is not checked then."""
    known = TASKS.get(task)
    table.refuse_unknown(known.target_keys if known else ANY_TARGET_KEYS)
    name = table.text("name")
    reason = name_problem(name) if name else None
    if any(feature.name == name for feature in features):
        reason = "is also a feature; a target cannot be its own input"
    if reason and not table.problems.at("target.name"):
        table.add("name", reason)
    own = (known or REGRESSION).target(table)
    description = table.text("description", default="")
    return Target(name=name, **own, description=description, column=_target_column(table, name, features))


def _target_column(table: Table, name: str, features: tuple[Feature, ...]) -> str | None:
    column = column_of(table, name)
    owner = next((feature.name for feature in features if feature.field.column == (column or name)), None)
    if owner is not None and owner != name:
        table.add("column" if column else "name", f"names the column of the feature {owner}; a target is no input")
    return column


class _AnyName(list[str]):
    """Stands in for the known names when the features are wrong: one mistake there is not reported at every use."""

    def __contains__(self, name: object) -> bool:
        return True


def derived_of(section: Table, features: tuple[Feature, ...], target: Target) -> tuple[Derived, ...]:
    taken = {feature.name for feature in features} | {target.name}
    known = [feature.name for feature in features if kind_of(feature.type).held == "number"]
    if section.problems.at("features"):
        known = _AnyName()
    derived = []
    for name in section.values:
        reason = "is already a feature or the target; choose another name" if name in taken else name_problem(name)
        if reason:
            section.add(name, reason)
        else:
            derived += _derived_feature(section, name, known)
        known.append(name)
    return tuple(derived)


def _derived_feature(section: Table, name: str, known: Collection[str]) -> list[Derived]:
    text = section.text(name)
    if section.problems.at(section.path(name)):
        return []
    try:
        return [Derived(name, Expression.parse(text, known))]
    except ExpressionError as error:
        section.add(name, str(error))
        return []
