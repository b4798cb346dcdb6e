"""Records: each wrong field is named with its reason; CSV gives what it was written from; the schema agrees."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import (
    Contract,
    Feature,
    FieldError,
    FileError,
    checked,
    contract_of,
    csv_rows,
    example,
    json_schema,
    load,
    load_all,
    validate,
)
from contract.reading import Row
from tests.contracts import MODELS as MODEL_FOLDER
from tests.contracts import REAL
from tests.unit.contract.conftest import MODEL_FILE

HOUSING = load(MODEL_FILE)
SETTINGS = settings(deadline=None, database=None, max_examples=100)
ROOT = Path(__file__).parents[3]
MODELS = {**load_all(MODEL_FOLDER), **load_all(REAL)}

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


KNOWN = "known are '<1H OCEAN', 'INLAND', 'ISLAND', 'NEAR BAY' and 'NEAR OCEAN'"


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
        ("ocean_proximity", "SEA", f"is 'SEA'; {KNOWN}"),
        ("ocean_proximity", "inland", f"is 'inland'; {KNOWN}; it differs from 'INLAND' in upper and lower case"),
        ("ocean_proximity", 3, f"is '3'; {KNOWN}"),
        ("ocean_proximity", True, "must be text, is true or false"),
        ("ocean_proximity", ["INLAND"], "must be text, is a list"),
        ("ocean_proximity", "NA", "is missing"),
        ("ocean_proximity", " ", "is missing"),
        ("population", "NA", "must be a number, is text"),
        ("population", 1e101, "must be at most 1e+100 in size, is 1e+101"),
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


@pytest.mark.parametrize(
    ("levels", "value", "level"),
    [
        (["a b", "c"], "\u00a0a\u00a0b ", "a b"),
        (["1", "2"], 1, "1"),
        (["1", "2"], 2.0, "2"),
        (["1", "2"], "1.0", "1"),
        (["NA", "x"], "NA", "NA"),
        (["1.5", "2"], 1.5, "1.5"),
    ],
)
def test_a_level_means_what_it_means_in_a_file(levels: list[str], value: object, level: str) -> None:
    document = HOUSING.to_dict()
    features = {**document["features"], "ocean_proximity": {"type": "category", "levels": levels}}
    spec = contract_of({**document, "features": features})
    values, _ = checked(spec, {"ocean_proximity": value})
    assert values["ocean_proximity"] == level


def test_what_is_checked_is_what_a_recipe_takes(contract: Contract, record: dict[str, object]) -> None:
    less = {name: value for name, value in record.items() if name != "total_bedrooms"}
    values, errors = checked(contract, less | {"ocean_proximity": " NEAR\u00a0BAY"})
    assert (dict(values), tuple(errors)) == (record | {"total_bedrooms": None}, ())


@SETTINGS
@given(record=good_records | any_records)
def test_what_the_json_schema_accepts_is_accepted(record: dict[str, object]) -> None:
    """The schema says what to send; a level in another spelling is read all the same."""
    schema = jsonschema.Draft202012Validator(json_schema(HOUSING))
    finite = {name: value for name, value in record.items() if not isinstance(value, float) or math.isfinite(value)}
    errors = validate(HOUSING, finite)
    if schema.is_valid(finite):
        assert errors == ()
    elif errors == ():
        assert finite["ocean_proximity"] not in HOUSING.categorical[0].levels


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


NUMBER, CATEGORY = Feature(name="n", type="number"), Feature(name="c", type="category", levels=("x", "y"))


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (NUMBER, 0.0),
        (replace(NUMBER, default=7.5), 7.5),
        (replace(NUMBER, default=0.0, min=-1.0), 0.0),
        (replace(NUMBER, nullable=True), None),
        (replace(NUMBER, min=3.0), 3.0),
        (replace(NUMBER, max=-3.0), -3.0),
        (replace(NUMBER, max=3.0), 0.0),
        (replace(NUMBER, min=2.0, max=600.0), 301.0),
        (CATEGORY, "x"),
        (replace(CATEGORY, default="y"), "y"),
        (replace(CATEGORY, nullable=True), None),
    ],
)
def test_an_example_needs_no_default(contract: Contract, feature: Feature, value: object) -> None:
    found = example(replace(contract, features=(feature,)))
    assert found == {feature.name: value}
    assert validate(replace(contract, features=(feature,)), found) == ()


@pytest.mark.parametrize("name", MODELS)
def test_every_contract_allows_its_example(name: str) -> None:
    assert validate(MODELS[name], example(MODELS[name])) == ()
    jsonschema.validate(example(MODELS[name]), json_schema(MODELS[name]))


def csv_of(records: list[dict[str, object]], *, header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [feature.name for feature in HOUSING.features])
    if header:
        writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def values_of(text: str) -> list[dict[str, object]]:
    rows = csv_rows(HOUSING, text)
    assert [row.reason for row in rows] == [""] * len(rows)
    return [dict(row.values) for row in rows]


@SETTINGS
@given(records=st.lists(good_records, min_size=1, max_size=4), header=st.booleans())
def test_csv_gives_back_the_records(records: list[dict[str, object]], header: bool) -> None:
    assert values_of(csv_of(records, header=header)) == records


@SETTINGS
@given(text=st.text(max_size=60) | st.text(alphabet='1.,e-+"\n\r latitude;', max_size=60))
def test_any_text_is_rows_or_refused_with_a_reason(text: str) -> None:
    try:
        rows = csv_rows(HOUSING, text)
    except FileError as error:
        assert str(error)
    else:
        assert all(row.findings or len(row.values) == len(HOUSING.features) for row in rows)


def test_a_header_may_order_and_omit_columns(contract: Contract, record: dict[str, object]) -> None:
    names = [name for name in reversed(record) if name != "total_bedrooms"]
    line = ",".join(str(record[name]) for name in names)
    expected = record | {"total_bedrooms": None}
    assert values_of(f"\ufeff{','.join(names)},note\r\n\r\n{line},mine\r\n") == [expected]


GOOD = "-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY"
HEADER = ",".join(feature.name for feature in HOUSING.features)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no data row; send at least one"),
        ("\n\n", "there is no data row; send at least one"),
        (HEADER, "there is no data row; send at least one"),
        (f"{HEADER},latitude\n{GOOD},1", "line 1, the header, names latitude twice; keep one of each"),
        ("latitude\n3", "line 1, the header, lacks longitude, housing_median_age"),
    ],
)
def test_a_csv_that_cannot_be_read_says_why(contract: Contract, text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        csv_rows(contract, text)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (f"{GOOD}\n{GOOD},7", ["", "10 fields, the header has 9"]),
        (f"{HEADER}\n{GOOD}\n1,2", ["", "2 fields, the header has 9"]),
        (f"{GOOD}\n{GOOD.replace('322', '3x2')}", ["", "population must be a number, is '3x2'"]),
        (GOOD.replace("322", "1_000"), ["population must be a number, is '1_000'"]),
        (GOOD.replace("322", "nan"), ["population is missing"]),
        (GOOD.replace("129", " "), [""]),
        ('"abc', ["a quote is opened and never closed"]),
        (f"{HEADER}\n{GOOD}\n{HEADER}", ["", "the header stands here again"]),
        ("\n".join((f"{HEADER},median_house_value", f"{GOOD},1")), [""]),
    ],
)
def test_every_row_of_a_csv_has_its_verdict(contract: Contract, text: str, reasons: list[str]) -> None:
    rows: list[Row] = csv_rows(contract, text)
    assert [row.reason for row in rows] == reasons
