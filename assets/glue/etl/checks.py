"""Checks of a file as a whole: what fails here is refused, with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract import Contract, HeaderError, read_header
from contract.identity import RowIdentity
from etl.rows import Layout
from etl.run import Refused

LARGEST = 1e100  # of a value: the squares in a standard deviation stay within a double


@dataclass(frozen=True)
class Tally:
    """`reasons` counts rejected rows by kind; `first_line` is where each kind occurs first."""

    read: int
    rejected: int
    reasons: Mapping[str, int]
    first_line: Mapping[str, int]


def check_model(model: str, contracts: Mapping[str, Contract], file: str) -> Contract:
    if model not in contracts:
        known = ", ".join(sorted(contracts)) or "none"
        raise Refused(f"{file}: there is no model {model}; upload below the folder of a known model ({known})")
    return contracts[model]


def layout_of(head: bytes, contract: Contract, file: str) -> Layout:
    """From the first HEAD_BYTES of a file. Raises Refused."""
    try:
        header = read_header(head, contract.columns)
    except HeaderError as error:
        raise Refused(f"{file}: {error}") from error
    ignored = tuple(name for name in header.names if name not in contract.columns)
    positions = header.positions(contract.columns)
    return Layout(
        header_line=header.line,
        width=len(header.names),
        positions=positions,
        ignored=ignored,
        identity=RowIdentity.under(contract),
    )


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
        f"({tally.reasons[kind]} rows, first on line {tally.first_line[kind]}). "
        "Every row and its reason stand in rejects/; correct the file and upload it again"
    )


def check_rows(sizes: Mapping[str, int], contract: Contract, file: str) -> None:
    """`sizes`: usable, distinct rows a split."""
    rows, needed = sum(sizes.values()), contract.quality.min_rows
    if rows < needed:
        raise Refused(f"{file}: {rows} usable rows; the model {contract.name} needs at least {needed}; upload more")
    for split, size in sizes.items():
        if not size:
            raise Refused(f"{file}: none of the {rows} usable rows fell into the {split} split; upload more rows")


def check_kept(rows: int, contract: Contract, file: str) -> None:
    """`rows`: train rows inside the fences."""
    if not rows:
        limits = f"the outlier factor {contract.outliers.factor:g} of {', '.join(contract.outliers.columns)}"
        raise Refused(f"{file}: every train row is an outlier by {limits}; upload more rows, or raise the factor")


def check_ranges(ranges: Mapping[str, Sequence[float]], file: str) -> None:
    """`ranges`: the least and the greatest value of derived features, among others."""
    for name, values in ranges.items():
        if any(abs(value) > LARGEST for value in values):
            raise Refused(
                f"{file}: the derived feature {name} exceeds {LARGEST:g}, which is too large to compute with; "
                "correct the columns it is derived from, or give them bounds in the contract"
            )
