"""The champion: the newest approved version, scored on the test rows of the model that challenges it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract import Contract, ContractError, RecipeError
from steps import bootstrap
from steps.context import read_json
from steps.dataset import RawRows, Rows
from steps.failures import StepError
from steps.metrics import Vector, metrics_of
from steps.slices import Slice, slices_of
from steps.trained import ARCHIVE, TrainedModel, load_model
from steps.wording import amount, one_line, share, title

FILE, VERSION = "champion.json", 1
# Of what is wrong with a champion: it may be a list of all that a contract says otherwise than today's can be.
MAX_DETAIL = 300
Verdict = Literal["none", "better", "not_worse", "worse", "same", "incomparable"]


@dataclass(frozen=True)
class Champion:
    version: int
    archive: Path


@dataclass(frozen=True)
class Comparison:
    """`value` is the champion's metric, `difference` that of the new model minus it. `reason` is part of a sentence."""

    verdict: Verdict
    metric: str
    reason: str
    model_version: int | None = None
    value: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    level: float = bootstrap.LEVEL


def read_champion(folder: Path) -> Champion | None:
    """None while no version is approved. Raises StepError."""
    document = read_json(folder / FILE)
    if document.get("version") != VERSION or "champion" not in document:
        found = json.dumps(document.get("version"))
        raise StepError(f"{FILE}: version is {found}, must be {VERSION}, with a champion or null; start training again")
    champion = document["champion"]
    if champion is None:
        return None
    try:
        named = Champion(version=int(champion["model_version"]), archive=folder / ARCHIVE)
    except (KeyError, TypeError, ValueError) as error:
        raise StepError(f"{FILE} names no model version ({error!r}); start training again") from error
    if not named.archive.is_file():
        raise StepError(f"{FILE} names version {named.version}, and its {ARCHIVE} is missing; start training again")
    return named


def compare(champion: Champion | None, model: TrainedModel, rows: Rows, raw: RawRows, predicted: Vector) -> Comparison:
    metric = model.contract.gate.metric
    if champion is None:
        return Comparison("none", metric, "there is no approved version yet to compare it with")
    name, version = f"version {champion.version}", champion.version
    try:
        other = load_model(champion.archive)
    except (StepError, ContractError, RecipeError) as error:
        reason = (
            f"{name} cannot be compared with it: its archive is not readable here ({one_line(str(error), MAX_DETAIL)})"
        )
        return Comparison("incomparable", metric, reason, version)
    if other.digest == model.digest:
        value = metrics_of(model.contract, rows.target, predicted)[metric]
        return Comparison("same", metric, f"byte for byte {name}", version, value, 0.0, (0.0, 0.0))
    if obstacle := _obstacle(other.contract, model.contract):
        return Comparison("incomparable", metric, f"{name} cannot be compared with it: {obstacle}", version)
    theirs = other.predict(other.recipe.apply_columns(raw.features))
    return _measured(version, model, rows, predicted, theirs)


def _obstacle(theirs: Contract, ours: Contract) -> str:
    """Why the test rows say nothing about the champion, or "". It must know none of them from its own training."""
    if (theirs.task, theirs.target.name, theirs.target.levels) != (ours.task, ours.target.name, ours.target.levels):
        return "it has another target"
    before, now = ([(item.name, item.type) for item in contract.features] for contract in (theirs, ours))
    if before != now:
        changed = sorted({name for name, _ in set(before) ^ set(now)})
        return f"its features differ in {', '.join(changed)}" if changed else "its features have another order"
    if theirs.split != ours.split:
        return "its rows were split in another way, so it may have been trained on these test rows"
    return ""


def _measured(version: int, model: TrainedModel, rows: Rows, ours: Vector, theirs: Vector) -> Comparison:
    contract, gate = model.contract, model.contract.gate
    value = metrics_of(contract, rows.target, theirs)[gate.metric]
    difference = metrics_of(contract, rows.target, ours)[gate.metric] - value
    found = bootstrap.difference(gate.metric, rows.target, ours, theirs, seed=contract.training.seed)
    sign = -1 if gate.higher_is_better else 1
    least, most = sorted((sign * found.low, sign * found.high))
    unit, level = contract.target.unit, share(bootstrap.LEVEL)
    numbers = (
        f"{amount(value, unit)}; difference {amount(difference)}, {level} {amount(found.low)} to {amount(found.high)}"
    )
    verdict: Verdict = "better" if most < 0 else "not_worse"
    reason = f"{verdict.replace('_', ' ')} than version {version} ({numbers})"
    if least > gate.margin * abs(value):
        margin = f", the margin is {share(gate.margin)}" if gate.margin else ""
        verdict, reason = "worse", f"worse than version {version} ({numbers}{margin})"
    else:
        for lost in filter(None, (_lost(item, model, rows, ours, theirs) for item in slices_of(rows, model.recipe))):
            verdict, reason = "worse", f"worse than version {version} {lost}"
            break
    return Comparison(verdict, gate.metric, reason, version, value, difference, (found.low, found.high))


def _lost(item: Slice, model: TrainedModel, rows: Rows, ours: Vector, theirs: Vector) -> str:
    """In words, by how much a slice is worse than its limit allows, or "". Chance must not explain all of it."""
    contract, gate = model.contract, model.contract.gate
    before = item.metrics(contract, rows.target, theirs).get(gate.metric)
    now = item.metrics(contract, rows.target, ours).get(gate.metric)
    if item.rows < gate.slice_min_rows or before is None or now is None:
        return ""
    sign = -1 if gate.higher_is_better else 1
    loss = sign * (now - before)
    if loss <= gate.slice_margin * abs(before):
        return ""
    chosen = item.chosen
    found = bootstrap.difference(
        gate.metric, rows.target[chosen], ours[chosen], theirs[chosen], seed=contract.training.seed
    )
    if min(sign * found.low, sign * found.high) <= 0:
        return ""
    unit, name, more = contract.target.unit, gate.metric.upper(), "less" if gate.higher_is_better else "more"
    return (
        f"where {title(item.name).lower()} is {item.value}: {name} {amount(now, unit)} instead of "
        f"{amount(before, unit)} on {item.rows:,} rows, the limit is {share(gate.slice_margin)} {more}"
    )
