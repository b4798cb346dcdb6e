"""The evaluation as one HTML page, with the plots in it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from contract import Contract
from contract.books import Books
from steps.tasks import EVALUATIONS
from steps.wording import amount, share, title

STYLE = """
:root { color-scheme: light; --accent: #2563eb; --ink: #1f2937; --grey: #6b7280; --line: #e5e7eb; --bad: #b91c1c; }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.sub { color: var(--grey); margin: .25rem 0 1.5rem; overflow-wrap: anywhere }
.gate { border-left: 4px solid var(--accent); background: #f8fafc; padding: .75rem 1rem; margin: 0 0 1.5rem }
.gate.reject { border-color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem }
.tile b { display: block; font-size: 1.35rem } .tile span { color: var(--grey); font-size: .85rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th { color: var(--grey); font-weight: 600; font-size: .85rem }
th, td { text-align: left; padding: .4rem .75rem; border-bottom: 1px solid var(--line) }
.number { text-align: right; font-variant-numeric: tabular-nums }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; align-items: end }
figure { margin: 0 } img { width: 100%; height: auto } figcaption { color: var(--grey); font-size: .85rem }
"""

CAPTIONS = {
    "predicted_vs_actual.png": "Each point is a test row; on the dashed line the prediction is exact.",
    "residuals_by_decile.png": "Boxes hold the middle half of the errors, whiskers nine tenths of them.",
    "roc_curve.png": "How many rows of each level are called positive, from the strictest threshold to the mildest.",
    "calibration.png": "On the dashed line a probability comes true as often as it says; larger points hold more rows.",
    "feature_importance.png": "How much each model input contributes to the trees, as a share of the total gain.",
}


LABELS = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R\u00b2",
    "auc": "AUC",
    "logloss": "Log loss",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
}
IN_UNITS = ("rmse", "mae")  # of the target


def page(
    evaluation: Mapping[str, Any],
    contract: Contract,
    training: Mapping[str, Any],
    *,
    books: Books | None,
    plots: Mapping[str, bytes],
    skipped: str | None,
) -> str:
    """`books`: of the data set. `plots` are PNG images by name; `skipped` says why there are none."""
    heading = escape(f"{title(contract.name)}: evaluation")
    sections = [
        f"<h1>{heading}</h1>",
        _paragraph(
            f"{contract.description}. Run {evaluation['run_id']}, contract {evaluation['contract_hash'][:12]}.", "sub"
        ),
        _paragraph(evaluation["gate"]["reason"], f"gate {evaluation['gate']['decision']}"),
        _tiles(evaluation, contract.target.unit),
        f"<h2>Rows</h2>{_books(books)}",
        f"<h2>By slice</h2>{_slices(evaluation, contract.target.unit)}",
        f"<h2>Plots</h2>{_plots(plots, skipped)}",
        f"<h2>Training</h2>{_training(training)}",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{heading}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _tiles(evaluation: Mapping[str, Any], unit: str) -> str:
    interval = evaluation["interval"]
    tiles = []
    for name, value in evaluation["metrics"].items():
        tiles.append((LABELS.get(name, name), _metric(name, value, unit)))
        if name in interval:
            low, high = interval[name]
            text = f"{_metric(name, low)} to {_metric(name, high)}"
            tiles.append((f"{LABELS.get(name, name)}, {share(interval['level'])} interval", text))
    if held := evaluation["prediction_interval"]:
        tiles.append((f"of test rows lie in their {share(held['level'])} interval", share(held["coverage"])))
    tiles.append(("Test rows", f"{evaluation['rows']:,}"))
    champion = evaluation["champion"]
    if champion["rows"] is not None:
        tiles.append((f"of them compared with version {champion['model_version']}", f"{champion['rows']:,}"))
    cells = (f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>' for label, value in tiles)
    return f'<div class="tiles">{"".join(cells)}</div>'


def _books(books: Books | None) -> str:
    return (
        "".join(_paragraph(line, "") for line in books.lines) if books else _paragraph("They were not counted.", "sub")
    )


def _metric(name: str, value: float, unit: str = "") -> str:
    return amount(value, unit) if name in IN_UNITS else f"{value:.4f}"


def _slices(evaluation: Mapping[str, Any], unit: str) -> str:
    names = EVALUATIONS[evaluation["task"]].of_slices
    rows = [
        [title(item["name"]), item["value"], f"{item['rows']:,}"]
        + [_metric(name, item[name]) if name in item else "" for name in names]
        for item in evaluation["slices"]
    ]
    units = (f"{LABELS[name]} ({unit})" if name in IN_UNITS else LABELS[name] for name in names)
    return _table(["Column", "Rows where", "Rows", *units], rows, numbers_from=2)


def _plots(plots: Mapping[str, bytes], skipped: str | None) -> str:
    """Images inside the page: a signed address opens one object, and no other beside it."""
    if skipped:
        return _paragraph(skipped, "sub")
    figures = (
        f'<figure><img src="data:image/png;base64,{b64encode(content).decode()}" alt="{escape(CAPTIONS[name])}">'
        f"<figcaption>{escape(CAPTIONS[name])}</figcaption></figure>"
        for name, content in plots.items()
    )
    return f'<div class="plots">{"".join(figures)}</div>'


def _training(training: Mapping[str, Any]) -> str:
    before = ", before the validation rows joined" if training["refit"] else ""
    rows = [
        ["Rounds", f"{training['rounds']:,} of {training['rounds_allowed']:,} allowed"],
        *([f"Validation {name.upper()}{before}", amount(value)] for name, value in training["validation"].items()),
        *([f"Rows, {split}", f"{count:,}"] for split, count in training["rows"].items()),
        ["Rows that the model learned from", f"{training['rows_fitted']:,}"],
        *([name, str(value)] for name, value in training["parameters"].items()),
        *([f"Version of {name}", version] for name, version in training["libraries"].items()),
    ]
    return _table(["Setting", "Value"], rows, numbers_from=1)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        kinds = (' class="number"' if index >= numbers_from else "" for index in range(len(cells)))
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{line(header, "th")}</tr>{body}</table></div>'


def _paragraph(text: str, kind: str) -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"
