"""Prepare: what it hands on, by value, and which data sets it refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract import Contract, Recipe
from contract.sides import side_of, text_digest
from steps.dataset import read_raw
from tests.unit.pipeline.factory import RUN_ID, row_id, seal, synthetic_rows


def test_each_split_holds_the_recipe_applied_to_its_rows(prepared: Path, contract: Contract) -> None:
    recipe = Recipe.from_json((prepared / "context" / "recipe.json").read_text())
    by_id = {row_id(contract, row): row for row in synthetic_rows(900, contract)}
    test = pq.read_table(prepared / "test" / "data.parquet")
    numbers = [column.name for column in recipe.columns if column.kind != "level"]
    assert test.column_names == ["row_id", "median_house_value", *numbers, "ocean_proximity"]
    ids = test["row_id"].to_pylist()
    assert ids == sorted(ids)
    rows = [by_id[identifier] for identifier in ids]
    assert test["median_house_value"].to_pylist() == [row["median_house_value"] for row in rows]
    read = dataset_module().read_rows(prepared / "test", recipe)
    np.testing.assert_array_equal(read.inputs, recipe.apply(rows))
    assert read.target.tolist() == test["median_house_value"].to_pylist()


def test_a_missing_level_is_zero_in_every_column_of_its_feature(tmp_path: Path, prepared: Path) -> None:
    recipe = Recipe.from_json((prepared / "context" / "recipe.json").read_text())
    table = pq.read_table(prepared / "test" / "data.parquet").slice(0, 3)
    place = table.column_names.index("ocean_proximity")
    levels = pa.array(["ISLAND", None, "<1H OCEAN"], pa.string())
    pq.write_table(table.set_column(place, "ocean_proximity", levels), tmp_path / "data.parquet")
    read = dataset_module().read_rows(tmp_path, recipe)
    wanted = recipe.contract.categorical[0].levels
    names = [column.level for column in recipe.columns]
    found = read.inputs[:, [names.index(level) for level in wanted]]
    assert found.tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    # A zero is a value: what is missing to XGBoost is NaN, and nothing here is.
    assert not np.isnan(read.inputs).any()


def test_the_raw_test_rows_stand_beside_the_prepared_ones(prepared: Path, contract: Contract) -> None:
    by_id = {row_id(contract, row): row for row in synthetic_rows(900, contract)}
    raw = pq.read_table(prepared / "test" / "raw.parquet")
    names = [feature.name for feature in contract.features]
    assert raw.column_names == ["row_id", *names]
    assert raw["row_id"].equals(pq.read_table(prepared / "test" / "data.parquet")["row_id"])
    assert raw.select(names).to_pylist() == [
        {name: by_id[key][name] for name in names} for key in raw["row_id"].to_pylist()
    ]
    assert raw["total_bedrooms"].null_count > 0


def test_no_row_is_lost_and_train_rows_have_no_id(prepared: Path, dataset: Path) -> None:
    counts = json.loads((dataset / "manifest.json").read_text())["rows"]
    tables = {split: pq.read_table(prepared / split / "data.parquet") for split in ("train", "validation", "test")}
    assert {split: table.num_rows for split, table in tables.items()} == {name: counts[name] for name in tables}
    assert sum(table.num_rows for table in tables.values()) == 900
    assert tables["train"].column_names == tables["validation"].column_names == tables["test"].column_names[1:]


def test_the_context_is_handed_on_unchanged(prepared: Path, dataset: Path) -> None:
    for name in ("recipe.json", "manifest.json", "profile.json"):
        assert (prepared / "context" / name).read_bytes() == (dataset / name).read_bytes()


def dataset_module() -> ModuleType:
    from steps import dataset

    return dataset


def prepare(dataset: Path, contract_hash: str, output: Path) -> int:
    import training_preprocessing

    return training_preprocessing.main(
        ["--dataset", str(dataset), "--output", str(output), "--contract-hash", contract_hash]
    )


def test_the_same_data_set_gives_the_same_bytes(
    tmp_path: Path, prepared: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(dataset, contract.hash, tmp_path) == 0
    for path in sorted(tmp_path.rglob("*.parquet")):
        assert path.read_bytes() == (prepared / path.relative_to(tmp_path)).read_bytes()
    [line] = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["step"], logged["run_id"]) == ("prepared", "prepare", RUN_ID)
    assert sum(logged["rows"].values()) == 900


def change_json(name: str, **parts: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | parts))

    return change


def change_table(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    """As if the ETL job had written it so."""

    def change_and_seal(folder: Path) -> None:
        rewrite(folder / name, change)
        seal(folder)

    return change_and_seal


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def drop_number(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["rows"]["train"] += 1
    (folder / "manifest.json").write_text(json.dumps(manifest))


def with_nan(table: pa.Table) -> pa.Table:
    values = table["latitude"].to_numpy().copy()
    values[:2] = [np.nan, np.inf]
    return table.set_column(table.column_names.index("latitude"), "latitude", pa.array(values))


def as_text(table: pa.Table) -> pa.Table:
    index = table.column_names.index("latitude")
    return table.set_column(index, "latitude", table["latitude"].cast(pa.string()))


def as_another_level(table: pa.Table) -> pa.Table:
    levels = pa.array(["MOON", *table["ocean_proximity"].to_pylist()[1:]])
    return table.set_column(table.column_names.index("ocean_proximity"), "ocean_proximity", levels)


def leak(folder: Path) -> None:
    """One train row takes the id of a test row."""
    wanted = pq.read_table(folder / "test" / "part-0.parquet")["row_id"][0].as_py()
    table = pq.read_table(folder / "train" / "part-0.parquet")
    ids = [wanted, *table["row_id"].to_pylist()[1:]]
    pq.write_table(table.set_column(0, "row_id", pa.array(ids)), folder / "train" / "part-0.parquet")
    seal(folder)


REFUSALS = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json; run the ETL job again"),
    "no profile": (lambda folder: (folder / "profile.json").unlink(), "has no profile.json; run the ETL job again"),
    "manifest not JSON": (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json is not valid JSON"),
    "manifest a list": (lambda folder: (folder / "manifest.json").write_text("[]"), "must hold a JSON object"),
    "manifest of another version": (change_json("manifest.json", version=2), "manifest.json: version is 2"),
    "manifest of another contract": (change_json("manifest.json", contract_hash="x"), 'contract_hash is "x"'),
    "manifest without files": (change_json("manifest.json", files={}), "KeyError('train')); run the ETL job again"),
    "recipe changed": (change_json("recipe.json", mean={}), "recipe.json: mean.longitude must be a finite number"),
    "part missing": (
        lambda folder: (folder / "train" / "part-1.parquet").unlink(),
        "train: manifest.json and the folder",
    ),
    "part too many": (
        lambda folder: shutil.copy(folder / "test" / "part-1.parquet", folder / "test" / "part-9.parquet"),
        "differ in part-9.parquet",
    ),
    "part not Parquet": (
        lambda folder: ((folder / "test" / "part-1.parquet").write_text("x"), seal(folder)),
        "test/part-1.parquet is not a Parquet file",
    ),
    "rows missing": (drop_number, "train: manifest.json promises"),
    "column missing": (
        change_table("train/part-0.parquet", lambda table: table.drop_columns(["latitude"])),
        "train/part-0.parquet: the columns are not those of recipe.json; missing: latitude; unknown: nothing",
    ),
    "column of another type": (
        change_table("validation/part-1.parquet", as_text),
        "validation/part-1.parquet: column latitude must hold doubles, holds string",
    ),
    "unknown level": (
        change_table("test/part-0.parquet", as_another_level),
        "test/part-0.parquet: column ocean_proximity holds the unknown level 'MOON'; run the ETL job again",
    ),
    "values missing": (
        change_table("train/part-0.parquet", with_nan),
        "train/part-0.parquet: column latitude holds 2 values that are missing or not finite",
    ),
    "raw part missing": (
        lambda folder: (folder / "raw" / "test" / "part-2.parquet").unlink(),
        "raw/test: manifest.json and the folder differ in part-2.parquet",
    ),
    "raw row missing": (
        change_table("raw/test/part-0.parquet", lambda table: table.slice(1)),
        "raw/test and test hold other rows; run the ETL job again",
    ),
    "raw column of another type": (
        change_table("raw/test/part-1.parquet", as_text),
        "raw/test/part-1.parquet: column latitude must hold doubles, holds string",
    ),
    "row on two sides": (leak, "is in both train and test"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_data_set_that_is_not_as_promised_is_refused(
    tmp_path: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    change, message = REFUSALS[case]
    shutil.copytree(dataset, tmp_path / "dataset")
    change(tmp_path / "dataset")
    assert prepare(tmp_path / "dataset", contract.hash, tmp_path / "output") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert message in last


def permuted(name: str) -> Callable[[pa.Table], pa.Table]:
    """Every value is one that the column had."""
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(table[name].to_pylist()[::-1]))


CHANGED_AFTERWARDS: dict[str, Callable[[Path], object]] = {
    "train/part-0.parquet": lambda path: rewrite(path, permuted("median_house_value")),
    "test/part-1.parquet": lambda path: path.write_bytes(path.read_bytes() + b" "),
    "raw/test/part-2.parquet": lambda path: rewrite(path, permuted("population")),
    "recipe.json": lambda path: path.write_text(path.read_text() + "\n"),
    "profile.json": lambda path: path.write_text('{"version": 9}'),
}


@pytest.mark.parametrize("name", CHANGED_AFTERWARDS)
def test_a_file_that_was_changed_after_the_job_wrote_it_is_refused(
    tmp_path: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    shutil.copytree(dataset, tmp_path / "dataset")
    path = tmp_path / "dataset" / name
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    CHANGED_AFTERWARDS[name](path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found != wanted
    assert prepare(tmp_path / "dataset", contract.hash, tmp_path / "output") == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith(
            f"{name} was changed after the ETL job wrote it: its SHA-256 is {found}, manifest.json says {wanted}; "
            "run the ETL job again"
        )
    )
    assert not (tmp_path / "output").exists()


def test_a_manifest_that_promises_no_bytes_is_refused(
    tmp_path: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset, tmp_path / "dataset")
    manifest = json.loads((dataset / "manifest.json").read_text())
    del manifest["sha256"]["train/part-0.parquet"]
    (tmp_path / "dataset" / "manifest.json").write_text(json.dumps(manifest))
    assert prepare(tmp_path / "dataset", contract.hash, tmp_path / "output") == 1
    assert "KeyError('train/part-0.parquet')" in capsys.readouterr().err


def test_a_data_set_of_an_older_contract_is_refused(
    tmp_path: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(dataset, "f" * 64, tmp_path) == 1
    error = capsys.readouterr().err
    assert f"made for contract {contract.hash[:12]} of california_housing" in error
    assert "deployed with ffffffffffff; run the ETL job again" in error
    assert list(tmp_path.iterdir()) == []


def with_texts(dataset: Path, contract: Contract, texts: Callable[[str], str]) -> None:
    """Give the raw test rows a group each, from their id, and their target."""
    by_id = {row_id(contract, row): row for row in synthetic_rows(900, contract)}
    for path in (dataset / "raw" / "test").glob("*.parquet"):
        table = pq.read_table(path)
        ids = table["row_id"].to_pylist()
        target = [by_id[key][contract.target.name] for key in ids]
        table = table.append_column(contract.target.name, [target])
        pq.write_table(table.append_column("__group", [[texts(key) for key in ids]]), path)
    seal(dataset)


def grouped(dataset: Path, contract: Contract) -> Contract:
    """The data set as one of a contract that splits it by a group."""
    other = replace(contract, split=replace(contract.split, group="block"))
    for name, changed in (("recipe.json", "contract"), ("manifest.json", None)):
        document = json.loads((dataset / name).read_text())
        document["contract_hash"] = other.hash
        if changed:
            document[changed] = other.to_dict()
        (dataset / name).write_text(json.dumps(document))
    return other


def side_texts(contract: Contract, side: str) -> str:
    names = (f"block {number}" for number in range(1000))
    return next(name for name in names if side_of(text_digest(contract, name), contract.split) == side)


def test_groups_and_target_travel_with_the_raw_test_rows(tmp_path: Path, dataset: Path, contract: Contract) -> None:
    """The same row may be in two groups, and so on two sides."""
    shutil.copytree(dataset, tmp_path / "dataset")
    other = grouped(tmp_path / "dataset", contract)
    leak(tmp_path / "dataset")
    text = side_texts(other, "test")
    with_texts(tmp_path / "dataset", contract, lambda _: text)
    assert prepare(tmp_path / "dataset", other.hash, tmp_path / "out") == 0
    raw = pq.read_table(tmp_path / "out" / "test" / "raw.parquet")
    test = pq.read_table(tmp_path / "out" / "test" / "data.parquet")
    assert raw["median_house_value"].equals(test["median_house_value"])
    assert set(raw["__group"].to_pylist()) == {text}
    found = read_raw(tmp_path / "out" / "test", other)
    assert list(found.row_ids) == test["row_id"].to_pylist()
    assert set(found.texts) == {"__group"}


def test_a_group_that_belongs_to_another_side_is_no_test_group(
    tmp_path: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset, tmp_path / "dataset")
    other = grouped(tmp_path / "dataset", contract)
    text = side_texts(other, "train")
    with_texts(tmp_path / "dataset", contract, lambda _: text)
    assert prepare(tmp_path / "dataset", other.hash, tmp_path / "out") == 1
    assert "a test row has a group whose rows belong to train; run the ETL job again" in capsys.readouterr().err


def test_another_target_in_the_raw_rows_is_refused(
    tmp_path: Path, dataset: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset, tmp_path / "dataset")
    for path in (tmp_path / "dataset" / "raw" / "test").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.append_column(contract.target.name, [[1.0] * table.num_rows]), path)
    seal(tmp_path / "dataset")
    assert prepare(tmp_path / "dataset", contract.hash, tmp_path / "out") == 1
    assert "raw/test and test hold other rows; run the ETL job again" in capsys.readouterr().err
