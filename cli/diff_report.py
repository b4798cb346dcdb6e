"""What `cdk diff` printed, as a comment for a pull request: what changes, and what would be lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cli.terminal import plain

LABEL = "allow-destructive"
# GitHub takes 65,536 characters. What surrounds the diffs stays below the difference.
DIFF_CHARACTERS = 50_000
COMMENT_CHARACTERS = 65_536
# Losses that are told one by one.
LOSSES = 40

# Types that hold data or an address, and what goes with one of them.
STATEFUL = {
    "AWS::ApiGateway::ApiKey": "clients have to be given another key",
    "AWS::ApiGateway::RestApi": "clients have to be given another URL",
    "AWS::Cognito::UserPool": "its users",
    "AWS::DynamoDB::GlobalTable": "its items",
    "AWS::DynamoDB::Table": "its items",
    "AWS::ECR::Repository": "its images",
    "AWS::EFS::FileSystem": "its files",
    "AWS::Glue::Database": "its tables",
    "AWS::Glue::Table": "its definition",
    "AWS::KMS::Key": "everything that it encrypted",
    "AWS::KinesisFirehose::DeliveryStream": "records on their way",
    "AWS::Logs::LogGroup": "its logs",
    "AWS::RDS::DBCluster": "its data",
    "AWS::RDS::DBInstance": "its data",
    "AWS::S3::Bucket": "its objects",
    "AWS::SNS::Topic": "its subscriptions",
    "AWS::SQS::Queue": "its messages",
    "AWS::SageMaker::ModelPackageGroup": "the versions of a model and what is live",
    "AWS::SecretsManager::Secret": "its value",
}
Impact = Literal["", "destroy", "orphan", "replace", "may be replaced", "import"]
WORDS = {
    "destroy": "would be deleted",
    "orphan": "would leave the stack and stay in the account, unused",
    "replace": "would be replaced",
    "may be replaced": "may be replaced",
}

_STACK = re.compile(r"Stack (?P<name>[\w./-]+)(?: \([^)]*\))*:?")
# `[~] TYPE PATH ID IMPACT`, where the path and the impact may be missing.
_RESOURCE = re.compile(
    r"\[(?P<sign>[-+~←])\] (?P<type>\w+::\w+(?:::\w+)+|Custom::[\w@-]+) (?:.+? )??(?P<id>\w+)"
    r"(?: (?P<impact>destroy|orphan|replace|may be replaced|import))?"
)
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
# Progress of assets, which says nothing of the difference.
_NOISE = re.compile(r"(start|success): (Building|Built|Publishing|Published) .*|Hold on while we create .*")


class DiffError(Exception):
    """The text is not what `cdk diff` prints."""


@dataclass(frozen=True)
class Change:
    """One resource. `sign`: + - ~ as the command line prints it."""

    sign: str
    type: str
    logical_id: str
    impact: Impact

    @property
    def loss(self) -> str:
        """What goes with it; empty when nothing does."""
        return STATEFUL.get(self.type, "") if self.impact in WORDS else ""


@dataclass
class StackDiff:
    name: str
    lines: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def losses(self) -> list[Change]:
        return [change for change in self.changes if change.loss]

    @property
    def is_empty(self) -> bool:
        """As its first words say: a line of that kind further down is part of a difference."""
        first = next((line for line in self.lines if line.strip()), "")
        return not self.changes and first.startswith("There were no differences")


def parse(text: str) -> list[StackDiff]:
    """Every stack of an output of `cdk diff --no-color`. Raises DiffError when there is none."""
    stacks: list[StackDiff] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if found := _STACK.fullmatch(line.strip()):
            stacks.append(StackDiff(found["name"]))
        elif stacks and not _NOISE.fullmatch(line) and "Number of stacks with differences" not in line:
            stacks[-1].lines.append(_ACCOUNT.sub("<account>", plain(line)))
            if change := _RESOURCE.fullmatch(line.rstrip()):
                impact: Impact = change["impact"] or ""  # type: ignore[assignment]  # the pattern holds the same words
                stacks[-1].changes.append(Change(change["sign"], change["type"], change["id"], impact))
    if not stacks:
        raise DiffError("it names no stack: is it the output of `cdk diff`?")
    return stacks


def marker(stacks: Sequence[StackDiff]) -> str:
    """What tells the comment of these environments from others, and from those of people."""
    environments = sorted({stack.name.partition("/")[0] for stack in stacks})
    return f"<!-- mlops diff-report {' '.join(environments)} -->"


def report(stacks: Sequence[StackDiff], *, allowed: bool) -> str:
    """The comment. `allowed`: somebody has said that what is lost may be lost."""
    lines = [marker(stacks), "### What this changes in AWS", "", *_losses(stacks, allowed), *_table(stacks), ""]
    changed = [stack for stack in stacks if not stack.is_empty]
    share = DIFF_CHARACTERS // max(len(changed), 1)
    for stack in changed:
        lines += _details(stack, share)
    return _cut("\n".join(lines).rstrip() + "\n")


def _cut(text: str) -> str:
    """As long as GitHub takes it, whatever the names in it are."""
    end = "\n\nCut here: the rest is in the log of the workflow.\n"
    return text if len(text) < COMMENT_CHARACTERS else text[: COMMENT_CHARACTERS - len(end) - 1] + end


def _losses(stacks: Sequence[StackDiff], allowed: bool) -> Iterator[str]:
    found = [(stack, change) for stack in stacks for change in stack.losses]
    if not found:
        return
    yield "> [!WARNING]" if allowed else "> [!CAUTION]"
    yield "> **Something would be lost.** " + (
        f"Allowed by the label `{LABEL}`." if allowed else f"The label `{LABEL}` says that it may be."
    )
    for stack, change in found[:LOSSES]:
        words = WORDS[change.impact]
        yield f"> - `{stack.name}`: {change.type} `{change.logical_id}` {words}. At stake: {change.loss}."
    if more := Counter(change.type for _, change in found[LOSSES:]):
        kinds = ", ".join(f"{count} {kind}" for kind, count in more.most_common())
        yield f"> - and {more.total()} more, in the log of the workflow: {kinds}."
    yield ""


def _table(stacks: Sequence[StackDiff]) -> Iterator[str]:
    yield "| stack | added | changed | removed | replaced |"
    yield "|---|--:|--:|--:|--:|"
    for stack in stacks:
        signs = Counter(change.sign for change in stack.changes)
        replaced = sum(change.impact in ("replace", "may be replaced") for change in stack.changes)
        numbers = [signs["+"], signs["~"], signs["-"], replaced]
        cells = " | ".join(str(number or "") for number in numbers)
        rest = " (outputs, parameters or metadata)" if not stack.is_empty and not stack.changes else ""
        yield f"| {stack.name}{rest} | {cells} |"


def _details(stack: StackDiff, share: int) -> Iterator[str]:
    """The diff; with the resources first when it does not fit."""
    text = "\n".join(line.rstrip() for line in stack.lines).strip("\n")
    if len(text) > share:
        heads = [line.rstrip() for line in stack.lines if _RESOURCE.fullmatch(line.rstrip())]
        text = "\n".join([*heads, "", text])
    yield f"<details><summary>{stack.name}</summary>"
    yield ""
    # Longer than any fence inside, so that the diff cannot end it.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    yield f"{fence}text"
    yield text[:share]
    yield fence
    if len(text) > share:
        yield f"Cut here: {len(text) - share:,} characters more are in the log of the workflow."
    yield ""
    yield "</details>"
    yield ""
