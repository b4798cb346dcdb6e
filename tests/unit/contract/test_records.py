"""Records: each wrong field is named with its reason; CSV gives what it was written from; the schema agrees."""

from __future__ import annotations

import csv
import io
import math

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import Contract, FieldError, RecordError, json_schema, load, parse_csv, validate
from tests.unit.contract.conftest import MODEL_FILE

HOUSING = load(MODEL_FILE)
SETTINGS = settings(deadline=None, database=None, max_examples=100)

json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


def good_value(feature) -> st.SearchStrategy:
    if feature.type == "category":
        return st.sampled_from(feature.levels)
    numbers = st.floats(feature.min, feature.max) | st.integers(math.ceil(feature.min), math.floor(feature.max))
    return st.none() | numbers if feature.nullable else numbers


good_records = st.fixed_dictionaries({feature.name: good_value(feature) for feature in HOUSING.features})
any_records = st.dictionaries(st.sampled_from([*HOUSING.columns, "x"]), json_values)


def test_a_good_record_has_no_errors(contract: Contract, record: dict[str, object]) -> None:
    assert validate(contract, record) == ()
    assert validate(contract, record | {"total_bedrooms": None}) == ()
    assert validate(contract, {name: value for name, value in record.items() if name != "total_bedrooms"}) == ()


LEVELS = '"<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"'


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("population", None, "is missing"),
        ("population", True, "must be a number, is true or false"),
        ("population", "322", "must be a number, is text"),
        ("population", [1], "must be a number, is a list"),
        ("population", math.nan, "must be a finite number"),
        ("population", -math.inf, "must be a finite number"),
        ("population", 10**400, "must be a finite number"),
        ("population", 0, "must be at least 1, is 0"),
        ("longitude", -113.9, "must be at most -114, is -113.9"),
        ("total_bedrooms", 0.5, "must be at least 1, is 0.5"),
        ("ocean_proximity", "SEA", f'must be one of {LEVELS}, is "SEA"'),
        ("ocean_proximity", 3, f"must be one of {LEVELS}, is a number"),
        ("ocean_proximity", None, "is missing"),
        ("rooms", 3, "is not a feature of california_housing; leave it out"),
        ("median_house_value", 3, "is what the model predicts; leave it out"),
    ],
)
def test_a_wrong_field_is_named(
    contract: Contract, record: dict[str, object], field: str, value: object, reason: str
) -> None:
    assert validate(contract, record | {field: value}) == (FieldError(field, reason),)


def test_all_wrong_fields_are_named_in_feature_order(contract: Contract, record: dict[str, object]) -> None:
    wrong = {"latitude": 1, "x": 2, "longitude": "", "median_income": -1}
    assert [error.field for error in validate(contract, record | wrong)] == [
        "longitude",
        "latitude",
        "median_income",
        "x",
    ]


@pytest.mark.parametrize("record", [None, 3, "text", [1, 2]])
def test_what_is_no_record_is_refused_as_a_whole(contract: Contract, record: object) -> None:
    [error] = validate(contract, record)  # type: ignore[arg-type]
    assert (error.field, "must be an object" in error.reason) == ("", True)


@SETTINGS
@given(record=good_records | any_records)
def test_the_json_schema_accepts_what_validate_accepts(record: dict[str, object]) -> None:
    schema = jsonschema.Draft202012Validator(json_schema(HOUSING))
    finite = {name: value for name, value in record.items() if not isinstance(value, float) or math.isfinite(value)}
    assert schema.is_valid(finite) == (validate(HOUSING, finite) == ())


def test_the_json_schema_says_what_a_form_needs(contract: Contract, record: dict[str, object]) -> None:
    schema = json_schema(contract)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "total_bedrooms" not in schema["required"]
    assert schema["properties"]["median_income"] == {
        "type": "number",
        "minimum": 0.1,
        "maximum": 20,
        "description": "Median household income (10,000 USD a year)",
        "default": 3.5,
    }


def csv_of(records: list[dict[str, object]], *, header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [feature.name for feature in HOUSING.features])
    if header:
        writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


@SETTINGS
@given(records=st.lists(good_records, min_size=1, max_size=4), header=st.booleans())
def test_csv_gives_back_the_records(records: list[dict[str, object]], header: bool) -> None:
    assert parse_csv(HOUSING, csv_of(records, header=header)) == records


@SETTINGS
@given(text=st.text(max_size=60) | st.text(alphabet='1.,e-+"\n\r latitude', max_size=60))
def test_any_text_is_parsed_or_refused_with_a_place(text: str) -> None:
    try:
        records = parse_csv(HOUSING, text)
    except RecordError as error:
        assert error.row >= 0
        assert error.reason
    else:
        assert all(len(record) == len(HOUSING.features) for record in records)


def test_a_header_may_order_and_omit_columns(contract: Contract, record: dict[str, object]) -> None:
    names = [name for name in reversed(record) if name != "total_bedrooms"]
    line = ",".join(str(record[name]) for name in names)
    expected = {name: record[name] for name in names}
    assert parse_csv(contract, f"\ufeff{','.join(names)}\r\n\r\n{line}\r\n") == [expected]


GOOD = "-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY"
HEADER = ",".join(feature.name for feature in HOUSING.features)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header: there is no data row; send at least one"),
        ("\n\n", "header: there is no data row; send at least one"),
        (HEADER, "header: there is no data row; send at least one"),
        (f"{HEADER},more\n{GOOD},1", "header, more: is not a feature of california_housing; leave it out"),
        (
            f"{HEADER},median_house_value\n{GOOD},1",
            "header, median_house_value: is what the model predicts; leave it out",
        ),
        (f"{HEADER},latitude\n{GOOD},1", "header, latitude: stands twice in the header; keep one"),
        ("latitude\n3", "header, longitude: is missing from the header; add the column"),
        (f"{GOOD}\n{GOOD},7", "row 2: has 10 fields, expected 9"),
        (f"{HEADER}\n{GOOD}\n,,,,,,,", "row 2: has 8 fields, expected 9"),
        (f"{GOOD}\n{GOOD.replace('322', '3x2')}", 'row 2, population: must be a number, is "3x2"'),
        (GOOD.replace("322", "1_000"), 'row 1, population: must be a number, is "1_000"'),
        (GOOD.replace("322", "nan"), 'row 1, population: must be a number, is "nan"'),
        ('"abc', "header: is not valid CSV: unexpected end of data"),
    ],
)
def test_a_csv_that_cannot_be_read_says_where(contract: Contract, text: str, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_csv(contract, text)
    assert str(caught.value) == message


def test_an_empty_field_is_missing(contract: Contract) -> None:
    [record] = parse_csv(contract, GOOD.replace("129", " "))
    assert record["total_bedrooms"] is None
    assert validate(contract, record) == ()
