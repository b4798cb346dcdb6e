"""Where the lines of a job are looked for, and in which order its last ones come."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tracking.logs import log_tail
from tracking.place import Place
from tracking.progress import glue_log_groups, glue_steps
from tracking.run import Step

LOGS = "/aws-glue/mlops-dev"
PLAIN = (f"{LOGS}/error", f"{LOGS}/output")
ROLE = "mlops-dev-etl-role/etl-role"
SECURE = (f"{LOGS}/{ROLE}/error", f"{LOGS}/{ROLE}/output", *PLAIN, f"{LOGS}/error-mlops-dev-etl")
SECURE += (f"{LOGS}/output-mlops-dev-etl",)


@pytest.mark.parametrize(
    ("run", "groups"),
    [
        ({}, PLAIN),
        ({"LogGroupName": "/aws-glue/jobs"}, PLAIN),
        ({"LogGroupName": "/aws-glue/jobs/"}, PLAIN),
        ({"LogGroupName": LOGS}, PLAIN),
        ({"SecurityConfiguration": "mlops-dev-etl", "LogGroupName": f"/aws-glue/jobs/{ROLE}"}, SECURE),
        ({"SecurityConfiguration": "mlops-dev-etl", "LogGroupName": f"{LOGS}/{ROLE}"}, SECURE),
    ],
)
def test_a_job_with_a_security_configuration_has_log_groups_of_its_own(
    run: dict[str, str], groups: tuple[str, ...]
) -> None:
    assert glue_log_groups(run, LOGS) == groups
    node = {"Name": "etl", "JobDetails": {"JobRuns": [{"Id": "jr_1", "JobRunState": "FAILED", **run}]}}
    (step,) = glue_steps({"Graph": {"Nodes": [node]}}, logs=LOGS)
    assert (step.log_group, *step.other_log_groups) == groups
    assert step.log_stream == "jr_1"


def test_the_last_lines_are_those_of_all_groups_in_the_order_of_time() -> None:
    logs = boto3.client("logs", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    step = Step("etl", "FAILED", log_group="/error", log_stream="jr_1", other_log_groups=("/output", "/none"))
    with Stubber(logs) as stub:
        for group, lines in (("/error", {1: "first", 4: "last"}), ("/output", {2: "second", 3: "third"})):
            stub.add_response("describe_log_streams", {"logStreams": [{"logStreamName": "jr_1"}]}, described(group))
            events = [{"timestamp": at, "message": f"{text}\n"} for at, text in lines.items()]
            read = {"logGroupName": group, "logStreamName": "jr_1", "limit": 3, "startFromHead": False}
            stub.add_response("get_log_events", {"events": events}, read)
        stub.add_client_error("describe_log_streams", "ResourceNotFoundException", expected_params=described("/none"))
        place = Place(
            client=lambda _: logs, prefix="mlops-dev-", processed_bucket="b", workflow="w", artifact_bucket="artifact"
        )
        assert log_tail(place, step, lines=3) == ("second", "third", "last")
        stub.assert_no_pending_responses()


def described(group: str) -> dict[str, Any]:
    return {"logGroupName": group, "logStreamNamePrefix": "jr_1"}
