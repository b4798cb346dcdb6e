"""Evaluate: metrics of the new model on the untouched test rows, the gate's decision, a report and plots."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import Recipe
from steps import logs, metrics, report
from steps.context import read_context, read_json, read_text
from steps.dataset import Rows, read_rows
from steps.failures import StepError, run

if TYPE_CHECKING:
    import xgboost

ARCHIVE = "model.tar.gz"
NO_PLOTS = "Plots were skipped: matplotlib is not installed in this container."


@dataclass(frozen=True)
class TrainedModel:
    booster: xgboost.Booster
    recipe: Recipe
    run_id: str
    training: Mapping[str, Any]

    def predict(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.booster.inplace_predict(inputs).astype(float)

    def importance(self) -> dict[str, float]:
        """Total gain of the splits on each model input."""
        gains = self.booster.get_score(importance_type="total_gain")
        return {name: float(gain) for name, gain in gains.items() if not isinstance(gain, list)}


def evaluate(*, model_dir: Path, test_dir: Path, context_dir: Path, output: Path) -> None:
    context = read_context(context_dir)
    model = load_model(model_dir / ARCHIVE)
    if model.run_id != context.run_id or model.recipe != context.recipe:
        raise StepError(
            f"{ARCHIVE} was trained on data set {model.run_id}, the test rows are of {context.run_id}; "
            "run the pipeline from its first step"
        )
    rows = read_rows(test_dir, context.recipe)
    if not len(rows.target):
        raise StepError(f"{test_dir.name}: there is no test row; upload more data")
    predicted = model.predict(rows.inputs)
    output.mkdir(parents=True, exist_ok=True)
    plots, skipped = draw_plots(output, rows, predicted, model)
    evaluation = document(rows, predicted, model, plots)
    (output / "evaluation.json").write_text(json.dumps(evaluation, indent=1, allow_nan=False) + "\n")
    page = report.page(evaluation, model.recipe.contract, model.training, skipped=skipped)
    (output / "report.html").write_text(page, encoding="utf-8")
    logs.event("evaluated", run_id=context.run_id, rows=evaluation["rows"], gate=evaluation["gate"], plots=len(plots))


def load_model(archive: Path) -> TrainedModel:
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
        return TrainedModel(
            booster=booster,
            recipe=Recipe.from_json(read_text(folder / "recipe.json")),
            run_id=read_json(folder / "manifest.json")["run_id"],
            training=read_json(folder / "training.json"),
        )


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    except FileNotFoundError as error:
        raise StepError(f"{archive.name} is missing in {archive.parent}; the training step did not finish") from error
    except tarfile.TarError as error:
        raise StepError(f"{archive.name} is not a tar.gz archive: {error}; train again") from error


def document(rows: Rows, predicted: NDArray[np.float64], model: TrainedModel, plots: Sequence[str]) -> dict[str, Any]:
    """evaluation.json"""
    contract = model.recipe.contract
    overall = metrics.metrics_of(rows.target, predicted)
    interval = metrics.rmse_interval(rows.target, predicted, seed=contract.training.seed)
    return {
        **metrics.document(overall, interval),
        "rows": len(rows.target),
        "slices": [asdict(item) for item in metrics.slices_of(rows, predicted, model.recipe)],
        "gate": asdict(metrics.decide(contract.gate, overall, contract.target.unit)),
        "model": contract.name,
        "run_id": model.run_id,
        "contract_hash": contract.hash,
        "plots": list(plots),
    }


def draw_plots(
    output: Path, rows: Rows, predicted: NDArray[np.float64], model: TrainedModel
) -> tuple[list[str], str | None]:
    """Names of the plots, or why there are none."""
    try:
        import matplotlib as mpl
    except ImportError:
        logs.event("plots skipped", reason=NO_PLOTS)
        return [], NO_PLOTS
    mpl.use("Agg")
    from steps import plots

    names = plots.draw(
        output,
        actual=rows.target,
        predicted=predicted,
        importance=model.importance(),
        target=model.recipe.contract.target,
    )
    return names, None


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help=f"folder with {ARCHIVE}")
    parser.add_argument("--test", type=Path, required=True, help="folder with the test rows")
    parser.add_argument("--context", type=Path, required=True, help="folder with recipe.json and manifest.json")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args(argv)
    logs.configure(step="evaluate")
    return run(
        lambda: evaluate(
            model_dir=arguments.model,
            test_dir=arguments.test,
            context_dir=arguments.context,
            output=arguments.output,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
