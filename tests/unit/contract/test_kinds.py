"""Whatever is registered as a kind of features is known everywhere: a place that forgot one turns red here."""

from __future__ import annotations

from typing import Any

import jsonschema
import numpy as np
import pytest

from contract import (
    Contract,
    ContractError,
    Recipe,
    as_sent,
    checked,
    columns_of,
    contract_of,
    csv_rows,
    example,
    json_schema,
    validate,
)
from contract.identity import RowIdentity
from contract.kinds import FEATURE_KINDS, JSON_TYPES, feature_kind, kind_of
from contract.reading import as_json, field_of, text_of
from contract.within import Within
from description.schemas import SCHEMAS

# Of each kind a table of model.toml, texts of a file that mean different values, those values in JSON, and wrong ones.
CASES: dict[str, dict[str, Any]] = {
    "number": {
        "table": {"type": "number", "min": 0, "max": 10},
        "texts": ["1", "2.5"],
        "json": [1.0, 2.5],
        "bad_texts": ["ten", "11"],
        "bad_json": ["1", True, 11, [], {}],
    },
    "category": {
        "table": {"type": "category", "levels": ["red", "blue"]},
        "texts": ["red", "blue"],
        "json": ["red", "blue"],
        "bad_texts": ["green", "Red"],
        "bad_json": ["green", True, [], {}],
    },
    "boolean": {
        "table": {"type": "boolean", "levels": ["No", "Yes"]},
        "texts": ["Yes", "No"],
        "json": [True, False],
        "bad_texts": ["yes", "true", "1"],
        "bad_json": ["Yes", "true", 1, 0, [], {}],
    },
}


def contract_with(table: dict[str, Any]) -> Contract:
    return contract_of(
        {
            "model": {"name": "shops", "task": "regression", "description": "Shops"},
            "features": {"x": table, "size": {"type": "number"}},
            "target": {"name": "sales", "unit": "EUR"},
            "quality": {"min_rows": 1, "max_reject_share": 0.5},
            "split": {"train": 0.6, "validation": 0.2, "test": 0.2, "salt": "s"},
            "training": {"rounds": 10, "early_stopping_rounds": 5, "seed": 1},
            "gate": {"metric": "rmse", "max": 1.0},
            "serving": {"mode": "serverless"},
        }
    )


def recipe_of(contract: Contract) -> Recipe:
    names = [item.name for item in contract.numeric]
    zeros, ones = dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0)
    return Recipe.fitted(contract, impute=zeros, fences={}, mean=zeros, std=ones)


def test_every_kind_has_a_case() -> None:
    assert list(CASES) == list(FEATURE_KINDS)


@pytest.fixture(params=list(FEATURE_KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(kind: str) -> dict[str, Any]:
    return CASES[kind]


@pytest.fixture(params=[False, True], ids=["needed", "nullable"])
def contract(request: pytest.FixtureRequest, case: dict[str, Any]) -> Contract:
    return contract_with({**case["table"], **({"nullable": True} if request.param else {})})


def test_a_contract_survives_its_document(contract: Contract, kind: str) -> None:
    again = contract_of(contract.to_dict())
    assert again == contract
    assert again.hash == contract.hash
    assert again.features[0].type == kind


def test_every_feature_is_held_as_a_number_or_as_a_level(contract: Contract) -> None:
    assert {*contract.numeric, *contract.categorical} == {*contract.features}


def test_every_feature_has_a_model_input(contract: Contract) -> None:
    assert {column.source for column in columns_of(contract)} == {"x", "size"}


def test_texts_and_json_mean_the_same_and_the_model_tells_them_apart(contract: Contract, case: dict[str, Any]) -> None:
    rows = csv_rows(contract, "".join(f"{text},1\n" for text in case["texts"]))
    records = [{"x": value, "size": 1.0} for value in case["json"]]
    meant = [checked(contract, record) for record in records]
    assert [list(errors) for _, errors in meant] == [[], []]
    values = [dict(found) for found, _ in meant]
    assert [dict(row.values) for row in rows] == values
    assert [as_sent(contract, found) for found in values] == records
    first, second = recipe_of(contract).apply(values)
    assert np.isfinite([first, second]).all()
    assert first.tolist() != second.tolist()
    identity = RowIdentity.under(contract)
    assert len({identity.row_id(list(found.values())) for found in values}) == 2


def test_what_is_wrong_is_refused_at_both_doors(contract: Contract, case: dict[str, Any]) -> None:
    for text in case["bad_texts"]:
        (row,) = csv_rows(contract, f"{text},1\n")
        assert row.reason.startswith("x "), text
    for value in case["bad_json"]:
        (error,) = validate(contract, {"x": value, "size": 1.0})
        assert error.field == "x", value


def test_a_missing_value_is_one_where_the_contract_allows_it(contract: Contract) -> None:
    (row,) = csv_rows(contract, "NA,1\n")
    nullable = contract.features[0].nullable
    assert row.values["x"] is None
    assert bool(row.reason) is not nullable
    assert bool(validate(contract, {"x": None, "size": 1.0})) is not nullable
    assert as_json(contract.features[0].field, None) is None
    if nullable:
        assert np.isfinite(recipe_of(contract).apply([dict(row.values)])).all()


def test_the_schema_takes_what_the_check_takes(contract: Contract, case: dict[str, Any]) -> None:
    schema = jsonschema.Draft202012Validator(json_schema(contract))
    missing = [None] if contract.features[0].nullable else []
    assert all(schema.is_valid({"x": value, "size": 1.0}) for value in [*case["json"], *missing])
    assert not any(schema.is_valid({"x": value, "size": 1.0}) for value in case["bad_json"])
    assert schema.is_valid(example(contract))
    assert not validate(contract, example(contract))


def test_the_description_of_the_api_names_every_kind_and_what_its_values_are() -> None:
    feature = SCHEMAS["Feature"]["properties"]
    assert feature["type"]["enum"] == list(FEATURE_KINDS)
    assert feature["default"]["type"] == list(JSON_TYPES)


def test_who_has_no_contract_reads_as_it_does(contract: Contract, case: dict[str, Any]) -> None:
    feature = contract.features[0]
    told = field_of({"name": "x", "nullable": feature.nullable, "levels": list(feature.levels), **case["table"]})
    assert told == feature.field


def test_a_type_that_is_not_known_is_said() -> None:
    with pytest.raises(ValueError, match=r"no feature type is called 'colour' here, only number, category, boolean"):
        field_of({"name": "x", "type": "colour"})


def test_true_and_false_of_a_typed_table_are_texts_that_can_be_read_or_refused(contract: Contract) -> None:
    field = contract.features[0].field
    texts = [text_of(value, field) for value in (True, False)]
    assert len(set(texts)) == 2
    for text in texts:
        value, finding = kind_of(field.type).read(field, text, ".")
        assert (value is None) == (finding is not None and field.level_of(text) is None)


def boolean(**members: Any) -> Contract:
    return contract_with({"type": "boolean", "levels": ["No", "Yes"], **members})


def test_a_boolean_is_one_model_input_of_0_and_1() -> None:
    contract = boolean()
    assert [(column.name, column.level) for column in columns_of(contract)] == [("size", None), ("x_yes", "Yes")]
    found = recipe_of(contract).apply([{"x": "Yes", "size": 0.0}, {"x": "No", "size": 0.0}])
    assert found[:, 1].tolist() == [1.0, 0.0]


def test_a_boolean_that_may_be_missing_tells_false_from_missing() -> None:
    contract = boolean(nullable=True)
    found = recipe_of(contract).apply([{"x": value, "size": 0.0} for value in ("No", "Yes", None)])
    assert found[:, 1:].tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize("default", [True, False])
def test_a_default_of_false_is_one_too(default: bool) -> None:
    contract = boolean(default=default)
    assert contract.to_dict()["features"]["x"]["default"] is default  # type: ignore[index]
    assert contract_of(contract.to_dict()).hash == contract.hash != boolean().hash
    assert example(contract)["x"] is default
    assert json_schema(contract)["properties"]["x"] == {"type": "boolean", "default": default}  # type: ignore[index]


@pytest.mark.parametrize(
    ("members", "key", "reason"),
    [
        ({"levels": ["Yes"]}, "levels", "must hold the spellings of false and true, holds 1"),
        ({"levels": ["a", "b", "c"]}, "levels", "must hold the spellings of false and true, holds 3"),
        ({"levels": ["a", "a"]}, "levels", "holds 'a' more than once"),
        ({"levels": []}, "levels", 'write levels = ["false", "true"], in the words of the data file'),
        ({"default": "Yes"}, "default", "must be true or false, is 'Yes'"),
        ({"min": 0}, "min", "unknown key"),
    ],
)
def test_what_is_wrong_with_a_boolean_is_said(members: dict[str, Any], key: str, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        boolean(**members)
    (problem,) = error.value.problems
    assert problem.key == f"features.x.{key}"
    assert reason in problem.reason


@pytest.mark.parametrize(("text", "value"), [("Yes", True), ("No", False), ("true", True), ("false", False)])
def test_a_person_types_a_boolean_as_the_file_or_as_json_has_it(text: str, value: bool) -> None:
    field = boolean().features[0].field
    assert feature_kind("boolean").typed(field, text) == (value, None)
    assert feature_kind("boolean").typed(field, "maybe")[1] is not None


def test_booleans_of_a_typed_table_are_the_spellings_of_the_contract() -> None:
    field = boolean().features[0].field
    assert [text_of(value, field) for value in (True, False, None)] == ["Yes", "No", ""]


@pytest.mark.parametrize("limits", [Within(0.1, 3.0), Within(low=-1.0), Within(high=2.0), Within()])
def test_one_rule_holds_alike_in_python_numpy_and_sql(limits: Within) -> None:
    import duckdb

    values = [0.1, 0.1 + 2**-55, 3.0, 3.0000000000000004, -1.0, -1e308, 2.0, 1e308, 0.0, -0.0, 5e-324]
    held = [limits.holds(value) for value in values]
    assert limits.numpy(np.array(values)).tolist() == held
    asked = duckdb.sql(f"select {limits.sql('v')} from (select unnest(?::double[]) as v)", params=[values])
    assert [row[0] for row in asked.fetchall()] == held
    assert not limits.holds(float("nan"))
    assert not limits.numpy(np.array([float("nan")])).any()
