"""Files to predict: their columns, what is added to them, and their ids."""

from __future__ import annotations

import pytest

from contract import Contract, FieldError, HeaderError, added_columns, batch_columns, batch_id, read_record

NAMES = (
    "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,"
    "ocean_proximity"
)


def test_a_file_has_every_feature_among_its_columns_and_may_lack_the_target(contract: Contract) -> None:
    expected = ("id", *NAMES.split(","), "note")
    assert batch_columns(contract, f"\n id,{NAMES}, note \n1,2".encode()) == expected
    assert batch_columns(contract, f"median_house_value,{NAMES}\n".encode())[0] == "median_house_value"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (NAMES.replace("households,", ""), "line 1, the header, lacks households; add what is missing"),
        (NAMES.replace("population,", "people,"), "lacks population; add what is missing; not known: people"),
        (f"{NAMES},prediction_error", "the header names prediction_error, which a batch adds; rename or drop it"),
        (f"{NAMES},latitude", "names latitude twice; keep one of each"),
    ],
)
def test_a_header_that_does_not_do_says_why(contract: Contract, header: str, reason: str) -> None:
    with pytest.raises(HeaderError, match=reason):
        batch_columns(contract, header.encode())


def test_the_error_is_the_last_column(contract: Contract) -> None:
    assert added_columns(contract) == ("prediction", "prediction_error")


def test_an_upload_is_one_batch_and_another_version_is_another_one() -> None:
    assert batch_id("m", "batch/m/a.csv", "v1") == batch_id("m", "batch/m/a.csv", "v1")
    ids = {batch_id(*item) for item in (("m", "a", "v1"), ("m", "a", "v2"), ("m", "b", "v1"), ("n", "a", "v1"))}
    assert {len(item) for item in ids} == {11}
    assert len(ids) == 4


def test_a_row_of_texts_is_read_with_every_reason(contract: Contract) -> None:
    fields = ["-122.23", "37.88", "41", "many", "", "-1", "126", "8.3252", "MOON"]
    texts = dict(zip(NAMES.split(","), fields, strict=True))
    record, errors = read_record(contract, texts)
    assert (record["latitude"], record["total_rooms"], record["total_bedrooms"]) == (37.88, None, None)
    assert [error.field for error in errors] == ["total_rooms", "population", "ocean_proximity"]
    assert errors[:2] == (
        FieldError("total_rooms", 'must be a number, is "many"'),
        FieldError("population", "must be at least 1, is -1"),
    )
