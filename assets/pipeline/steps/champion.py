"""The champion: the newest approved version, scored on the test rows of the model that challenges it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from contract import ContractError, RecipeError
from steps import bootstrap
from steps.basis import Basis, basis_of
from steps.context import read_json
from steps.dataset import RawRows, Rows
from steps.failures import StepError
from steps.metrics import Vector
from steps.seen import UndecidedError
from steps.slices import Slice, slices_of
from steps.tasks import metrics_of
from steps.trained import ARCHIVE, TrainedModel, load_model
from steps.wording import amount, one_line, share, title

FILE, VERSION = "champion.json", 1
# Of what is wrong with a champion: it may be a list of all that a contract says otherwise than today's can be.
MAX_DETAIL = 300
Verdict = Literal["none", "better", "not_worse", "worse", "same", "incomparable"]


@dataclass(frozen=True)
class Champion:
    """`lost`: where its archive was, when nothing is left of it; "" as a rule.

    `lost_records`: of its evaluation, what is gone. The same model once more is a version that has them.
    """

    version: int
    archive: Path
    lost: str = ""
    lost_records: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """`value` is the champion's metric, `difference` that of the new model minus it. `reason` is part of a sentence.

    Both are of the `rows` that the champion takes and was not fitted on. `left_out` counts the test rows that it may
    know, `refused` those that its contract does not take.
    """

    verdict: Verdict
    metric: str
    reason: str
    model_version: int | None = None
    value: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    level: float = bootstrap.LEVEL
    rows: int | None = None
    left_out: int = 0
    refused: int = 0


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
        lost = str(champion["model_data_url"]) if champion.get("lost") else ""
        records = tuple(map(str, champion.get("lost_records", ())))
        named = Champion(int(champion["model_version"]), folder / ARCHIVE, lost, records)
    except (KeyError, TypeError, ValueError) as error:
        raise StepError(f"{FILE} names no model version ({error!r}); start training again") from error
    if not named.lost and not named.archive.is_file():
        raise StepError(f"{FILE} names version {named.version}, and its {ARCHIVE} is missing; start training again")
    return named


def compare(champion: Champion | None, model: TrainedModel, rows: Rows, raw: RawRows, predicted: Vector) -> Comparison:
    metric = model.contract.gate.metric
    if champion is None:
        return Comparison("none", metric, "there is no approved version yet to compare it with")
    version = champion.version
    other = _loaded(champion)
    if isinstance(other, str):
        return _incomparable(metric, version, other)
    if other.digest == model.digest and not champion.lost_records:
        value, count = metrics_of(model.contract, rows.target, predicted)[metric], len(rows.target)
        return Comparison(
            "same", metric, f"byte for byte version {version}", version, value, 0.0, (0.0, 0.0), rows=count
        )
    try:
        basis = basis_of(other, model, rows, raw)
    except UndecidedError as error:
        return _incomparable(metric, version, str(error), left_out=error.left_out, refused=error.refused)
    chosen = basis.chosen
    theirs = other.answers(basis.raw.chosen(chosen))
    found = _measured(version, model, Rows(rows.inputs[chosen], rows.target[chosen]), predicted[chosen], theirs, basis)
    lost = f", of which {', '.join(champion.lost_records)} is lost" if champion.lost_records else ""
    return replace(found, reason=found.reason + lost)


def _loaded(champion: Champion) -> TrainedModel | str:
    """Or why nothing can be compared with it."""
    if champion.lost:
        return f"its artifact {champion.lost} is gone"
    try:
        return load_model(champion.archive)
    except (StepError, ContractError, RecipeError) as error:
        return f"its archive is not readable here ({one_line(str(error), MAX_DETAIL)})"


def _incomparable(metric: str, version: int, why: str, *, left_out: int = 0, refused: int = 0) -> Comparison:
    reason = f"version {version} is not comparable: {why}"
    return Comparison("incomparable", metric, reason, version, left_out=left_out, refused=refused)


def _measured(version: int, model: TrainedModel, rows: Rows, ours: Vector, theirs: Vector, basis: Basis) -> Comparison:
    """`rows` and what both answer to them: those that the basis chose."""
    contract, gate = model.contract, model.contract.gate
    value = metrics_of(contract, rows.target, theirs)[gate.metric]
    difference = metrics_of(contract, rows.target, ours)[gate.metric] - value
    found = bootstrap.difference(gate.metric, rows.target, ours, theirs, seed=contract.training.seed)
    sign = -1 if gate.higher_is_better else 1
    least, most = sorted((sign * found.low, sign * found.high))
    unit, level, words = contract.target.unit, share(bootstrap.LEVEL), basis.words()
    numbers = (
        f"{amount(value, unit)}; difference {amount(difference)}, {level} {amount(found.low)} to {amount(found.high)}"
    )
    verdict: Verdict = "better" if most < 0 else "not_worse"
    reason = f"{verdict.replace('_', ' ')} than version {version} ({numbers}{words})"
    if least > gate.margin * abs(value):
        margin = f", the margin is {share(gate.margin)}" if gate.margin else ""
        verdict, reason = "worse", f"worse than version {version} ({numbers}{margin}{words})"
    else:
        for lost in filter(None, (_lost(item, model, rows, ours, theirs) for item in slices_of(rows, model.recipe))):
            verdict, reason = "worse", f"worse than version {version} {lost}{words}"
            break
    limits = (found.low, found.high)
    return Comparison(
        verdict,
        gate.metric,
        reason,
        version,
        value,
        difference,
        limits,
        rows=len(rows.target),
        left_out=basis.left_out,
        refused=basis.not_taken,
    )


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
