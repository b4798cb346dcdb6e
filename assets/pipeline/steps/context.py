"""The files that travel with a data set: its manifest, its recipe, and the profile of its train rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import Recipe
from steps.failures import StepError

FILES = ("manifest.json", "recipe.json", "profile.json")
SPLITS = ("train", "validation", "test")
RAW_TEST = "raw_test"  # in the manifest: the test rows before anything was done to them
MANIFEST_VERSION = 1


@dataclass(frozen=True)
class Context:
    """`moved`: sides that would have been empty and took the rows nearest their bound.

    `sums`: SHA-256 of every other file of the data set, by its path in it.
    """

    recipe: Recipe
    run_id: str
    rows: Mapping[str, int]
    files: Mapping[str, tuple[str, ...]]
    sums: Mapping[str, str]
    moved: frozenset[str] = frozenset()


def read_context(folder: Path) -> Context:
    """Raises StepError, or RecipeError and ContractError for what is wrong inside recipe.json."""
    manifest = read_json(folder / "manifest.json")
    recipe = Recipe.from_json(read_text(folder / "recipe.json"))
    try:
        context = _context(manifest, recipe)
    except (KeyError, TypeError, AttributeError) as error:
        raise StepError(
            f"manifest.json does not have the shape of a manifest ({error!r}); run the ETL job again"
        ) from error
    _check(manifest, recipe)
    return context


def check_files(folder: Path) -> None:
    """Raises StepError for a data set of which somebody deleted a file."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise StepError(f"the data set has no {' and no '.join(missing)}; run the ETL job again")


def read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise StepError(f"{path.name} is not valid JSON: {error}; run the job that wrote it again") from error
    if not isinstance(document, dict):
        raise StepError(f"{path.name} must hold a JSON object; run the job that wrote it again")
    return document


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StepError(f"{path.name} is missing in {path.parent}; the job that writes it did not finish") from error


def _context(manifest: Mapping[str, Any], recipe: Recipe) -> Context:
    keys = {split: tuple(manifest["files"][split]) for split in (*SPLITS, RAW_TEST)}
    folder = f"{manifest['model']}/run={manifest['run_id']}/"
    promised = [key.removeprefix(folder) for side in keys.values() for key in side]
    return Context(
        recipe=recipe,
        run_id=manifest["run_id"],
        rows={split: int(manifest["rows"][split]) for split in SPLITS},
        files={split: tuple(key.split("/")[-1] for key in side) for split, side in keys.items()},
        sums={name: str(manifest["sha256"][name]) for name in (*promised, *FILES[1:])},
        moved=moved_sides(manifest),
    )


def moved_sides(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Sides of the split that were filled with rows of another one."""
    return frozenset((manifest.get("split") or {}).get("moved") or {})


def _check(manifest: Mapping[str, Any], recipe: Recipe) -> None:
    wanted = {
        "version": MANIFEST_VERSION,
        "model": recipe.contract.name,
        "contract_hash": recipe.contract.hash,
        "target": recipe.contract.target.name,
        "columns": [column.name for column in recipe.columns],
    }
    for key, value in wanted.items():
        if manifest.get(key) != value:
            found = json.dumps(manifest.get(key))[:80]
            raise StepError(
                f"manifest.json: {key} is {found}, recipe.json says {json.dumps(value)[:80]}; run the ETL job again"
            )
