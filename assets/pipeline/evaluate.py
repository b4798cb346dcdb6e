"""Evaluate: the new model on the untouched test rows, beside the champion; the gate's decision, a report and plots."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import interval
from contract import Contract
from contract.books import books_of
from steps import bootstrap, golden, logs, metrics, report
from steps.champion import Champion, Comparison, compare, read_champion
from steps.context import read_context
from steps.dataset import RAW_FILE, RawRows, Rows, pieces, read_compact, read_raw
from steps.failures import StepError, run
from steps.gate import decide
from steps.metrics import Vector
from steps.slices import slices_of
from steps.sums import digest_of
from steps.tasks import evaluation_of, metrics_of
from steps.trained import ARCHIVE, TrainedModel, load_model

# Beside the evaluation; the platform reads it as tracking.contracts.
CONTRACT = "contract.json"
NO_PLOTS = "Plots were skipped: matplotlib is not installed in this container."
_SKEW = 1e-6  # between the model inputs that the ETL job computed and those that serving would


@dataclass(frozen=True)
class Evaluated:
    """A model with its test rows and what it answers to them."""

    model: TrainedModel
    rows: Rows
    raw: RawRows
    predicted: Vector


def evaluate(*, model_dir: Path, test_dir: Path, context_dir: Path, champion_dir: Path, output: Path) -> None:
    context = read_context(context_dir)
    logs.about(run_id=context.run_id)
    champion = read_champion(champion_dir)
    model = load_model(model_dir / ARCHIVE)
    if model.run_id != context.run_id or model.recipe != context.recipe:
        raise StepError(
            f"{ARCHIVE} was trained on data set {model.run_id}, the test rows are of {context.run_id}; "
            "run the pipeline from its first step"
        )
    evaluated = answers(model, test_dir)
    output.mkdir(parents=True, exist_ok=True)
    plots, skipped = draw_plots(output, evaluated)
    evaluation = document(evaluated, champion, plots)
    # What is registered has to be what was evaluated here.
    evaluation["registry"]["artifact_sha256"] = digest_of(model_dir / ARCHIVE)
    _write_json(output / "evaluation.json", evaluation)
    _write_json(output / golden.FILE, golden.golden(model, evaluated.raw))
    _write_json(output / CONTRACT, contract_document(model.contract))
    images = {name: (output / name).read_bytes() for name in plots}
    books = books_of(model.manifest)
    page = report.page(evaluation, model.contract, model.training, books=books, plots=images, skipped=skipped)
    (output / "report.html").write_text(page, encoding="utf-8")
    verdict = evaluation["champion"]["verdict"]
    logs.event("evaluated", rows=evaluation["rows"], gate=evaluation["gate"], champion=verdict)


def answers(model: TrainedModel, test_dir: Path) -> Evaluated:
    """Raises StepError for test rows that no metric can be computed of, or that serving would see otherwise."""
    rows, raw = read_compact(test_dir, model.recipe), read_raw(test_dir, model.contract)
    if few := too_few(rows, model.contract):
        raise StepError(f"{test_dir.name}: {few}; upload more data")
    predicted = []
    for some in pieces(len(rows.target), model.recipe):
        inputs = rows.dense(some)
        if not np.allclose(raw.inputs(model.recipe, some), inputs, rtol=_SKEW, atol=_SKEW):
            raise StepError(
                f"{test_dir.name}/{RAW_FILE}: serving would compute other model inputs than the ETL job did; "
                "the job and the contract package differ in version, deploy both, then run the ETL job again"
            )
        predicted.append(model.predict(inputs))
    return Evaluated(model, rows, raw, np.concatenate(predicted))


def too_few(rows: Rows, contract: Contract) -> str:
    """Why the gate's metric says nothing about these test rows, or ""."""
    return evaluation_of(contract).too_few(contract.target, rows.target)


def document(evaluated: Evaluated, champion: Champion | None, plots: Sequence[str]) -> dict[str, Any]:
    """evaluation.json"""
    model, rows, predicted = evaluated.model, evaluated.rows, evaluated.predicted
    contract = model.contract
    overall = metrics_of(contract, rows.target, predicted)
    intervals = {
        name: bootstrap.interval(name, rows.target, predicted, seed=contract.training.seed)
        for name in contract.rules.limits
    }
    comparison = compare(champion, model, rows, evaluated.raw, predicted)
    gate = decide(contract, overall[contract.gate.metric], comparison)
    return {
        "task": contract.task,
        "unit": contract.target.unit,
        "metrics": overall,
        evaluation_of(contract).statistics: metrics.described(
            overall, {name: item.standard_deviation for name, item in intervals.items()}
        ),
        "interval": {name: [item.low, item.high] for name, item in intervals.items()}
        | {"level": bootstrap.LEVEL, "method": "bootstrap"},
        "prediction_interval": prediction_interval(evaluated),
        "rows": len(rows.target),
        "slices": [item.document(contract, rows.target, predicted) for item in slices_of(rows, model.recipe)],
        "champion": asdict(comparison),
        "gate": asdict(gate),
        "registry": registry(model, comparison, gate.value),
        "model": contract.name,
        "run_id": model.run_id,
        "contract_hash": contract.hash,
        "plots": list(plots),
    }


def contract_document(contract: Contract) -> dict[str, Any]:
    """contract.json: the version answers by this contract, whatever is deployed later."""
    return {"version": 1, "contract_hash": contract.hash, "contract": contract.to_dict()}


def prediction_interval(evaluated: Evaluated) -> dict[str, float] | None:
    """The share of test rows whose interval holds the true value, beside the share that it promises."""
    found = evaluated.model.interval
    if found is None:
        return None
    return {"level": found.level, "coverage": interval.coverage(found, evaluated.rows.target, evaluated.predicted)}


def registry(model: TrainedModel, comparison: Comparison, value: float) -> dict[str, str]:
    """What the version in the registry says about itself: its metadata are short texts."""
    return {
        "metric": comparison.metric,
        "metric_value": f"{value:.10g}",
        "champion_verdict": comparison.verdict,
        "source_version": model.source_version or "none",
    }


def draw_plots(output: Path, evaluated: Evaluated) -> tuple[list[str], str | None]:
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
        actual=evaluated.rows.target,
        predicted=evaluated.predicted,
        importance=evaluated.model.importance(),
        contract=evaluated.model.contract,
    )
    return names, None


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help=f"folder with {ARCHIVE}")
    parser.add_argument("--test", type=Path, required=True, help="folder with the test rows")
    parser.add_argument("--context", type=Path, required=True, help="folder with recipe.json and manifest.json")
    parser.add_argument("--champion", type=Path, required=True, help=f"folder with champion.json, maybe {ARCHIVE}")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args(argv)
    logs.configure(step="evaluate")
    return run(
        lambda: evaluate(
            model_dir=arguments.model,
            test_dir=arguments.test,
            context_dir=arguments.context,
            champion_dir=arguments.champion,
            output=arguments.output,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
