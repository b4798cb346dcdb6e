"""A trained model out of its archive."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import Contract, Recipe
from interval import Interval, load_interval
from steps.archives import unpack
from steps.context import read_json, read_text
from steps.dataset import RawRows, pieces
from steps.failures import StepError

if TYPE_CHECKING:
    import xgboost

ARCHIVE = "model.tar.gz"
# They say where the model comes from, not what it answers.
_ORIGIN = ("manifest.json", "training.json")


@dataclass(frozen=True)
class TrainedModel:
    """`digest` is of everything in the archive that answers depend on: trees, recipe and code.

    `manifest` is that of the data set that it was trained on.
    """

    booster: xgboost.Booster
    recipe: Recipe
    run_id: str
    source_version: str
    training: Mapping[str, Any]
    digest: str
    interval: Interval | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contract(self) -> Contract:
        return self.recipe.contract

    def predict(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.booster.inplace_predict(inputs).astype(float)

    def answers(self, raw: RawRows) -> NDArray[np.float64]:
        """To rows as a data file has them, by the model's own recipe."""
        parts = [self.predict(raw.inputs(self.recipe, rows)) for rows in pieces(raw.rows, self.recipe)]
        return np.concatenate(parts)

    def importance(self) -> dict[str, float]:
        """Total gain of the splits on each model input."""
        gains = self.booster.get_score(importance_type="total_gain")
        return {name: float(gain) for name, gain in gains.items() if not isinstance(gain, list)}


def load_model(archive: Path) -> TrainedModel:
    """Raises StepError, or RecipeError and ContractError for what is wrong inside recipe.json."""
    # Read when XGBoost loads: waiting threads that spin make a busy small machine ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xgboost

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _unpack(archive, folder)
        booster = xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(folder / "model.ubj")
        except xgboost.core.XGBoostError as error:
            raise StepError(f"{archive.name} holds no model.ubj that XGBoost can read; train again") from error
        manifest = read_json(folder / "manifest.json")
        return TrainedModel(
            booster=booster,
            recipe=Recipe.from_json(read_text(folder / "recipe.json")),
            run_id=manifest["run_id"],
            source_version=manifest.get("source", {}).get("version", ""),
            training=read_json(folder / "training.json"),
            digest=_digest(folder),
            interval=load_interval(folder),
            manifest=manifest,
        )


def _unpack(archive: Path, folder: Path) -> None:
    try:
        unpack(archive, folder)
    except FileNotFoundError as error:
        raise StepError(f"{archive.name} is missing in {archive.parent}; the training step did not finish") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StepError(f"{archive.name} is not a whole tar.gz archive: {error}; train again") from error


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in _ORIGIN:
            digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
