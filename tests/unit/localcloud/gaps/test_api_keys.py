"""API keys and objects behind a REST API of the running local cloud, as API Gateway has them."""

import json
import urllib.error
import urllib.request
from itertools import count

import pytest
from botocore.exceptions import ClientError

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import allow, deploy, function, get, permission, role
from tests.unit.localcloud.gaps.test_rest_api import API, method, part, resource

WHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["identity"])}
"""
NUMBERS = count()


def of_bucket(role_name: str, **responses: object) -> dict:
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:s3:path/${Bucket}/docs/page.html"}
    told = {
        "method.response.header.Content-Type": "integration.response.header.Content-Type",
        "method.response.header.ETag": "integration.response.header.ETag",
        "method.response.header.Cache-Control": "'max-age=60'",
    }
    integration = {
        "Type": "AWS",
        "IntegrationHttpMethod": "GET",
        "Uri": uri,
        "Credentials": get(role_name),
        "RequestParameters": {"integration.request.header.If-None-Match": "method.request.header.If-None-Match"},
        "IntegrationResponses": [
            {"StatusCode": 200, "ResponseParameters": told},
            {"StatusCode": 304, "SelectionPattern": "304"},
            {"StatusCode": 502, "SelectionPattern": "[45].*", "ResponseTemplates": {"application/json": '{"no": 1}'}},
        ],
    }
    return {"HttpMethod": "GET", "Integration": integration}


def resources() -> dict:
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    source = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/dev/*"}
    methods = ["Closed", "Open", "Slow", "Page", "Denied", "Strange"]
    return {
        "Role": role("lambda", logs),
        "Who": function(WHO),
        "Permission": permission("Who", "apigateway", source),
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Reader": role("apigateway", allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/docs/*"})),
        "Nobody": role("apigateway"),
        "Stranger": role("lambda", allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/docs/*"})),
        "Api": resource("RestApi", Name="keys"),
        **{f"{name}Path": part(name.lower()) for name in methods},
        "Closed": method("ClosedPath", "Who", ApiKeyRequired=True),
        "Open": method("OpenPath", "Who"),
        "Slow": method("SlowPath", "Who"),
        "Page": method("PagePath", "Who", **of_bucket("Reader")),
        "Denied": method("DeniedPath", "Who", **of_bucket("Nobody")),
        "Strange": method("StrangePath", "Who", **of_bucket("Stranger")),
        "Deployment": resource("Deployment", **API, after=methods),
        "Stage": resource(
            "Stage",
            **API,
            StageName="dev",
            DeploymentId={"Ref": "Deployment"},
            MethodSettings=[
                {"ResourcePath": path, "HttpMethod": verb, "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
                for path, verb, rate, burst in (("/*", "*", 1000, 1000), ("/~1slow", "POST", 0.01, 2))
            ],
        ),
    }


@pytest.fixture(scope="module")
def names(cloud: LocalCloud) -> dict[str, str]:
    return deploy(cloud, "keys", resources())


@pytest.fixture
def ask(cloud: LocalCloud, names):
    def call(path: str, *, verb: str = "POST", **headers: str):
        url = f"{cloud.endpoint}/_aws/execute-api/{names['Api']}/dev/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, headers=named, method=verb)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    return call


@pytest.fixture
def api(cloud: LocalCloud):
    return cloud.client("apigateway")


@pytest.fixture
def stage(names) -> dict:
    return {"apiId": names["Api"], "stage": "dev"}


def joined(api, stage: dict, **limits: object) -> tuple[dict, dict]:
    """A new key and its own plan."""
    number = next(NUMBERS)
    key = api.create_api_key(name=f"key-{number}", enabled=True)
    plan = api.create_usage_plan(name=f"plan-{number}", apiStages=[stage], **limits)
    api.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return key, plan


def refused(code: str, call, **request: object) -> str:
    with pytest.raises(ClientError) as error:
        call(**request)
    assert error.value.response["Error"]["Code"] == code
    return error.value.response["Error"]["Message"]


def test_a_function_is_told_of_the_key_where_one_is_needed(api, stage, ask):
    key, _ = joined(api, stage)

    identity = json.loads(ask("closed", x_api_key=key["value"])[1])
    assert (identity["apiKeyId"], identity["apiKey"]) == (key["id"], key["value"])
    assert "apiKeyId" not in json.loads(ask("open", x_api_key=key["value"])[1])


def test_a_key_without_a_plan_or_enabled_no_more_is_forbidden(api, stage, ask):
    alone = api.create_api_key(name="alone", enabled=True)
    key, _ = joined(api, stage)
    assert ask("closed", x_api_key=alone["value"])[0] == 403
    assert ask("closed", x_api_key=key["value"])[0] == 200

    off = [{"op": "replace", "path": "/enabled", "value": "false"}]
    assert api.update_api_key(apiKey=key["id"], patchOperations=off)["enabled"] is False
    assert ask("closed", x_api_key=key["value"])[0] == 403


def test_a_deleted_key_is_forbidden_at_once(api, stage, ask):
    key, _ = joined(api, stage)
    assert ask("closed", x_api_key=key["value"])[0] == 200

    api.delete_api_key(apiKey=key["id"])
    assert ask("closed", x_api_key=key["value"])[0] == 403


def test_one_key_does_not_use_up_the_day_of_another(api, stage, ask):
    (busy, _), (other, _) = (joined(api, stage, quota={"limit": 2, "period": "DAY"}) for _ in range(2))

    assert [ask("closed", x_api_key=busy["value"])[0] for _ in range(3)] == [200, 200, 429]
    assert ask("closed", x_api_key=other["value"])[0] == 200


def test_values_are_told_to_who_asks_for_them(api):
    key = api.create_api_key(name="hidden-value", enabled=True)
    assert len(key["value"]) >= 20

    assert "value" not in api.get_api_key(apiKey=key["id"])
    assert api.get_api_key(apiKey=key["id"], includeValue=True)["value"] == key["value"]
    assert ["value" in item for item in api.get_api_keys(nameQuery="hidden")["items"]] == [False]
    [told] = api.get_api_keys(nameQuery="hidden", includeValues=True)["items"]
    assert told["value"] == key["value"]


def test_a_value_belongs_to_one_key(api):
    api.create_api_key(name="first", value="x" * 30)

    assert "already exists" in refused("ConflictException", api.create_api_key, name="second", value="x" * 30)


def test_a_key_has_one_plan_a_stage(api, stage):
    key, _ = joined(api, stage)
    _, other = joined(api, stage)
    request = {"usagePlanId": other["id"], "keyType": "API_KEY"}

    refused("ConflictException", api.create_usage_plan_key, keyId=key["id"], **request)
    refused("NotFoundException", api.create_usage_plan_key, keyId="nothing", **request)


def test_plans_of_a_key_are_found(api, stage):
    key, plan = joined(api, stage)

    assert [item["id"] for item in api.get_usage_plans(keyId=key["id"])["items"]] == [plan["id"]]


def test_a_plan_goes_when_it_has_no_stage_any_more(api, stage, ask):
    key, plan = joined(api, stage)
    named = f"{stage['apiId']}:dev"
    assert named in refused("BadRequestException", api.delete_usage_plan, usagePlanId=plan["id"])

    change = {"op": "remove", "path": "/apiStages", "value": named}
    assert api.update_usage_plan(usagePlanId=plan["id"], patchOperations=[change])["apiStages"] == []
    assert ask("closed", x_api_key=key["value"])[0] == 403
    refused("NotFoundException", api.update_usage_plan, usagePlanId=plan["id"], patchOperations=[change])
    api.update_usage_plan(usagePlanId=plan["id"], patchOperations=[{**change, "op": "add"}])
    assert ask("closed", x_api_key=key["value"])[0] == 200
    api.update_usage_plan(usagePlanId=plan["id"], patchOperations=[change])
    api.delete_usage_plan(usagePlanId=plan["id"])


def test_an_object_is_an_answer(cloud, names, ask):
    body = "<p>ö</p>".encode()
    assert ask("page", verb="GET")[:2] == (502, b'{"no": 1}')

    cloud.client("s3").put_object(
        Bucket=names["Bucket"], Key="docs/page.html", Body=body, ContentType="text/html; charset=utf-8"
    )
    status, answer, headers = ask("page", verb="GET")
    assert (status, answer, headers["Content-Type"]) == (200, body, "text/html; charset=utf-8")
    assert headers["Cache-Control"] == "max-age=60"
    status, answer, _ = ask("page", verb="GET", If_None_Match=headers["ETag"])
    assert (status, answer) == (304, b"")


def test_an_object_is_read_as_the_role_that_the_integration_names(names, ask):
    assert ask("denied", verb="GET")[:2] == (502, b'{"no": 1}')
    assert ask("strange", verb="GET")[0] == 500


def test_a_method_has_a_limit_of_its_own(ask):
    assert [ask("slow")[0] for _ in range(3)] == [200, 200, 429]
    assert [ask("open")[0] for _ in range(5)] == [200] * 5
