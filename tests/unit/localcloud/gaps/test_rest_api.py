"""A REST API in the running local cloud: validation, keys, limits, permissions, answers of functions."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import allow, deploy, function, get, permission, role

KEY = "a-key-of-at-least-20-characters"
PREDICT = """
import json, time
def handler(event, context):
    do = json.loads(event["body"] or "{}").get("do")
    if do == "fail":
        raise ValueError("secret detail")
    if do == "sleep":
        time.sleep(2)
    if do == "malformed":
        return {"unexpected": "member"}
    return {"statusCode": 201, "headers": {"content-type": "application/problem+json"}, "body": json.dumps({"did": do})}
"""
SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["do"],
    "properties": {"do": {"type": "string", "enum": ["work", "fail", "sleep", "malformed"]}},
    "additionalProperties": False,
}
API = {"RestApiId": {"Ref": "Api"}}


def uri(name: str) -> dict:
    return {
        "Fn::Sub": f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{name}.Arn}}/invocations"
    }


def method(resource: str, function_name: str, **properties: object) -> dict:
    integration = {
        "Type": "AWS_PROXY",
        "IntegrationHttpMethod": "POST",
        "Uri": uri(function_name),
        "TimeoutInMillis": 1000,
    }
    own = {
        "ResourceId": {"Ref": resource},
        "HttpMethod": "POST",
        "AuthorizationType": "NONE",
        "Integration": integration,
    }
    return {"Type": "AWS::ApiGateway::Method", "Properties": API | own | properties}


def part(path: str) -> dict:
    return {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": API | {"ParentId": get("Api", "RootResourceId"), "PathPart": path},
    }


def resource(kind: str, *, after: str | list[str] = (), **properties: object) -> dict:
    made: dict = {"Type": f"AWS::ApiGateway::{kind}", "Properties": properties}
    return made | ({"DependsOn": after} if after else {})


def plan(name: str, **limits: object) -> dict[str, dict]:
    """A usage plan of the stage with one key."""
    stage = {"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}
    if "method" in limits:
        stage["Throttle"] = limits.pop("method")
    return {
        f"{name}Key": resource("ApiKey", Value=f"{KEY}-{name}", Enabled=True),
        f"{name}Plan": resource("UsagePlan", ApiStages=[stage], **limits),
        f"{name}Joined": resource(
            "UsagePlanKey", KeyId={"Ref": f"{name}Key"}, KeyType="API_KEY", UsagePlanId={"Ref": f"{name}Plan"}
        ),
    }


def resources() -> dict:
    validated = {"RequestModels": {"application/json": {"Ref": "Model"}}, "RequestValidatorId": {"Ref": "Validator"}}
    source = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/dev/POST/predict"}
    signed = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/dev/POST/signed"}
    methods = ["Post", "PostClosed", "PostOpen", "PostSigned"]
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    template = {"application/json": '{"title": "Too many requests", "detail": $context.error.messageString}'}
    return {
        "Role": role("lambda", logs),
        "Predict": function(PREDICT, Timeout=5),
        "Closed": function(PREDICT),
        "Permission": permission("Predict", "apigateway", source),
        "Api": resource("RestApi", Name="gaps"),
        "Path": part("predict"),
        "ClosedPath": part("closed"),
        "OpenPath": part("open"),
        "SignedPath": part("signed"),
        "SignedPermission": permission("Predict", "apigateway", signed),
        "Model": resource("Model", **API, ContentType="application/json", Schema=SCHEMA),
        "Validator": resource("RequestValidator", **API, ValidateRequestBody=True, ValidateRequestParameters=False),
        "Post": method("Path", "Predict", ApiKeyRequired=True, **validated),
        "PostClosed": method("ClosedPath", "Closed"),
        "PostOpen": method("OpenPath", "Predict"),
        "PostSigned": method("SignedPath", "Predict", AuthorizationType="AWS_IAM"),
        "Throttled": resource("GatewayResponse", **API, ResponseType="THROTTLED", ResponseTemplates=template),
        "Deployment": resource("Deployment", **API, after=[*methods, "Throttled"]),
        "Stage": resource(
            "Stage",
            **API,
            StageName="dev",
            DeploymentId={"Ref": "Deployment"},
            AccessLogSetting={
                "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:access",
                "Format": "$context.requestId",
            },
            MethodSettings=[{"ResourcePath": "/*", "HttpMethod": "*", "LoggingLevel": "INFO", "MetricsEnabled": True}],
        ),
        **plan("Free"),
        **plan("Slow", Throttle={"RateLimit": 0.1, "BurstLimit": 1}),
        **plan("Method", method={"/predict/POST": {"RateLimit": 0.1, "BurstLimit": 2}}),
        **plan("Quota", Quota={"Limit": 1, "Period": "DAY"}),
    }


@pytest.fixture(scope="module")
def names(cloud: LocalCloud) -> dict[str, str]:
    return deploy(cloud, "api", resources())


@pytest.fixture
def post(cloud: LocalCloud, names):
    def url(path: str) -> str:
        return f"{cloud.endpoint}/_aws/execute-api/{names['Api']}/dev/{path}"

    def call(path: str = "predict", body: object = None, *, key: str | None = "Free", **headers: str):
        headers = {"Content-Type": "application/json", **headers} | ({"x-api-key": f"{KEY}-{key}"} if key else {})
        data = json.dumps({"do": "work"} if body is None else body).encode()
        request = urllib.request.Request(url(path), data=data, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), error.headers

    call.url = url
    return call


def test_a_valid_request_reaches_the_function(post):
    status, answer, headers = post()

    assert (status, answer, headers["Content-Type"]) == (201, {"did": "work"}, "application/problem+json")


@pytest.mark.parametrize("body", [{}, {"do": "else"}, {"do": "work", "more": 1}, {"do": 1}, [], "text"])
def test_a_body_that_the_model_does_not_allow_is_refused(post, body):
    status, answer, headers = post(body=body)

    assert (status, answer, headers["x-amzn-ErrorType"]) == (
        400,
        {"message": "Invalid request body"},
        "BadRequestException",
    )


@pytest.mark.parametrize("key", [None, "Unknown"])
def test_a_request_without_a_known_key_is_forbidden(post, key):
    status, answer, _ = post(key=key)

    assert (status, answer) == (403, {"message": "Forbidden"})


def test_the_plan_throttles_its_key_in_the_words_of_the_gateway_response(post):
    answers = [post(key="Slow") for _ in range(2)]

    assert [status for status, *_ in answers] == [201, 429]
    assert answers[1][1] == {"title": "Too many requests", "detail": "Too Many Requests"}


def test_a_plan_throttles_single_methods(post):
    assert [post(key="Method")[0] for _ in range(3)] == [201, 201, 429]


def test_the_quota_ends(post):
    assert post(key="Quota")[0] == 201
    status, answer, _ = post(key="Quota")
    assert (status, answer) == (429, {"message": "Limit Exceeded"})


def test_a_function_that_does_not_let_the_api_invoke_it_is_an_error_of_configuration(post):
    status, answer, headers = post("closed")

    assert (status, answer) == (500, {"message": "Internal server error"})
    assert headers["x-amzn-ErrorType"] == "InternalServerErrorException"


def test_the_permission_holds_for_its_own_path_only(post):
    assert post("open")[0] == 500


@pytest.mark.parametrize("do", ["fail", "malformed"])
def test_a_failed_function_tells_the_client_nothing(post, do):
    status, answer, _ = post(body={"do": do})

    assert (status, answer) == (502, {"message": "Internal server error"})


def test_a_function_that_takes_too_long_is_a_timeout(post):
    status, answer, _ = post(body={"do": "sleep"})

    assert (status, answer) == (504, {"message": "Endpoint request timed out"})


def test_a_request_over_10_mb_is_too_large(post):
    status, answer, _ = post(body={"do": "x" * 10_500_000})

    assert (status, answer) == (413, {"message": "Request Too Long"})


def test_callers_sign_where_the_api_wants_it(cloud, post):
    url = post.url("signed")
    status, answer, headers = post("signed", key=None)
    assert (status, answer) == (403, {"message": "Missing Authentication Token"})
    assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    for name in ("test", "000000000000"):
        status, _, _ = post("signed", key=None, **signature(cloud, url, Credentials(name, "test")))
        assert status == 403
    own = Credentials(cloud.keys.access_key, cloud.keys.secret_key)
    status, answer, _ = post("signed", key=None, **signature(cloud, url, own))
    assert (status, answer) == (201, {"did": "work"})
    status, _, _ = post("signed", {"do": "fail"}, key=None, **signature(cloud, url, own))
    assert status == 403


def signature(cloud, url: str, keys: Credentials) -> dict[str, str]:
    """Headers that sign the default body."""
    headers = {"Content-Type": "application/json"}
    request = AWSRequest(method="POST", url=url, data=json.dumps({"do": "work"}).encode(), headers=headers)
    SigV4Auth(keys, "execute-api", cloud.region).add_auth(request)
    return dict(request.headers.items())


def test_a_path_that_is_not_there_needs_no_signature_to_be_missed(post):
    assert post("nothing", key=None)[:2] == (403, {"message": "Missing Authentication Token"})


def test_a_page_of_another_origin_is_answered_as_the_api_was_deployed(post):
    """Without CORS: the function answers, as on AWS, and no browser lets the page read it."""
    status, _, headers = post(Origin="https://evil.example", **{"Sec-Fetch-Site": "cross-site"})
    assert status == 201
    assert [name for name in headers if name.lower().startswith("access-control")] == []


def test_stage_and_validator_can_be_read_back(cloud, names):
    api = cloud.client("apigateway")
    [validator] = api.get_request_validators(restApiId=names["Api"])["items"]
    stage = api.get_stage(restApiId=names["Api"], stageName="dev")

    assert (validator["id"], validator["validateRequestBody"]) == (names["Validator"], True)
    assert stage["accessLogSettings"]["format"] == "$context.requestId"
