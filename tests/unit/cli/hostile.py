"""An AWS that answers every call with what nobody should obey, and what tells whether somebody did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.model import Shape

from cli.target import Target
from tracking.run import Run, Step

# Markup of Rich; title, screen and colour of a terminal; overwriting, direction, width; a line of its own.
EVIL = (
    "[/x][red]:smile:[link=http://evil.invalid]\x1b]0;pwned\x07\x1b]8;;http://evil.invalid\x1b\\\x1b[2J\x1b[31;1;7m"
    "\rover\x9b31m\x9d0;t\x9c\u202e\u2066\u200b\x08\x7f\nFORGED version 9: Approved"
)
# Of a name that a file may have, and that is sent.
NAME = "[bold][red]:smile:$(id).csv"
# What Rich itself writes: colours, and the cursor of what is drawn again.
COLOURS = r"\x1b\[(?!31;1;7m)(?:0|[1-9][0-9]?(?:;[1-9][0-9]?){0,2})?m"
OF_RICH = re.compile(COLOURS + r"|\x1b\[\?25[lh]|\x1b\[[12]?K|\x1b\[1?A|\r(?=\x1b\[2K)")
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
MODEL = "california_housing"
OUTPUTS = {
    "ModelNames": MODEL,
    "ContractHashes": json.dumps({MODEL: EVIL}),
    "EtlCodeHash": EVIL,
    "RawBucketName": "raw",
    "ProcessedBucketName": "processed",
    "ArtifactBucketName": "artifact",
    "WorkflowName": "workflow",
    "ApiUrl": f"https://abc.{EVIL}/v1",
    "ApiKeyId": EVIL,
    "CliKeyId": EVIL,
    "CodeCommit": EVIL,
}
RESULT = {
    "state": "done",
    "reason": EVIL,
    "model": EVIL,
    "model_version": EVIL,
    "rows": 3,
    "bad_rows": 2,
    "errors": [{"line": 2, "reason": EVIL}, {"line": 3, "reason": EVIL}],
    "reasons": [{"count": 2, "line": 2, "reason": EVIL}],
    "warnings": [EVIL],
    "seconds": 1.0,
    "predictions": f"s3://artifact/{EVIL}",
}
Answers = Mapping[str, Callable[[], Any]]
ANSWERS: Answers = {
    "DescribeStacks": lambda: {
        "Stacks": [
            {
                "StackStatus": "ROLLBACK_COMPLETE",
                "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
            }
        ]
    },
    "GetTemplate": lambda: {"TemplateBody": json.dumps({"Resources": {}})},
    "GetObject": lambda: _missing(),  # noqa: PLW0108  (it is defined below)
    "HeadObject": lambda: {"VersionId": EVIL, "ETag": EVIL, "ContentLength": 1},
    "GetQueueAttributes": lambda: {"Attributes": {"QueueArn": EVIL, "ApproximateNumberOfMessages": "1"}},
    "ReceiveMessage": lambda: {"Messages": [_message()]},
}


def _missing() -> Any:
    raise ClientError({"Error": {"Code": "NoSuchKey", "Message": EVIL}}, "GetObject")


def _message() -> dict[str, Any]:
    body = {"detail-type": EVIL, "detail": {"object": {"key": EVIL}}}
    facts = {"TARGET_ARN": f"arn:aws:lambda:eu-west-1:1:{EVIL}", "ERROR_CODE": EVIL, "ERROR_MESSAGE": EVIL}
    return {
        "Body": json.dumps(body),
        "ReceiptHandle": "r",
        "Attributes": {"SentTimestamp": "1700000000000"},
        "MessageAttributes": {name: {"StringValue": value} for name, value in facts.items()},
    }


def answer(shape: Shape | None, depth: int = 0) -> Any:
    """Any answer of the shape, with hostile words wherever it may have words; no page follows it."""
    if shape is None or depth > 8:
        return {}
    kind = shape.type_name
    if kind == "structure":
        members = shape.members.items()
        return {name: answer(member, depth + 1) for name, member in members if not _continues(name)}
    if kind == "list":
        return [answer(shape.member, depth + 1)]
    if kind == "map":
        return {f"deployment_{EVIL}": answer(shape.value, depth + 1), "run_id": answer(shape.value, depth + 1)}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else f"mlops-dev-{EVIL}"
    values = {"timestamp": datetime(2026, 1, 1, tzinfo=UTC), "boolean": False, "blob": b"", "float": 1.0, "double": 1.0}
    return values.get(kind, 1)


def _continues(name: str) -> bool:
    return name.lower() in (
        "nexttoken",
        "nextmarker",
        "istruncated",
        "nextbackwardtoken",
        "nextforwardtoken",
        "marker",
        "position",
    )


class HostileTarget(Target):
    """One environment whose AWS answers so; with `refuses`, with errors that say so."""

    refuses = False

    def resources(self, kind: str) -> dict[str, str]:
        if kind.endswith("Queue"):
            return {"UploadDlq0A1B2C3D": "https://queue"}
        return {f"{EVIL}AAAAAAAA": EVIL, **({"PredictAAAAAAAA": EVIL} if kind.endswith("Function") else {})}

    def _make_client(self, service: str) -> Any:
        client = super()._make_client(service)
        client.meta.events.register("before-call", self._answered)
        return client

    def _answered(self, model: Any, **_: Any) -> tuple[Any, Any]:
        if self.refuses:
            raise ClientError({"Error": {"Code": EVIL, "Message": EVIL}}, model.name)
        found = ANSWERS[model.name]() if model.name in ANSWERS else answer(model.output_shape)
        return SimpleNamespace(status_code=200, headers={}), found


class RefusingTarget(HostileTarget):
    refuses = True


def target(kind: type[HostileTarget] = HostileTarget) -> HostileTarget:
    return kind(stage="dev", session=boto3.Session("AKIA", "secret", region_name="eu-west-1"))


MANIFEST = {
    "rows": {"read": 1, "rejected": 3},
    "reasons": {EVIL: 3},
    "examples": {EVIL: EVIL},
    "warnings": [EVIL],
    "files": {"raw_test": [EVIL]},
}
REJECT = {"line": 2, "reason": EVIL, "row": EVIL}


def run(state: str) -> Run:
    step = Step(name=EVIL, status="Failed", seconds=1.0, reason=EVIL, log_group="group", log_stream=EVIL)
    other = Step(name=EVIL * 2, status=EVIL, reason=EVIL)
    return Run(
        run_id=EVIL,
        model=MODEL,
        state=state,
        file=f"{MODEL}/{EVIL}",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        reason=EVIL,
        steps=(step, other),
        manifest=MANIFEST,
        evaluation={"gate": {"decision": "register", "metric": EVIL, "value": 1.0}},
        evaluation_uri="s3://artifact/e",
        model_version=None,
    )


PREDICTION = {
    "value": 1.0,
    "label": EVIL,
    "unit": EVIL,
    "explanation": {
        "base": 1.0,
        "output": EVIL,
        "sum": 1.0,
        "contributions": [{"feature": EVIL, "value": EVIL, "contribution": 1.0}],
    },
}
SUMMARY = {
    "model": EVIL,
    "model_version": 1,
    "rows": dict.fromkeys(("read", "rejected", "train", "validation", "test"), 1),
    "metric": "rmse",
    "rmse": 1.0,
    "rmse_interval": [1.0, 2.0],
    "gate": EVIL,
    "prediction": {"value": 1.0, "unit": EVIL},
    "reports": f"/{EVIL}",
    "rejects": f"/{EVIL}",
    "books": {
        "sentence": EVIL,
        "balanced": False,
        "frequent": [EVIL],
        "reasons": [],
        "notes": [EVIL],
        "warnings": [EVIL],
    },
    "calls": {EVIL: {"made": 1, "denied": 0}},
    "denied": 0,
    "resources": {EVIL: 1},
    "steps": {EVIL: 1.0},
    "seconds": {EVIL: 1.0},
}


def obeyed(text: str) -> list[str]:
    """What in a command's output a terminal would obey, or show where it does not belong."""
    left = OF_RICH.sub("", text)
    found = [repr(left[at.start() : at.start() + 9]) for at in INVISIBLE.finditer(left)]
    return found + [line for line in left.split("\n") if line.startswith("FORGED")]
