"""What the commands print for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.follow import steps_table
from cli.runs import Run
from cli.target import Target


def print_summary(console: Console, summary: Mapping[str, Any]) -> None:
    rows, low_high = summary["rows"], summary["rmse_interval"]
    grid = Table.grid(padding=(0, 2))
    grid.add_row("model", f"{summary['model']} version {summary['model_version']}")
    grid.add_row(
        "rows",
        f"{rows['read']:,} read, {rows['rejected']:,} rejected; "
        f"{rows['train']:,} train, {rows['validation']:,} validation, {rows['test']:,} test",
    )
    grid.add_row("test RMSE", f"{summary['rmse']:,.0f} (95 %: {low_high[0]:,.0f} to {low_high[1]:,.0f})")
    grid.add_row("test R²", f"{summary['r2']:.4f}")
    grid.add_row("gate", str(summary["gate"]))
    if summary["prediction"]:
        prediction = summary["prediction"]
        grid.add_row("prediction", f"{prediction['value']:,.0f} {prediction['unit']} from the REST API")
    grid.add_row("report", f"{summary['reports']}/report.html")
    made = sum(counts["made"] for counts in summary["calls"].values())
    grid.add_row("IAM", f"{made:,} calls by {len(summary['calls'])} roles, {summary['denied']} denied")
    grid.add_row("resources", f"{sum(summary['resources'].values())} of {len(summary['resources'])} types")
    grid.add_row("steps", _times(summary["steps"]))
    grid.add_row("seconds", _times(summary["seconds"]))
    console.print()
    console.print(grid, highlight=False)


def _times(seconds: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if value is not None)


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    if not runs:
        console.print("No runs yet. Start one: mlops upload FILE")
        return
    table = Table(
        "run", "file", "started", "state", "rows", "test RMSE", "version", "why", box=None, header_style="dim"
    )
    for run in runs:
        metrics = (run.evaluation or {}).get("regression_metrics", {})
        table.add_row(
            run.run_id,
            run.file.rsplit("/", 1)[-1],
            f"{run.started.astimezone():%b %d %H:%M:%S}" if run.started else "",
            run.state,
            f"{run.manifest['rows']['read']:,}" if run.manifest else "",
            f"{metrics['rmse']['value']:,.0f}" if metrics else "",
            str(run.model_version or ""),
            run.reason,
        )
    console.print(table, highlight=False)


def print_run(console: Console, run: Run) -> None:
    console.print(steps_table(run))
    if run.reason:
        console.print(run.reason, highlight=False)
    for kind, count in ((run.manifest or {}).get("reasons") or {}).items():
        console.print(f"  rejected {count:,}: {kind}", highlight=False)


def print_up(console: Console, target: Target, resources: Mapping[str, int]) -> None:
    console.print()
    console.print(f"The local cloud is up: {sum(resources.values())} resources at {target.endpoint}", style="bold")
    console.print(
        f"""
  REST API   {target.api_url}
  API key    {target.api_key}
  raw bucket {target.output("RawBucketName")}

In another terminal:
  mlops upload FILE.csv
  mlops runs
  mlops predict

The AWS CLI works on it:
  export AWS_ENDPOINT_URL={target.endpoint} AWS_DEFAULT_REGION={target.session.region_name}
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  aws s3 ls

Ctrl-C stops it; nothing is kept.""",
        highlight=False,
        soft_wrap=True,
    )
