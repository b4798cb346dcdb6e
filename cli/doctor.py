"""`mlops doctor`: whether an account can hold an environment, before its first deployment and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import account, removed, retained
from cli.errors import CliError
from cli.findings import MARKS, Finding, unread
from cli.needs import Needs, needs_of
from cli.options import Json, On, Stage, errors, output, print_json
from cli.quotas import quotas
from cli.target import Target, find_target

# AWS keeps as many for functions that reserve nothing.
UNRESERVED = 100
# Every function of the platform at once, with as much again for other functions of the account.
ENOUGH = 20
QUOTA = "Concurrent executions (L-B99A9384, AWS Lambda)"

app = typer.Typer()


def concurrency(target: Target, needs: Needs) -> Finding:
    """Executions of the account, against what the environment's functions reserve, or will."""
    client, check = target.client("lambda"), "concurrency"
    try:
        limits = client.get_account_settings()["AccountLimit"]
        reserved = _reserved(target, needs)
    except ClientError as error:
        permissions = "lambda:GetAccountSettings, lambda:GetFunctionConcurrency"
        return unread(check, "Lambda's limits", error, permissions)
    most, free = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"])
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


def _reserved(target: Target, needs: Needs) -> dict[str, int]:
    """By function: as deployed, and as configured where nothing is deployed yet."""
    try:
        functions = target.resources("AWS::Lambda::Function")
    except CliError:
        return {name.capitalize(): count for name, count in needs.reserved.items()}
    client, found = target.client("lambda"), {}
    for logical_id, name in functions.items():
        own = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        if own is not None:
            found[logical_id[:-8]] = int(own)  # without the hash of its path
    return found


def examine(target: Target) -> Iterator[Finding]:
    """All there is to say. Without credentials or a region there is nothing more to ask."""
    if target.session.region_name is None:
        yield Finding("region", "bad", "No region is set", "Choose one: export AWS_DEFAULT_REGION=eu-west-1")
        return
    who = account.credentials(target)
    yield who
    if who.state == "bad":
        return
    needs = needs_of(target.stage)
    of_account = (account.region, account.bootstrap, account.roles, account.log_policies)
    for check in (*of_account, concurrency, quotas, removed.removed_models, retained.retained_data):
        try:
            found = check(target, needs)
            yield from (found,) if isinstance(found, Finding) else found
        except BotoCoreError as error:  # no answer, or no such service here
            yield unread(check.__name__.replace("_", " "), "It", error, "the way to it through your network")


@app.command()
def doctor(stage: Stage = None, on: On = None, as_json: Json = False) -> None:
    """Check an account for what an environment needs, before its first deployment too, and say what to ask AWS for.

    Exit code 1 for what is bad.
    """
    with errors(as_json):
        findings = _told(examine(find_target(where=on, stage=stage)), as_json)
        bad = list(dict.fromkeys(finding.check for finding in findings if finding.state == "bad"))
        if as_json:
            print_json({"findings": [asdict(finding) for finding in findings]})
        if bad and as_json:
            raise typer.Exit(1)
        if bad:
            raise CliError(f"To be mended: {', '.join(bad)}.")


def _told(findings: Iterable[Finding], as_json: bool) -> list[Finding]:
    """As they come: some take a while."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            output.say(f"{MARKS[finding.state]}{finding.check}: {finding.told}. {finding.advice}".rstrip())
    return found
