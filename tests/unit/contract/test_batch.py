"""Files to predict: their columns, what is added to them, and their ids."""

from __future__ import annotations

import pytest

from contract import Contract, FileError, added_columns, batch_id, batch_layout

NAMES = (
    "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,"
    "ocean_proximity"
)


def test_a_file_has_every_feature_among_its_columns_and_may_lack_the_target(contract: Contract) -> None:
    expected = ("id", *NAMES.split(","), "note")
    assert batch_layout(contract, f"\n id,{NAMES}, note \n1,2".encode()).names == expected
    assert batch_layout(contract, f"median_house_value,{NAMES}\n".encode()).names[0] == "median_house_value"
    less = batch_layout(contract, NAMES.replace("total_bedrooms,", "").encode())
    assert less.absent == ("total_bedrooms",)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (NAMES.replace("households,", ""), "line 1, the header, lacks households; add what is missing"),
        (NAMES.replace("population,", "people,"), "lacks population; add what is missing; not known: 'people'"),
        (f"{NAMES},prediction_error", "the header names prediction_error, which a batch adds; rename or drop it"),
        (f"{NAMES},latitude", "names latitude twice; keep one of each"),
    ],
)
def test_a_header_that_does_not_do_says_why(contract: Contract, header: str, reason: str) -> None:
    with pytest.raises(FileError, match=reason):
        batch_layout(contract, header.encode())


def test_the_error_is_the_last_column(contract: Contract) -> None:
    assert added_columns(contract) == ("prediction", "prediction_error")


def test_an_upload_is_one_batch_and_another_version_is_another_one() -> None:
    assert batch_id("m", "batch/m/a.csv", "v1") == batch_id("m", "batch/m/a.csv", "v1")
    ids = {batch_id(*item) for item in (("m", "a", "v1"), ("m", "a", "v2"), ("m", "b", "v1"), ("n", "a", "v1"))}
    assert {len(item) for item in ids} == {11}
    assert len(ids) == 4
