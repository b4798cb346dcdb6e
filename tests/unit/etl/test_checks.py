from __future__ import annotations

from pathlib import Path

import pytest

from contract import Contract
from contract.reading import Finding, Row
from etl import checks
from etl.run import Refused
from etl.tally import Tally
from tests.unit.etl.harness import binary_contract


def tally(path: Path, good: int, bad: dict[str, list[int]]) -> Tally:
    """`bad`: lines of rows by kind."""
    found = Tally(path / "rejects.json")
    found.add_rows(good)
    rows = [(line, kind) for kind, lines in bad.items() for line in lines]
    found.add_rejects([Row(line, "x", (), {}, {"beds": Finding(kind, "is bad")}) for line, kind in sorted(rows)])
    return found


def test_an_unknown_model_is_refused(contract: Contract) -> None:
    with pytest.raises(Refused) as refused:
        checks.check_model("boats", {"flats": contract}, "f.csv")
    expected = "f.csv: there is no model boats; upload below the folder of a known model (flats)"
    assert str(refused.value) == expected


def test_a_share_of_rejects_at_the_limit_passes_and_above_it_is_refused(contract: Contract, tmp_path: Path) -> None:
    checks.check_rejects(tally(tmp_path, 10, {"beds: missing": [*range(2, 12)]}), contract, "f.csv")
    found = tally(tmp_path, 9, {"field count": [9, 10, 11, 12], "beds: missing": [3, 5, 6, 7, 13, 14, 15]})
    with pytest.raises(Refused) as refused:
        checks.check_rejects(found, contract, "f.csv")
    assert str(refused.value) == (
        "f.csv: 11 of 20 rows rejected (55.0%, the limit is 50.0%); most often beds: missing "
        "(7 rows, the first: line 3: beds is bad). "
        "Every row and its reason stand in rejects/; correct the file and upload it again"
    )


def test_too_few_rows_are_refused(contract: Contract) -> None:
    with pytest.raises(Refused, match="7 usable rows; the model flats needs at least 8; upload more"):
        checks.check_rows(7, contract, "f.csv")


def test_a_side_too_small_for_the_gate_is_refused_with_the_numbers(contract: Contract) -> None:
    with pytest.raises(Refused) as refused:
        checks.check_sides({"train": {"": 8}, "validation": {"": 1}, "test": {"": 1}}, contract, "f.csv")
    assert str(refused.value) == (
        "f.csv: train: 8 rows; validation: 1 rows; test: 1 rows; the RMSE of the gate needs at least 2 test rows; "
        "upload more rows"
    )
    sizes = {"train": {"no": 8, "yes": 2}, "validation": {"no": 2, "yes": 0}, "test": {"no": 5, "yes": 1}}
    checks.check_sides(sizes, binary_contract(), "f.csv")
    for side in ("train", "test"):
        with pytest.raises(Refused, match=f"no {side} row has sold 'yes', and the AUC of the gate needs both levels"):
            checks.check_sides({**sizes, side: {"no": 5, "yes": 0}}, binary_contract(), "f.csv")


@pytest.mark.parametrize(("equal", "said"), [(0, False), (19, False), (20, True), (50, True)])
def test_a_fifth_of_equal_rows_looks_like_a_file_sent_twice(equal: int, said: bool) -> None:
    warnings = checks.equal_rows_warning(equal, 100)
    assert bool(warnings) == said
    assert all(
        "it looks like a file sent twice" in warning and f"{equal} of 100 rows" in warning for warning in warnings
    )


def test_train_rows_that_are_all_outliers_are_refused(contract: Contract) -> None:
    with pytest.raises(Refused, match="every train row is an outlier by the outlier factor 3 of rooms, per_person"):
        checks.check_kept({"": 0}, contract, "f.csv")


def test_a_derived_feature_without_measure_is_refused() -> None:
    checks.check_ranges({"a": [-1e100, 0, 1e100], "b": []}, "f.csv")
    with pytest.raises(Refused, match="the derived feature a exceeds 1e\\+100"):
        checks.check_ranges({"a": [0, 0, 1.1e100]}, "f.csv")


def test_a_refusal_reads_as_one_at_the_end_of_a_traceback() -> None:
    import traceback

    assert traceback.format_exception_only(Refused("f.csv: why")) == ["Refused: f.csv: why\n"]
