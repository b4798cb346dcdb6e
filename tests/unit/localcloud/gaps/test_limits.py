"""What is over a quota of AWS is refused by the local cloud, too, with the number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.gaps.support import StackError, deploy, function, get, role

CODE = "def handler(event, context):\n    return 1\n"
NAMES = [f"mlops-prod-forecast-of-something-{number:02}" for number in range(60)]


def rule(names: list[str]) -> dict[str, Any]:
    pattern = {"source": ["aws.sagemaker"], "detail": {"EndpointName": names}}
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern}}


def policy(count: int) -> dict[str, Any]:
    arns = [f"arn:aws:s3:::some-bucket-of-ours/{number:04}/models/*" for number in range(count)]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arns}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "p", "PolicyDocument": document, "Roles": [{"Ref": "Role"}]},
    }


def dashboard(widgets: int) -> dict[str, Any]:
    widget = {"type": "text", "properties": {"markdown": "x"}, "width": 1, "height": 1}
    body = json.dumps({"widgets": [widget] * widgets})
    return {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": body}}


def api(resources: int) -> dict[str, Any]:
    paths = {
        f"Path{number}": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ParentId": get("Api", "RootResourceId"),
                "PathPart": f"p{number}",
            },
        }
        for number in range(resources)
    }
    return {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "many"}}, **paths}


def with_variables(size: int) -> dict[str, Any]:
    return {"Role": role("lambda"), "F": function(CODE, Environment={"Variables": {"NAMES": "n" * size}})}


@pytest.mark.parametrize(
    ("taken", "refused", "words"),
    [
        ({"One": rule(NAMES[:40])}, {"One": rule(NAMES)}, r"it has 2\d{3} characters, and 2048 are allowed"),
        (
            {"Role": role("lambda"), "One": policy(150)},
            {"Role": role("lambda"), "One": policy(250)},
            "Maximum policy size of 10240 bytes exceeded",
        ),
        ({"One": dashboard(500)}, {"One": dashboard(501)}, "The dashboard has 501 widgets, and 500 are allowed"),
        (with_variables(4000), with_variables(4096), "exceeded the 4KB limit: 4101 bytes"),
        (api(299), api(300), "Maximum number of Resources for this API has been reached: 300"),
    ],
    ids=["pattern", "policy", "dashboard", "variables", "api"],
)
def test_what_is_over_a_quota_is_refused(
    cloud: Any, taken: dict[str, Any], refused: dict[str, Any], words: str, request: pytest.FixtureRequest
) -> None:
    name = f"limits-{request.node.callspec.id}"
    deploy(cloud, name, taken)
    with pytest.raises(StackError, match=words):
        deploy(cloud, name, refused)


def test_a_rule_that_is_put_without_cloudformation_is_checked_too(cloud: Any) -> None:
    pattern = json.dumps({"source": ["aws.sagemaker"], "detail": {"EndpointName": NAMES}})
    with pytest.raises(ClientError, match=r"InvalidEventPatternException.*and 2048 are allowed"):
        cloud.client("events").put_rule(Name="long", EventPattern=pattern)
