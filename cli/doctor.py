"""`mlops doctor`: whether the account can hold what the environment asks for. A check is a function of the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import typer

from cli.errors import CliError
from cli.options import Json, On, Stage, errors, output, print_json
from cli.target import Target, find_target

State = Literal["good", "note", "bad"]
MARKS = {"good": "ok   ", "note": "note ", "bad": "BAD  "}
# AWS keeps as many for functions that reserve nothing.
UNRESERVED = 100
# Every function of the platform at once, with as much again for other functions of the account.
ENOUGH = 20
QUOTA = "Concurrent executions (L-B99A9384, AWS Lambda)"

app = typer.Typer()


@dataclass(frozen=True)
class Finding:
    """`advice` is what to do, "" where nothing is."""

    check: str
    state: State
    told: str
    advice: str = ""


def concurrency(target: Target) -> Finding:
    """Executions of the account, against what the environment's functions reserve."""
    client, check = target.client("lambda"), "concurrency"
    limits = client.get_account_settings()["AccountLimit"]
    most, free = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"])
    reserved = {}
    for logical_id, name in target.resources("AWS::Lambda::Function").items():
        own = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        if own is not None:
            reserved[logical_id[:-8]] = int(own)  # without the hash of its path
    told = (
        f"{most} executions at once in this account and region, {free} of them unreserved; this environment reserves "
    )
    told += ", ".join(f"{count} for {name}" for name, count in sorted(reserved.items())) or "none"
    ask = f"Ask Service Quotas for 1,000: {QUOTA}."
    if stopped := sorted(name for name, count in reserved.items() if count == 0):
        return Finding(check, "bad", told, f"Nothing runs {', '.join(stopped)}: somebody set its concurrency to 0.")
    if most < ENOUGH:
        return Finding(check, "bad", told, f"{ask} Few requests at once stop ETL and deployment.")
    room = most - UNRESERVED - (most - free)
    if room <= 0:
        return Finding(check, "note", told, f"Nothing more can be reserved, {UNRESERVED} stay unreserved. {ask}")
    if not reserved:
        advice = f"Up to {room} can be reserved (`concurrency` in stacks/config.py), so that the API starves nothing."
        return Finding(check, "note", told, advice)
    return Finding(check, "good", told)


CHECKS: Sequence[Callable[[Target], Finding]] = (concurrency,)


@app.command()
def doctor(stage: Stage = None, on: On = None, as_json: Json = False) -> None:
    """Check the account for what an environment needs, and say what to ask AWS for. Exit code 1 for what is bad."""
    with errors(as_json):
        target = find_target(where=on, stage=stage)
        findings = [check(target) for check in CHECKS]
        if as_json:
            print_json({"findings": [asdict(finding) for finding in findings]})
        for finding in () if as_json else findings:
            text = f"{MARKS[finding.state]}{finding.check}: {finding.told}. {finding.advice}".rstrip()
            output.say(text)
        bad = [finding.check for finding in findings if finding.state == "bad"]
        if bad and as_json:
            raise typer.Exit(1)
        if bad:
            raise CliError(f"To be mended: {', '.join(bad)}.")
