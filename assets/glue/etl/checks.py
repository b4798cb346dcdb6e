"""Checks of a file as a whole: what fails here is refused, with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contract import Contract
from contract.reading import LARGEST
from contract.tasks import Sizes
from etl.run import Refused
from etl.tally import Tally

_EQUAL_SHARE = 0.2


def check_model(model: str, contracts: Mapping[str, Contract], file: str) -> Contract:
    if model not in contracts:
        known = ", ".join(sorted(contracts)) or "none"
        raise Refused(f"{file}: there is no model {model}; upload below the folder of a known model ({known})")
    return contracts[model]


def check_rejects(tally: Tally, contract: Contract, file: str) -> None:
    if not tally.read:
        raise Refused(f"{file}: there is a header and no row below it; upload a file with data")
    limit = contract.quality.max_reject_share
    if tally.rejected <= limit * tally.read:
        return
    kind = min(tally.reasons, key=lambda item: (-tally.reasons[item], item))
    share = f"{tally.rejected / tally.read:.1%}, the limit is {limit:.1%}"
    raise Refused(
        f"{file}: {tally.rejected} of {tally.read} rows rejected ({share}); most often {kind} "
        f"({tally.reasons[kind]} rows, the first: {tally.examples[kind]}). "
        "Every row and its reason stand in rejects/; correct the file and upload it again"
    )


def check_rows(rows: int, contract: Contract, file: str) -> None:
    """`rows`: those that can be used."""
    needed = contract.quality.min_rows
    if rows < needed:
        raise Refused(f"{file}: {rows} usable rows; the model {contract.name} needs at least {needed}; upload more")


def check_sides(sizes: Sizes, contract: Contract, file: str) -> None:
    """Whether a model can be trained on the train rows and judged on the test rows."""
    if reason := contract.rules.unfit(sizes, _listed(sizes), contract.target, contract.gate.metric.upper()):
        raise Refused(f"{file}: {reason}")


def check_kept(rows: Mapping[str, int], contract: Contract, file: str) -> None:
    """`rows`: train rows inside the fences, by level of the target."""
    limits = f"the outlier factor {contract.outliers.factor:g} of {', '.join(contract.outliers.columns)}"
    if not any(rows.values()):
        raise Refused(f"{file}: every train row is an outlier by {limits}; upload more rows, or raise the factor")
    for level, count in rows.items():
        if not count:
            name = contract.target.field.called
            raise Refused(
                f"{file}: every train row with {name} {level!r} is an outlier by {limits}; "
                "upload more rows, or raise the factor"
            )


def check_ranges(ranges: Mapping[str, Sequence[float]], file: str) -> None:
    """`ranges`: the least and the greatest value of derived features, among others."""
    for name, values in ranges.items():
        if any(abs(value) > LARGEST for value in values):
            raise Refused(
                f"{file}: the derived feature {name} exceeds {LARGEST:g}, which is too large to compute with; "
                "correct the columns it is derived from, or give them bounds in the contract"
            )


def equal_rows_warning(equal: int, rows: int) -> list[str]:
    """`equal`: of the `rows` that can be used, those that are equal to an earlier one."""
    if equal < _EQUAL_SHARE * rows:
        return []
    return [
        f"{equal} of {rows} rows ({equal / rows:.0%}) are equal to an earlier one in every column that is read: "
        "it looks like a file sent twice, unless the columns take few values"
    ]


def moved_warnings(moved: Mapping[str, int], unit: str) -> list[str]:
    """`moved`: the rows that sides took which no row fell on."""
    of = {"row": "", "key": " of whole keys", "group": " of whole groups"}[unit]
    return [
        f"no row fell on the {side} side: it took the {rows} rows{of} nearest to it" for side, rows in moved.items()
    ]


def _listed(sizes: Sizes) -> str:
    """`train: 12 'no', 3 'yes'; ...`"""
    sides = []
    for side, levels in sizes.items():
        counts = ", ".join(f"{count} {level!r}" if level else f"{count} rows" for level, count in levels.items())
        sides.append(f"{side}: {counts}")
    return "; ".join(sides)
