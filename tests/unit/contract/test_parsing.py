"""model.toml: a good one is read exactly, a wrong one is refused with file, key and reason."""

from __future__ import annotations

import json

import pytest

from contract import Contract, ContractError, Feature, Gate, Outliers, Scaling, Serving, Split, Target, contract_of
from contract.loading import contract_of_toml
from contract.reading import Data, Field

FILE = "models/x/model.toml"


def problems_of(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ContractError) as caught:
        contract_of_toml(text, FILE)
    assert {problem.file for problem in caught.value.problems} == {FILE}
    assert str(caught.value).splitlines() == [
        f"{FILE}: {problem.key}: {problem.reason}" if problem.key else f"{FILE}: {problem.reason}"
        for problem in caught.value.problems
    ]
    return [(problem.key, problem.reason) for problem in caught.value.problems]


def test_california_housing_is_read_exactly(contract: Contract) -> None:
    assert contract.name == "california_housing"
    assert contract.features[4] == Feature(
        name="total_bedrooms",
        type="number",
        min=1.0,
        max=20000.0,
        nullable=True,
        unit="bedrooms",
        description="Bedrooms in all households",
        default=435.0,
    )
    assert contract.categorical[0].levels == ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
    assert [feature.name for feature in contract.features if feature.nullable] == ["total_bedrooms"]
    assert contract.columns[-2:] == ("ocean_proximity", "median_house_value")
    assert len(contract.numeric) == 8
    assert (contract.target.unit, contract.target.cap) == ("USD", 500001.0)
    assert contract.derived[0].expression.text == "total_rooms / households"
    assert contract.split == Split(train=0.64, validation=0.16, test=0.2, salt="california-housing-1")
    assert contract.gate == Gate(metric="rmse", max=60000.0)
    assert contract.serving == Serving(mode="serverless", memory_mb=2048, max_concurrency=5)


MINIMAL = """
[model]
name = "tiny"
task = "regression"
description = "Tiny"
[features]
a = { type = "number" }
[target]
name = "y"
unit = "kg"
[quality]
min_rows = 1
max_reject_share = 0
[split]
train = 0.5
validation = 0.25
test = 0.25
salt = "s"
[training]
rounds = 1
early_stopping_rounds = 1
seed = 0
[gate]
metric = "mae"
max = 1
[serving]
mode = "realtime"
"""


def test_what_may_be_left_out_gets_a_default() -> None:
    contract = contract_of_toml(MINIMAL, FILE)
    assert contract.features == (Feature(name="a", type="number"),)
    assert contract.target == Target(name="y", unit="kg")
    assert (contract.derived, contract.outliers) == ((), Outliers(columns=(), factor=3.0))
    assert (contract.training.parameters, contract.training.refit) == ({}, False)
    assert contract.serving == Serving(mode="realtime", instance_type="ml.m5.large", instance_count=1)


@pytest.mark.parametrize(
    ("lines", "scaling", "least"),
    [
        ("instance_count = 3", None, 3),
        ("min_instances = 2\nmax_instances = 6", Scaling(2, 6, 6000), 2),
        (
            "min_instances = 1\nmax_instances = 4\ninstance_count = 3\ninvocations_per_instance = 90",
            Scaling(1, 4, 90),
            1,
        ),
    ],
)
def test_bounds_switch_scaling_on(lines: str, scaling: Scaling | None, least: int) -> None:
    serving = contract_of_toml(MINIMAL + lines, FILE).serving
    assert (serving.scaling, serving.least_instances) == (scaling, least)


REFIT = MINIMAL.replace("seed = 0", "seed = 0\nrefit = true")


@pytest.mark.parametrize("text", [MINIMAL, REFIT, None])
def test_a_contract_survives_json(text: str | None, model_toml: str) -> None:
    contract = contract_of_toml(text or model_toml, FILE)
    restored = contract_of(json.loads(json.dumps(contract.to_dict())), file="recipe.json")
    assert restored == contract
    assert restored.hash == contract.hash


def test_a_refit_is_another_contract() -> None:
    contract = contract_of_toml(REFIT, FILE)
    assert contract.training.refit
    assert contract.hash != contract_of_toml(MINIMAL, FILE).hash


def test_the_hash_follows_meaning_not_layout(contract: Contract, model_toml: str) -> None:
    lines = model_toml.splitlines()
    commented = "\n\n".join(f"{line} # note" if line.startswith("train") else line for line in lines)
    first, second = (next(i for i, line in enumerate(lines) if line.startswith(n)) for n in ("longitude", "latitude"))
    lines[first], lines[second] = lines[second], lines[first]
    assert contract_of_toml(commented, FILE).hash == contract.hash
    assert contract_of_toml(model_toml.replace("min = 0,", "min = 0.0,"), FILE).hash == contract.hash
    assert contract_of_toml("\n".join(lines), FILE).hash != contract.hash
    assert contract_of_toml(model_toml.replace("seed = 7", "seed = 8"), FILE).hash != contract.hash


# (text of the good file, its replacement, key of the one problem, part of its reason)
MISTAKES = [
    ("[gate]", "[gate", "", "is not valid TOML: Expected ']'"),
    ("[model]", "model = 3\n[more]", "more", "unknown key; did you mean model?"),
    ("train = 0.64", "train = 0.5", "split", "must add up to 1, they add up to 0.86"),
    ("train = 0.64", 'train = "x"', "split.train", "must be a finite number, is 'x'"),
    ("train = 0.64\n", "", "split.train", "is missing"),
    ("train = 0.64", "train = 1.64", "split.train", "must be at least 0.01 and at most 0.98"),
    ('salt = "california-housing-1"', 'salt = ""', "split.salt", "must not be empty"),
    ("max = -114.0", "max = -126.0", "features.longitude.max", "must be greater than min (-125.0), is -126.0"),
    ("min = -125.0", "min = nan", "features.longitude.min", "must be a finite number, is nan"),
    ("min = -125.0", "minimum = -125.0", "features.longitude.minimum", "unknown key; did you mean min?"),
    ("min = -125.0", "levels = [1]", "features.longitude.levels", "unknown key"),
    ("default = -119.5", "default = 0", "features.longitude.default", "must lie within min and max"),
    ("default = -119.5", 'default = "x"', "features.longitude.default", "must be a finite number"),
    ('"INLAND" }', '"SEA" }', "features.ocean_proximity.default", 'must be "<1H OCEAN", "INLAND", "ISLAND"'),
    ('levels = ["<1H', 'levels = ["INLAND", "<1H', "features.ocean_proximity.levels", "'INLAND' more than once"),
    ('levels = ["<1H', 'levels = [" ", "<1H', "features.ocean_proximity.levels", "must not be empty"),
    (
        '"number", min = 0.1',
        '"text", min = 0.1',
        "features.median_income.type",
        'must be "number", "category" or "boolean"',
    ),
    ('type = "number", min = 0.1', "min = 0.1", "features.median_income.type", "is missing"),
    ("seed = 7", 'seed = 7\nrefit = "yes"', "training.refit", "must be true or false, is 'yes'"),
    ("seed = 7", "seed = 7\nrefitted = true", "training.refitted", "unknown key; did you mean refit?"),
    ("nullable = true", "nullable = 1", "features.total_bedrooms.nullable", "must be true or false, is 1"),
    ("\nlatitude =", "\nLatitude =", "features.Latitude", "lower case letters"),
    ("\nlatitude =", "\nline =", "features.line", "reserved"),
    ("\nlatitude =", "\nprediction =", "features.prediction", "reserved"),
    ('name = "california_housing"', 'name = "batch"', "model.name", "is the folder of the files to predict"),
    ('unit = "USD"', "unit = 7", "target.unit", "must be text in quotes, is 7"),
    ('"median_house_value"', '"population"', "target.name", "is also a feature"),
    ('"median_house_value"', '"row_id"', "target.name", "reserved"),
    ("cap = 500001", "cap = 5000001", "target.cap", "must lie within min and max"),
    ('"total_rooms / households"', '"total_rooms // households"', "derived.rooms_per_household", "at character 13"),
    (
        '"total_rooms / households"',
        '"total_rooms / ocean_proximity"',
        "derived.rooms_per_household",
        "ocean_proximity is",
    ),
    ('"total_rooms / households"', "3", "derived.rooms_per_household", "must be text in quotes, is 3"),
    ('"total_rooms / households"', '"rooms_per_person / 2"', "derived.rooms_per_household", "no earlier derived"),
    ("rooms_per_person =", "population =", "derived.population", "is already a feature"),
    ("rooms_per_person =", '"Rooms" =', "derived.Rooms", "lower case letters"),
    ('columns = ["rooms_per_household"', 'columns = ["rooms"', "outliers.columns", "no number or derived feature"),
    ("factor = 10.0", "factor = -1", "outliers.factor", "must be at least 0.5"),
    ("min_rows = 100", "min_rows = 0", "quality.min_rows", "must be at least 1"),
    ("max_reject_share = 0.2", "max_reject_share = 20", "quality.max_reject_share", "at most 1, is 20"),
    ("rounds = 600", "rounds = 6.5", "training.rounds", "must be a whole number, is 6.5"),
    ("rounds = 600", "rounds = true", "training.rounds", "must be a whole number, is True"),
    ("max_depth = 8", "depth = 8", "training.parameters.depth", "did you mean max_depth?"),
    ("max_depth = 8", "nthread = 8", "training.parameters.nthread", "is not an XGBoost parameter that may be set here"),
    ("max_depth = 8", "max_depth = 800", "training.parameters.max_depth", "at most 30"),
    ("max_depth = 8", 'objective = "rank"', "training.parameters.objective", 'must be "reg:squarederror"'),
    (
        "max_depth = 8",
        'objective = "reg:pseudohubererror"',
        "training.parameters.objective",
        'must be "reg:squarederror" or "reg:absoluteerror"',
    ),
    ('unit = "USD"', 'unit = "USD"\nlevels = ["a", "b"]', "target.levels", "unknown key"),
    ('metric = "rmse"', 'metric = "auc"', "gate.metric", 'must be "rmse" or "mae", is \'auc\''),
    ("max = 60000.0", "max = 0", "gate.max", "must be greater than 0"),
    ("max = 60000.0", "", "gate.max", "is missing"),
    ("max = 60000.0", "max = 1\nmin = 1", "gate.min", 'a smaller rmse is better; write max = ... for metric = "rmse"'),
    ("max = 60000.0", "max = 1\nmargin = -1", "gate.margin", "must be at least 0 and at most 1, is -1"),
    ("max = 60000.0", "max = 1\nslice_margin = 'x'", "gate.slice_margin", "must be a finite number, is 'x'"),
    ("max = 60000.0", "max = 1\nslice_min_rows = 1", "gate.slice_min_rows", "must be at least 2"),
    ('mode = "serverless"', 'mode = "server"', "serving.mode", 'must be "serverless" or "realtime"'),
    ('mode = "serverless"', 'mode = "serverless"\nthreshold = 0.5', "serving.threshold", "is for a binary model"),
    (
        'mode = "serverless"',
        'mode = "serverless"\nhosting = "shared"',
        "serving.hosting",
        '"dedicated" or "multi-model"',
    ),
    (
        'mode = "serverless"',
        'mode = "serverless"\nhosting = "multi-model"',
        "serving.hosting",
        'multi-model needs instances; write mode = "realtime"',
    ),
    ('mode = "serverless"', 'mode = "realtime"\ncanary_percent = 60', "serving.canary_percent", "at most 50, is 60"),
    ('mode = "serverless"', 'mode = "realtime"\ncanary_minutes = 0', "serving.canary_minutes", "must be at least 1"),
    (
        'mode = "serverless"',
        'mode = "serverless"\nmin_instances = 1\nmax_instances = 2',
        "serving.min_instances",
        "a serverless endpoint has no instances",
    ),
    ('mode = "serverless"', 'mode = "realtime"\nmax_instances = 2', "serving.max_instances", "come together"),
    (
        'mode = "serverless"',
        'mode = "realtime"\nmin_instances = 3\nmax_instances = 2',
        "serving.max_instances",
        "must be at least min_instances (3), is 2",
    ),
    (
        'mode = "serverless"',
        'mode = "realtime"\nmin_instances = 2\nmax_instances = 3',
        "serving.instance_count",
        "must lie within min_instances (2) and max_instances (3), is 1",
    ),
    (
        'mode = "serverless"',
        'mode = "realtime"\ninvocations_per_instance = 600',
        "serving.invocations_per_instance",
        "scales between min_instances and max_instances; write them",
    ),
    ("memory_mb = 2048", "memory_mb = 2000", "serving.memory_mb", "multiple of 1024"),
    ("max_concurrency = 5", "max_concurrency = 500", "serving.max_concurrency", "at most 200"),
    ('"ml.m5.large"', '"m5.large"', "serving.instance_type", "must be an instance type"),
    ('name = "california_housing"', 'name = "California-Housing"', "model.name", "must be snake_case"),
    ('name = "california_housing"', 'name = "housing_"', "model.name", "single _ between words"),
    ('name = "california_housing"', 'name = "housing__2"', "model.name", "single _ between words"),
    ('name = "california_housing"', f'name = "{"h" * 41}"', "model.name", "at most 40 characters"),
    ('task = "regression"', 'task = "ranking"', "model.task", 'must be "regression" or "binary", is \'ranking\''),
]


@pytest.mark.parametrize(("good", "bad", "key", "reason"), MISTAKES, ids=[f"{m[2]}-{m[1][:20]}" for m in MISTAKES])
def test_a_mistake_is_reported_with_its_key(model_toml: str, good: str, bad: str, key: str, reason: str) -> None:
    assert good in model_toml
    [(found, why), *others] = problems_of(model_toml.replace(good, bad, 1))
    assert (found, reason in why) == (key, True), why
    assert others == ([("model", "must be a table, is 3")] if key == "more" else [])


BINARY = (
    MINIMAL.replace('"regression"', '"binary"')
    .replace('unit = "kg"', 'levels = ["no", "yes"]')
    .replace('"mae"\nmax = 1', '"auc"\nmin = 0.9')
)


def test_a_binary_contract_is_read_exactly() -> None:
    contract = contract_of_toml(BINARY, FILE)
    assert contract.task == "binary"
    assert contract.target == Target(name="y", levels=("no", "yes"))
    assert contract.gate == Gate(metric="auc", min=0.9, margin=0.0, slice_margin=0.1, slice_min_rows=100)
    assert (contract.gate.limit, contract.gate.higher_is_better) == (0.9, True)
    assert contract.serving == Serving(mode="realtime", threshold=0.5)
    assert (contract.rules.objectives, contract.rules.training_metric) == (("binary:logistic",), "logloss")
    assert contract_of(json.loads(json.dumps(contract.to_dict()))) == contract


BINARY_MISTAKES = [
    ('levels = ["no", "yes"]', "", "target.levels", "must hold the two values of the target, holds 0; write levels ="),
    ('levels = ["no", "yes"]', 'levels = ["a", "b", "c"]', "target.levels", "holds 3"),
    ('levels = ["no", "yes"]', 'levels = ["a", "a"]', "target.levels", "holds 'a' more than once"),
    ('levels = ["no", "yes"]', "levels = [0, 1]", "target.levels", "must be a list of texts"),
    (
        'levels = ["no", "yes"]',
        'levels = ["no", "yes"]\nunit = "kg"',
        "target.unit",
        "use one of name, column, levels, descr",
    ),
    ('"auc"', '"rmse"', "gate.metric", 'must be "auc" or "logloss"'),
    ("min = 0.9", "min = 9", "gate.min", "must be at least 0 and at most 1, is 9"),
    ("min = 0.9", "max = 0.9", "gate.max", 'a greater auc is better; write min = ... for metric = "auc"'),
    ("min = 0.9", "", "gate.min", "is missing; add it"),
    ('"realtime"', '"realtime"\nthreshold = 2', "serving.threshold", "must be at least 0.001 and at most 0.999"),
    (
        "seed = 0",
        'seed = 0\nparameters = { objective = "reg:squarederror" }',
        "training.parameters.objective",
        'must be "binary:logistic"',
    ),
]


@pytest.mark.parametrize(
    ("good", "bad", "key", "reason"), BINARY_MISTAKES, ids=[m[2] + m[1][:9] for m in BINARY_MISTAKES]
)
def test_a_mistake_in_a_binary_contract_is_reported_with_its_key(good: str, bad: str, key: str, reason: str) -> None:
    assert good in BINARY
    [(found, why)] = problems_of(BINARY.replace(good, bad, 1))
    assert (found, reason in why) == (key, True), why


def test_autoscaling_starts_with_the_least_instances() -> None:
    text = MINIMAL + "min_instances = 2\nmax_instances = 4\n"
    serving = contract_of_toml(text, FILE).serving
    assert (serving.min_instances, serving.instance_count, serving.max_instances) == (2, 2, 4)


@pytest.mark.parametrize("section", ["model", "features", "target", "quality", "split", "training", "gate", "serving"])
def test_a_missing_section_is_one_problem(section: str) -> None:
    parts = MINIMAL.split("[")
    text = "[".join(part for part in parts if not part.startswith(f"{section}]"))
    assert problems_of(text) == [(section, f"is missing; add [{section}]")]


def test_all_problems_are_reported_at_once(model_toml: str) -> None:
    text = model_toml.replace("seed = 7", "seed = -7").replace("eta", "etta").replace("min_rows = 100", "min_row = 100")
    text = text.replace("population / households", "popuLation / households")
    assert [key for key, _ in problems_of(text)] == [
        "derived.people_per_household",
        "quality.min_row",
        "quality.min_rows",
        "training.seed",
        "training.parameters.etta",
    ]


def test_one_wrong_feature_name_is_not_reported_at_every_use(model_toml: str) -> None:
    assert [key for key, _ in problems_of(model_toml.replace("\nlatitude =", "\nLatitude ="))] == ["features.Latitude"]


def test_a_json_null_is_a_missing_value(contract: Contract) -> None:
    document = contract.to_dict() | {"gate": {"metric": "rmse", "max": None}}
    with pytest.raises(ContractError, match=r"^recipe.json: gate.max: is missing"):
        contract_of(document, file="recipe.json")


def test_a_column_may_be_a_word_that_sql_reserves() -> None:
    text = MINIMAL.replace("a = {", "order = {").replace('"y"', '"select"')
    contract = contract_of_toml(text, FILE)
    assert contract.columns == ("order", "select")


def test_a_target_needs_no_unit() -> None:
    assert contract_of_toml(MINIMAL.replace('unit = "kg"', ""), FILE).target == Target(name="y")


READING = (
    MINIMAL.replace("a = { ", 'a = { column = "A (m)", ').replace('"y"', '"y"\ncolumn = "Y, z"')
    + """
[data]
key = "Id"
missing = ["?", "-9"]
delimiter = "\\t"
decimal = ","
encoding = "latin-1"
"""
)
READING = READING.replace("max_reject_share = 0", 'max_reject_share = 0\nequal_rows = "drop"').replace(
    'salt = "s"', 'salt = "s"\ngroup = "Household"'
)


def test_how_files_are_written_is_read_exactly() -> None:
    contract = contract_of_toml(READING, FILE)
    assert contract.data == Data(key="Id", missing=("?", "-9"), delimiter="\t", decimal=",", encoding="iso8859-1")
    assert (contract.quality.equal_rows, contract.split.group) == ("drop", "Household")
    columns = [(field.name, field.column, field.type) for field in contract.rules_to_train.fields]
    assert columns == [
        ("a", "A (m)", "number"),
        ("y", "Y, z", "number"),
        ("key Id", "Id", "text"),
        ("group Household", "Household", "text"),
    ]
    assert [field.name for field in contract.rules_to_predict.fields] == ["a"]
    again = contract_of(json.loads(json.dumps(contract.to_dict())))
    assert (again, again.hash) == (contract, contract.hash)


def test_which_uploads_are_run_is_of_no_version() -> None:
    newest = contract_of_toml(READING.replace("[data]", '[data]\nuploads = "newest"'), FILE)
    every = contract_of_toml(READING, FILE)
    assert (newest.uploads, every.uploads) == ("newest", "all")
    assert (newest.hash, newest.to_dict()) == (every.hash, every.to_dict())


def test_a_key_that_is_a_feature_is_read_as_one() -> None:
    contract = contract_of_toml(READING.replace('"Id"', '"a"'), FILE)
    assert contract.key_field == Field("key A (m)", "A (m)", "number")


def test_the_hash_of_a_contract_that_says_nothing_of_files_is_that_of_before() -> None:
    """Versions in a registry are known by it."""
    assert contract_of_toml(MINIMAL, FILE).hash == "72f04ffd87eb878aae8aa2c1eb9c229f62f25e65c86e7ec006c3fc5a87d8797d"


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('delimiter = "\\t"', 'delimiter = ":"', "data.delimiter", "must be one of ',', ';', '\\t', '|', is ':'"),
        ('decimal = ","', 'decimal = "x"', "data.decimal", "must be one of '.', ',', is 'x'"),
        ('delimiter = "\\t"', 'delimiter = ","', "data.decimal", "is the delimiter too"),
        ('"latin-1"', '"latin-99"', "data.encoding", "must be the name of a text encoding"),
        ('"latin-1"', '"base64"', "data.encoding", "must be the name of a text encoding"),
        ('"-9"]', '"-9"]\nmissing_only = ["?"]', "data.missing", "keep one"),
        ('key = "Id"', "key = 3", "data.key", "must be text in quotes, is 3"),
        ("[data]", "[data]\nkeys = 1", "data.keys", "did you mean key?"),
        ("[data]", '[data]\nuploads = "last"', "data.uploads", 'must be "all" or "newest"'),
        ('"drop"', '"some"', "quality.equal_rows", 'must be "keep" or "drop"'),
        ('"Y, z"', '"A (m)"', "target.column", "names the column of the feature a; a target is no input"),
        ('type = "number" }', 'type = "number" }\nb = { column = "A (m)", type = "number" }', "features.b",
         "reads the same column of the file as a"),
    ],
)  # fmt: skip
def test_a_mistake_in_how_files_are_written_is_reported(old: str, new: str, key: str, reason: str) -> None:
    assert old in READING
    ((found, said),) = problems_of(READING.replace(old, new))
    assert (found, reason in said) == (key, True), said
