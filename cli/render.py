"""What the commands print for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.follow import steps_table
from cli.options import of_model
from cli.target import Target
from cli.terminal import Console, plain, words
from contract.books import Books, books_of
from tracking.run import Run
from tracking.states import State
from tracking.versions import ModelVersion


def print_summary(console: Console, summary: Mapping[str, Any]) -> None:
    metric = summary["metric"]
    low, high = (metric_text(metric, limit) for limit in summary[f"{metric}_interval"])
    grid = Table.grid(padding=(0, 2))
    grid.add_row("model", f"{summary['model']} version {summary['model_version']}")
    books = summary["books"]
    grid.add_row("rows", words(books["sentence"]))
    for line in (*books["frequent"], *books["notes"], *(f"warning: {text}" for text in books["warnings"])):
        grid.add_row("", words(line))
    if summary["rejects"]:
        grid.add_row("rejects", words(summary["rejects"]))
    grid.add_row(f"test {metric.upper()}", f"{metric_text(metric, summary[metric])} (95 %: {low} to {high})")
    if "r2" in summary:
        grid.add_row("test R²", f"{summary['r2']:.4f}")
    grid.add_row("gate", str(summary["gate"]))
    if summary["prediction"]:
        grid.add_row("prediction", f"{prediction_text(summary['prediction'])} from the REST API")
    grid.add_row("report", f"{summary['reports']}/report.html")
    made = sum(counts["made"] for counts in summary["calls"].values())
    grid.add_row("IAM", f"{made:,} calls by {len(summary['calls'])} roles, {summary['denied']} denied")
    grid.add_row("resources", f"{sum(summary['resources'].values())} of {len(summary['resources'])} types")
    grid.add_row("steps", _times(summary["steps"]))
    grid.add_row("seconds", _times(summary["seconds"]))
    console.print()
    console.print(grid)


def _times(seconds: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if value is not None)


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """With the model of each, where they are of several."""
    if not runs:
        console.print("No runs yet. Start one: mlops upload FILE")
        return
    several = len({run.model for run in runs}) > 1
    columns = ["run", *(["model"] if several else []), "started", "state", "file", "result"]
    table = Table(*columns, box=None, header_style="dim")
    for column in table.columns[: len(columns) - 2]:
        column.no_wrap = True  # an id that is cut is of no use
    for run in runs:
        table.add_row(
            run.run_id,
            *([run.model] if several else []),
            f"{run.started.astimezone():%b %d %H:%M}" if run.started else "",
            run.state,
            _one_line(run.file.rsplit("/", 1)[-1]),
            _one_line(_result(run)),
        )
    console.print(table)


def metric_text(metric: str, value: float) -> str:
    """Errors in the unit of the target without decimals, areas and losses with four."""
    return f"{value:,.0f}" if metric in ("rmse", "mae") and abs(value) >= 1000 else f"{value:.4g}"


def prediction_text(prediction: Mapping[str, Any]) -> str:
    """A number with its unit and interval, or a label with the probability of the positive one."""
    if "label" in prediction:
        return f"{prediction['label']} ({prediction['value']:.4f})"
    text = f"{prediction['value']:,.2f} {prediction.get('unit') or ''}".rstrip()
    if held := prediction.get("interval"):
        text += f" ({100 * held['level']:.0f} %: {held['low']:,.0f} to {held['high']:,.0f})"
    return text


def explanation_table(explanation: Mapping[str, Any]) -> Table:
    """What drove a prediction, the largest contribution first; base and contributions add up to the last line."""
    digits = 2 if explanation["output"] == "value" else 4
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column()
    table.add_column(justify="right")
    table.add_row("base", "", f"{explanation['base']:,.{digits}f}")
    for part in explanation["contributions"]:
        value = part["value"]
        shown = f"{value:.6g}" if isinstance(value, int | float) else str(value)
        table.add_row(part["feature"], shown, f"{part['contribution']:+,.{digits}f}")
    table.add_row(explanation["output"], "", f"{explanation['sum']:,.{digits}f}")
    return table


def _one_line(text: str) -> Text:
    line = words(text)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _result(run: Run) -> str:
    """Version, error and rows of a run that made a model; why there is none of another, or why it waits."""
    if run.since:
        minutes = int((datetime.now(UTC) - run.since).total_seconds()) // 60
        return f"for {minutes} min. {run.reason}".rstrip()
    gate = (run.evaluation or {}).get("gate")
    waits = run.state == "waiting" and (gate or {}).get("approval") == "person"
    if waits or not run.model_version or not gate or not run.manifest or gate["decision"] != "register":
        return run.reason
    return (
        f"version {run.model_version}, test {gate['metric'].upper()} {metric_text(gate['metric'], gate['value'])}, "
        f"{run.manifest['rows']['read']:,} rows"
    )


def print_versions(
    console: Console, found: Mapping[str, Sequence[ModelVersion]], *, notices: Mapping[str, str]
) -> None:
    """By model. `notices`: what a deployed contract says otherwise than that of the live version, or why none is."""
    for model, versions in found.items():
        if len(found) > 1:
            console.say(model, style="bold")
        if versions:
            console.print(_versions_table(versions, model))
        else:
            console.print(f"No versions yet. Upload data: mlops upload FILE{of_model(model)}")
        if model in notices:
            console.say(notices[model])


def _versions_table(versions: Sequence[ModelVersion], model: str) -> Table:
    table = Table("version", "created", "approval", "deployment", "metric", "run", "why", box=None, header_style="dim")
    for version in versions:
        lineage = version.metadata
        table.add_row(
            str(version.number),
            f"{version.created.astimezone():%b %d %H:%M}",
            version.approval,
            version.deployment,
            f"{lineage.get('metric', '')} {lineage.get('metric_value', '')}".strip(),
            lineage.get("run_id", ""),
            _why(version, model),
        )
    return table


def _why(version: ModelVersion, model: str) -> str:
    """What keeps an approved version from serving, what a person should know who decides, or why it was decided so."""
    reason = version.metadata.get("deployment_reason", "")
    if version.state in (State.BLOCKED, State.LIVE_BLOCKED, State.STOPPED):
        return reason
    if version.state == State.GONE:
        return f"Nothing serves it: the endpoint is gone. mlops deploy {model} brings it back."
    if version.state == State.PENDING and version.gate_reason:
        return version.gate_reason
    return version.description or reason


def print_version(console: Console, version: ModelVersion, *, lost: str = "") -> None:
    """`lost`: a sentence on what somebody deleted of it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row("version", f"{version.number}, {version.created.astimezone():%Y-%m-%d %H:%M}")
    grid.add_row("approval", f"{version.approval} {version.description}".strip())
    grid.add_row("deployment", version.deployment)
    if version.gate_reason:
        grid.add_row("gate", version.gate_reason)
    grid.add_row("artifact", version.artifact)
    for name, value in sorted(version.metadata.items()):
        grid.add_row(name, value)
    console.print(grid)
    if lost:
        console.say(lost, style="yellow")


def print_run(console: Console, run: Run) -> None:
    console.print(steps_table(run))
    if run.reason:
        console.say(run.reason)
    print_books(console, run)


def print_end(console: Console, run: Run) -> None:
    """What became of an upload: its state, and where its rows went."""
    console.say(f"{run.state}: {run.reason}")
    print_books(console, run)


def print_books(console: Console, run: Run) -> None:
    for line in books_lines(books_of(run.counted), run.run_id):
        console.say(line)


def books_lines(books: Books | None, run_id: str) -> list[str]:
    if books is None:
        return []
    return [*books.lines, *([f"every rejected row: mlops rejects {run_id}"] if books.rejected else [])]


def run_document(run: Run) -> dict[str, Any]:
    """A run as JSON, with its books."""
    books = books_of(run.counted)
    return {**run.to_json(), "books": books.to_dict() if books else None}


def print_up(console: Console, target: Target, resources: Mapping[str, int], *, page_url: str | None) -> None:
    console.print()
    console.print(f"The local cloud is up: {sum(resources.values())} resources at {target.endpoint}", style="bold")
    console.say(
        f"""
  page       {page_url or "not started"}
  REST API   {plain(target.api_url)}
  API key    {plain(target.cli_key or "none: callers sign with IAM")}
  raw bucket {plain(target.output("RawBucketName"))}

In another terminal:
  mlops upload FILE.csv
  mlops runs
  mlops predict

The AWS CLI works on it, and so does every SDK:
  eval "$(mlops local env)"
  aws s3 ls

Ctrl-C stops it; nothing is kept.""",
        indent=0,
    )
