"""Checks the document of a model.toml and builds the contract. Everything wrong with it is reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from contract.dataformat import DATA_KEYS, data_of
from contract.feature import Feature
from contract.fields import derived_of, features_of, target_of
from contract.gating import GATE_KEYS, SERVING_KEYS, gate_of, serving_of
from contract.kinds import kind_of
from contract.model import (
    Contract,
    Derived,
    Outliers,
    Quality,
    Split,
    Training,
)
from contract.names import MODEL_NAME, RESERVED_MODELS
from contract.parameters import parameters_of
from contract.problems import ContractError
from contract.reader import Problems, Table
from contract.tasks import TASKS
from contract.wording import closest, shown

SECTIONS = (
    "model",
    "data",
    "features",
    "target",
    "derived",
    "outliers",
    "quality",
    "split",
    "training",
    "gate",
    "serving",
)
TRAINING_KEYS = ("rounds", "early_stopping_rounds", "seed", "refit", "parameters")


def contract_of(document: Mapping[str, object], file: str = "contract") -> Contract:
    """The contract of a parsed document, as `Contract.to_dict` gives it. Raises ContractError with all its problems."""
    problems = Problems(file)
    root = Table(document, "", problems, SECTIONS)
    model = root.table("model", ("name", "task", "description"))
    task = model.choice("task", tuple(TASKS))
    features = features_of(root.table("features", None))
    target = target_of(root.table("target", None), features, task)
    derived = derived_of(root.table("derived", None, optional=True), features, target)
    data = root.table("data", DATA_KEYS, optional=True)
    contract = Contract(
        name=_model_name(model),
        task=task,
        description=model.text("description"),
        features=features,
        target=target,
        derived=derived,
        outliers=_outliers(root.table("outliers", ("columns", "factor"), optional=True), features, derived),
        quality=_quality(root.table("quality", ("min_rows", "max_reject_share", "equal_rows"))),
        split=_split(root.table("split", ("train", "validation", "test", "salt", "group"))),
        training=_training(root.table("training", TRAINING_KEYS), task),
        gate=gate_of(root.table("gate", GATE_KEYS), task),
        serving=serving_of(root.table("serving", SERVING_KEYS), task),
        data=data_of(data),
        uploads=cast(Literal["all", "newest"], data.choice("uploads", ("all", "newest"), default="all")),
    )
    if problems.found:
        raise ContractError(problems.found)
    return contract


def _model_name(model: Table) -> str:
    name = model.text("name")
    if not model.problems.at("model.name") and not model.broken and not MODEL_NAME.fullmatch(name):
        model.add(
            "name",
            f"must be snake_case with at most 40 characters and single _ between words, is {shown(name)}",
        )
    if name in RESERVED_MODELS:
        model.add("name", f"{shown(name)} {RESERVED_MODELS[name]}; choose another name")
    return name


def _outliers(table: Table, features: tuple[Feature, ...], derived: tuple[Derived, ...]) -> Outliers:
    columns = table.texts("columns")
    known = [feature.name for feature in features if kind_of(feature.type).held == "number"]
    known += [item.name for item in derived]
    if not table.problems.at("features") and not table.problems.at("derived"):
        for name in columns:
            if name not in known:
                table.add("columns", f"{shown(name)} is no number or derived feature; {closest(name, known)}")
    factor = table.optional_number("factor", low=0.5, high=100)
    return Outliers(columns=columns, factor=3.0 if factor is None else factor)


def _quality(table: Table) -> Quality:
    return Quality(
        min_rows=table.integer("min_rows", low=1, high=1_000_000_000),
        max_reject_share=table.number("max_reject_share", low=0, high=1),
        equal_rows=cast(Literal["keep", "drop"], table.choice("equal_rows", ("keep", "drop"), default="keep")),
    )


def _split(table: Table) -> Split:
    train, validation, test = (table.number(name, low=0.01, high=0.98) for name in ("train", "validation", "test"))
    if not table.problems.at("split") and not table.broken:
        total = train + validation + test
        if abs(total - 1) > 1e-9:
            table.problems.add("split", f"train, validation and test must add up to 1, they add up to {total:.6g}")
    group = table.text("group", default="") or None
    return Split(train=train, validation=validation, test=test, salt=table.text("salt"), group=group)


def _training(table: Table, task: str) -> Training:
    return Training(
        rounds=table.integer("rounds", low=1, high=100_000),
        early_stopping_rounds=table.integer("early_stopping_rounds", low=1, high=100_000),
        seed=table.integer("seed", low=0, high=2**31 - 1),
        parameters=parameters_of(table.table("parameters", None, optional=True), task),
        refit=table.flag("refit"),
    )
