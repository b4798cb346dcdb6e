"""What a champion and its challenger are compared on: test rows that the champion takes and was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contract import Contract
from steps.dataset import RawRows, Rows
from steps.known import known_rows
from steps.seen import Mask, UndecidedError, seen_by
from steps.trained import TrainedModel
from steps.wording import one_line

# With fewer rows, a 95 % interval by resampling holds the true difference clearly less often than that, and the gate
# would act on chance.
LEAST_ROWS, LEAST_OF_LEVEL = 50, 20
MAX_WHY = 160


@dataclass(frozen=True)
class Basis:
    """`raw`: every test row with the champion's features. The rows in `known` or `refused` leave the comparison.

    `why` says what the champion's contract does not take of the first refused row; `absent` names columns that it reads
    as missing in every row.
    """

    raw: RawRows
    known: Mask
    refused: Mask
    why: str = ""
    absent: tuple[str, ...] = ()

    @property
    def chosen(self) -> Mask:
        return ~(self.known | self.refused)

    @property
    def left_out(self) -> int:
        """Rows that it may know from its training."""
        return int(np.sum(self.known & ~self.refused))

    @property
    def not_taken(self) -> int:
        return int(np.sum(self.refused))

    def words(self) -> str:
        """The end of a sentence with the figures; "" where both answer to every row."""
        words = ""
        if len(self.known) > self.chosen.sum():
            words = f"; on {self.chosen.sum():,} of {len(self.known):,} test rows, {self._others()}"
        if self.absent:
            words += f"; it reads {', '.join(self.absent)} as missing, which the data do not have"
        return words

    def _others(self) -> str:
        if not self.not_taken:
            return "it may know the others from its training"
        learned = f"it may know {self.left_out:,} others from its training and " if self.left_out else ""
        rest = "its contract does not take " if self.left_out else "its contract does not take the other "
        return f"{learned}{rest}{self.not_taken:,} (the first: {one_line(self.why, MAX_WHY)})"


def basis_of(champion: TrainedModel, model: TrainedModel, rows: Rows, raw: RawRows) -> Basis:
    """Raises UndecidedError, with the reason in words, when there is nothing to compare on."""
    theirs, ours = champion.contract, model.contract
    if obstacle := other_target(theirs, ours):
        raise UndecidedError(obstacle)
    seen = seen_by(theirs, ours, raw, model.manifest)
    known = known_rows(champion, model, raw, seen.raw)
    basis = Basis(seen.raw, known, seen.refused, seen.why, seen.absent)
    if few := too_few(basis, rows, ours):
        raise UndecidedError(few, left_out=basis.left_out, refused=basis.not_taken)
    return basis


def other_target(theirs: Contract, ours: Contract) -> str:
    """Why the champion answers another question, or "". A new name for the same column asks the same."""
    if theirs.target.question == ours.target.question:
        return ""
    return f"it has another target ({theirs.target.described}, now {ours.target.described})"


def too_few(basis: Basis, rows: Rows, contract: Contract) -> str:
    """Why the rows that are left say too little, or ""."""
    target, coded = rows.target[basis.chosen], contract.target.coded
    places = range(len(contract.target.parts)) if coded else ()
    least = min((int(np.sum(target == place)) for place in places), default=LEAST_OF_LEVEL)
    if len(target) == len(rows.target) or (len(target) >= LEAST_ROWS and least >= LEAST_OF_LEVEL):
        return ""
    needed = f"{LEAST_ROWS} rows, {LEAST_OF_LEVEL} of each level," if coded else f"{LEAST_ROWS} rows"
    reasons = []
    if basis.left_out or not basis.not_taken:
        reasons.append(f"it may know {basis.left_out:,} of the {len(basis.known):,} test rows from its training")
    if basis.not_taken:
        of = "of them" if reasons else f"of the {len(basis.known):,} test rows"
        why = one_line(basis.why, MAX_WHY)
        reasons.append(f"its contract does not take {basis.not_taken:,} {of} (the first: {why})")
    return f"{', '.join(reasons)}, and the {len(target):,} others are too few ({needed} are needed)"
