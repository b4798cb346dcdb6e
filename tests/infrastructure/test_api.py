"""The REST API: its paths, who may call it, what it checks and says itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aws_cdk import App, Stack, assertions
from aws_cdk import aws_apigateway as apigateway
from cdk_nag import AwsSolutionsChecks

from contract import Contract, load_all
from description import openapi
from stacks import bundles
from stacks.config import ApiAccess, Concurrency
from stacks.constructs.firewall import Firewall
from stacks.constructs.gateway_description import Description
from stacks.stage import MlopsStage
from tests.contracts import MODELS as CONTRACTS
from tests.example import DEV
from tests.infrastructure.synthesis import new_app, read_templates
from tests.infrastructure.templates import StackId, Template, readable, statements

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("breast_cancer", "california_housing")
OF_MODEL = {
    "": "GET",
    "/predictions": "POST",
    "/runs": "GET",
    "/runs/{run_id}": "GET",
    "/runs/{run_id}/rejects": "GET",
    "/runs/{run_id}/data": "GET",
    "/versions": "GET",
    "/versions/{version}": "GET",
    "/monitoring": "GET",
}
OPEN = {"/openapi.json": "GET", "/docs": "GET"}
PATHS = {"/models": "GET", **OPEN} | {
    f"/models/{model}{path}": verb for model in MODELS for path, verb in OF_MODEL.items()
}


def methods(template: Template) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Properties of the methods by path and verb."""
    resources = template.of_type("AWS::ApiGateway::Resource")

    def path(reference: Any) -> str:
        if "Ref" not in reference:
            return ""
        resource = resources[reference["Ref"]]
        return f"{path(resource['ParentId'])}/{resource['PathPart']}"

    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for method in template.of_type("AWS::ApiGateway::Method").values():
        found.setdefault(path(method["ResourceId"]), {})[method["HttpMethod"]] = method
    return found


@pytest.fixture(scope="module")
def synthesised(contracts: dict[str, Contract]) -> Any:
    """Makes the serving template, and cdk-nag's findings, of dev with another access to the API."""

    def synth(access: ApiAccess, **more: Any) -> tuple[Template, list[str]]:
        with TemporaryDirectory() as out, TemporaryDirectory() as staging:
            cdk_app = new_app(out)
            packed = bundles.build(Path(staging), models=CONTRACTS)
            stage = MlopsStage(cdk_app, config=replace(DEV, api=access, **more), contracts=contracts, bundles=packed)
            checks = AwsSolutionsChecks(cdk_app)
            serving = next(stack for stack in stage.node.children if stack.node.id == "Serving")
            findings = [item.rule_name for item in checks.validate_scope(serving).violations]
            return read_templates(Path(cdk_app.synth().directory), [DEV])["dev", "serving"], findings

    return synth


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_paths(templates: dict[StackId, Template], stage: str) -> None:
    found = methods(templates[stage, "serving"])
    assert {path: list(verbs) for path, verbs in found.items()} == {path: [verb] for path, verb in PATHS.items()}


def test_all_but_the_description_needs_a_key(templates: dict[StackId, Template]) -> None:
    for path, verbs in methods(templates["prod", "serving"]).items():
        for method in verbs.values():
            assert (method["AuthorizationType"], method.get("ApiKeyRequired", False)) == ("NONE", path not in OPEN), (
                path
            )


def test_requests_are_checked_at_the_gateway(templates: dict[StackId, Template]) -> None:
    template = templates["prod", "serving"]
    (model,) = template.of_type("AWS::ApiGateway::Model")
    (validator,) = template.of_type("AWS::ApiGateway::RequestValidator")
    assert template.only("AWS::ApiGateway::RequestValidator")["ValidateRequestBody"] is True
    for path, verbs in methods(template).items():
        for verb, method in verbs.items():
            assert method["RequestValidatorId"] == {"Ref": validator}
            models = {"application/json": {"Ref": model}} if verb == "POST" else None
            assert method.get("RequestModels") == models, path


def test_paths_and_parameters_are_those_of_the_description(templates: dict[StackId, Template]) -> None:
    described = openapi.document(load_all(CONTRACTS), key_header=True)["paths"]
    found = methods(templates["dev", "serving"])
    assert found.keys() == described.keys()
    for path, verbs in found.items():
        for verb, method in verbs.items():
            parameters = described[path][verb.lower()].get("parameters", [])
            wanted = {f"method.request.querystring.{p['name']}": False for p in parameters if p["in"] == "query"}
            wanted |= {"method.request.header.If-None-Match": False} if path in OPEN else {}
            assert method.get("RequestParameters", {}) == wanted, path


def test_each_path_is_answered_by_its_function(templates: dict[StackId, Template]) -> None:
    for path, verbs in methods(templates["dev", "serving"]).items():
        for verb, method in verbs.items():
            if path in OPEN:
                continue
            wanted = "ApiFunctionsPredict" if verb == "POST" else "ApiFunctionsPlatform"
            assert wanted in readable(method["Integration"]["Uri"])


def test_the_description_comes_from_s3_and_runs_no_function(templates: dict[StackId, Template]) -> None:
    template = templates["prod", "serving"]
    found = methods(template)
    (role,) = [name for name in template.of_type("AWS::IAM::Role") if name.startswith("ApiDescriptionRole")]
    for path in OPEN:
        integration = found[path]["GET"]["Integration"]
        assert (integration["Type"], integration["IntegrationHttpMethod"]) == ("AWS", "GET")
        assert ":s3:path/cdk-" in readable(integration["Uri"])
        assert integration["Credentials"] == {"Fn::GetAtt": [role, "Arn"]}
        statuses = {item["StatusCode"]: item for item in integration["IntegrationResponses"]}
        assert statuses.keys() == {"200", "304", "502"}
        for value in statuses["200"]["ResponseParameters"].values():
            # API Gateway takes a value in single quotes, with none inside, or the name of what S3 answers.
            assert value == "integration.response.header.ETag" or value.strip("'").count("'") == 0
    own = [one for one in statements(template) if one.role.startswith("<ApiDescriptionRole")]
    assert {action for one in own for action in one.actions} == {"s3:GetObject"}
    assert sum(len(one.resources) for one in own) == 2
    assert not any("*" in resource for one in own for resource in one.resources)


def test_another_description_is_another_deployment(contracts: dict[str, Contract]) -> None:
    """A deployment of API Gateway is a snapshot: without a new one, the old document would be answered."""
    number = next(iter(contracts.values()))
    changed = {**contracts, number.name: replace(number, description="Another one")}
    ids = []
    for given in (contracts, changed):
        with TemporaryDirectory() as staging, pytest.MonkeyPatch.context() as patch:
            patch.setattr(bundles, "load_all", lambda _, given=given: given)
            stack = Stack(App())
            api = apigateway.RestApi(stack, "Api")
            documents = bundles.build(Path(staging), models=CONTRACTS).descriptions["api-key"]
            list(Description(stack, "Description", access=ApiAccess(), documents=documents).add_methods(api.root))
            ids.append(*assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::Deployment"))
    assert ids[0] != ids[1]


def test_each_key_has_a_plan_of_its_own(templates: dict[StackId, Template]) -> None:
    template = templates["dev", "serving"]
    joined = template.of_type("AWS::ApiGateway::UsagePlanKey").values()
    assert len({json.dumps(one["UsagePlanId"]) for one in joined}) == len({json.dumps(one["KeyId"]) for one in joined})
    assert len(joined) == len(template.of_type("AWS::ApiGateway::ApiKey")) == 2
    for plan in template.of_type("AWS::ApiGateway::UsagePlan").values():
        assert plan["Quota"] == {"Limit": DEV.throttle.requests_per_day, "Period": "DAY"}
        assert plan["Throttle"]["RateLimit"] == DEV.throttle.requests_per_second


def test_one_caller_leaves_room_for_others(templates: dict[StackId, Template]) -> None:
    settings = templates["dev", "serving"].only("AWS::ApiGateway::Stage")["MethodSettings"]
    limits = {item["ResourcePath"].replace("~1", "/"): item["ThrottlingRateLimit"] for item in settings}
    assert limits["/*"] == DEV.throttle.requests_per_second * DEV.throttle.callers
    open_paths = {path.strip("/"): limit for path, limit in limits.items() if path != "/*"}
    assert open_paths == {path.strip("/"): DEV.throttle.requests_per_second for path in OPEN}


def test_functions_know_the_keys_of_the_deployment(templates: dict[StackId, Template]) -> None:
    functions = templates["dev", "serving"].of_type("AWS::Lambda::Function")
    for name in ("ApiFunctionsPredict", "ApiFunctionsPlatform"):
        (found,) = [item for key, item in functions.items() if key.startswith(name)]
        text = readable(found["Environment"]["Variables"]["API_KEYS"])
        assert text.endswith("=cli")
        assert "=page," in text
        assert "ReservedConcurrentExecutions" not in found


def test_executions_are_reserved_where_the_configuration_says(synthesised: Any) -> None:
    template, _ = synthesised(ApiAccess(), concurrency=Concurrency(predict=20, platform=5))
    functions = template.of_type("AWS::Lambda::Function")
    reserved = {name: item.get("ReservedConcurrentExecutions") for name, item in functions.items()}
    assert {name[:-8]: count for name, count in reserved.items() if count} == {
        "ApiFunctionsPredict": 20,
        "ApiFunctionsPlatform": 5,
    }


def test_the_api_may_invoke_its_functions_by_two_permissions(templates: dict[StackId, Template]) -> None:
    """A function's policy holds 20 KB: one permission for each method would limit the number of models."""
    permissions = templates["dev", "serving"].of_type("AWS::Lambda::Permission").values()
    sources = [readable(p["SourceArn"]) for p in permissions if p["Principal"] == "apigateway.amazonaws.com"]
    assert len(sources) == 2
    assert all("execute-api" in source and "ApiRest" in source for source in sources)


def test_logs_of_jobs_are_described_by_their_group_and_read_by_their_stream(templates: dict[StackId, Template]) -> None:
    own = [one for one in statements(templates["prod", "serving"]) if one.role.startswith("<ApiFunctionsPlatform")]
    (reading,) = [one for one in own if "logs:DescribeLogStreams" in one.actions]
    names = {resource.partition(":log-group:")[2] for resource in reading.resources}
    shared, own_groups = {"/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs"}, "/aws-glue/mlops-prod/*"
    of_jobs = {f"{group}:log-stream:{start}" for group in shared for start in ("", "mlops-prod-*")}
    assert names == shared | of_jobs | {own_groups, f"{own_groups}:log-stream:*"}


def test_the_functions_write_nothing(templates: dict[StackId, Template]) -> None:
    for name, reads in (
        ("ApiFunctionsPredict", ("xray:Put", "logs:", "sqs:SendMessage")),
        ("ApiFunctionsPlatform", ("xray:Put", "sqs:")),
    ):
        own = [item for item in statements(templates["prod", "serving"]) if item.role.startswith(f"<{name}")]
        actions = {action for item in own for action in item.actions if not action.startswith(reads)}
        verbs = {action.split(":")[1] for action in actions} - {"CreateLogStream", "PutLogEvents"}
        assert verbs
        assert all(verb.startswith(("Get", "List", "Describe", "Invoke")) for verb in verbs), verbs


def test_no_page_of_another_origin_may_call(templates: dict[StackId, Template]) -> None:
    template = templates["dev", "serving"]
    assert "OPTIONS" not in {verb for verbs in methods(template).values() for verb in verbs}
    assert "Access-Control" not in json.dumps(template.document)
    for function in template.of_type("AWS::Lambda::Function").values():
        assert "CORS_ORIGINS" not in function["Environment"]["Variables"]


def test_there_is_no_firewall_unasked(templates: dict[StackId, Template]) -> None:
    assert "AWS::WAFv2" not in json.dumps(templates["prod", "serving"].document)


def test_iam_callers_sign_everything(synthesised: Any) -> None:
    template, findings = synthesised(ApiAccess(auth="iam"))
    found = methods(template)
    assert found.keys() == PATHS.keys()
    for verbs in found.values():
        for method in verbs.values():
            assert (method["AuthorizationType"], method.get("ApiKeyRequired", False)) == ("AWS_IAM", False)
    assert not template.of_type("AWS::ApiGateway::ApiKey")
    assert not template.of_type("AWS::ApiGateway::UsagePlan")
    assert "ApiKeyId" not in template.document["Outputs"]
    functions = template.of_type("AWS::Lambda::Function")
    (platform,) = [item for name, item in functions.items() if name.startswith("ApiFunctionsPlatform")]
    assert "API_KEYS" not in platform["Environment"]["Variables"]
    assert "api-keys/" not in json.dumps(template.document)
    # API Gateway answers so to a call without a signature, be there such a path or not.
    answers = template.of_type("AWS::ApiGateway::GatewayResponse").values()
    (unsigned,) = [item for item in answers if item["ResponseType"] == "MISSING_AUTHENTICATION_TOKEN"]
    document = json.loads(unsigned["ResponseTemplates"]["application/json"])
    assert (unsigned["StatusCode"], document["status"]) == ("403", 403)
    assert document["detail"].startswith("Sign the request with IAM")
    assert findings == []


def test_named_origins_may_call(synthesised: Any) -> None:
    origins = ("https://a.example", "https://b.example")
    template, findings = synthesised(ApiAccess(origins=origins))
    for path, verbs in methods(template).items():
        # The CDK adds it to every resource, the root too.
        preflight = verbs["OPTIONS"]
        assert preflight["AuthorizationType"] == "NONE", path
        (answer,) = preflight["Integration"]["IntegrationResponses"]
        headers = answer["ResponseParameters"]
        assert headers["method.response.header.Access-Control-Allow-Origin"] == "'https://a.example'"
        assert "b.example" in answer["ResponseTemplates"]["application/json"]
        assert headers["method.response.header.Access-Control-Allow-Methods"] == "'GET,POST'"
        assert "x-api-key" in headers["method.response.header.Access-Control-Allow-Headers"]
    for name, function in template.of_type("AWS::Lambda::Function").items():
        wanted = ",".join(origins) if name.startswith("ApiFunctions") else None
        assert function["Environment"]["Variables"].get("CORS_ORIGINS") == wanted
    for response in template.of_type("AWS::ApiGateway::GatewayResponse").values():
        assert response["ResponseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"
    assert findings == []


def test_a_firewall_stands_in_front_of_the_stage_if_asked_for(synthesised: Any) -> None:
    template, findings = synthesised(ApiAccess(firewall=True))
    acl, association = template.only("AWS::WAFv2::WebACL"), template.only("AWS::WAFv2::WebACLAssociation")
    assert acl["Scope"] == "REGIONAL"
    assert acl["DefaultAction"] == {"Allow": {}}
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    assert sorted(rule["Priority"] for rule in rules.values()) == list(range(len(rules)))
    common = rules["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    # 500 instances are more than the 8 KB that this rule lets pass.
    assert common["RuleActionOverrides"] == [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]
    assert rules["Rate"]["Action"] == {"Block": {}}
    # Of dev, whose throttle lets 10 requests a second through.
    assert rules["Rate"]["Statement"]["RateBasedStatement"] == {"AggregateKeyType": "IP", "Limit": 3000}
    assert "/stages/" in readable(association["ResourceArn"])
    assert not [finding for finding in findings if "APIG3" in finding]
    assert findings == []


@pytest.mark.parametrize(("requests_per_second", "limit"), [(1, 2000), (50, 15_000)])
def test_the_firewall_lets_one_address_have_all_that_the_throttle_allows(requests_per_second: int, limit: int) -> None:
    """All visitors of the page call from one address."""
    stack = Stack(App(analytics_reporting=False))
    api = apigateway.RestApi(stack, "Api", cloud_watch_role=False)
    api.root.add_method("GET", apigateway.MockIntegration())
    Firewall(stack, "Firewall", stage=api.deployment_stage, requests_per_second=requests_per_second)
    (acl,) = assertions.Template.from_stack(stack).find_resources("AWS::WAFv2::WebACL").values()
    (rate,) = [rule for rule in acl["Properties"]["Rules"] if rule["Name"] == "Rate"]
    assert rate["Statement"]["RateBasedStatement"]["Limit"] == limit


def test_the_gateway_checks_the_shape_and_leaves_the_fields_to_the_function(
    templates: dict[StackId, Template],
) -> None:
    schema = templates["dev", "serving"].only("AWS::ApiGateway::Model")["Schema"]
    assert schema["required"] == ["instances"]
    assert schema["properties"]["instances"] == {
        "type": "array",
        "minItems": 1,
        "maxItems": 500,
        "items": {"type": "object"},
    }


def test_usage_plan_limits_are_those_of_the_stage(templates: dict[StackId, Template]) -> None:
    for plan in templates["prod", "serving"].of_type("AWS::ApiGateway::UsagePlan").values():
        assert plan["Throttle"] == {"RateLimit": 50, "BurstLimit": 100}
        assert plan["Quota"] == {"Limit": 1_000_000, "Period": "DAY"}


def test_access_log_holds_no_payload(templates: dict[StackId, Template]) -> None:
    stage = templates["dev", "serving"].only("AWS::ApiGateway::Stage")
    logged = json.loads(stage["AccessLogSetting"]["Format"])
    assert logged["requestId"] == "$context.requestId"
    assert not [value for value in logged.values() if "$input" in value or "body" in value.lower()]
    for settings in stage["MethodSettings"]:
        assert settings["DataTraceEnabled"] is False
    assert stage["TracingEnabled"] is True


def test_execution_logs_are_there_before_api_gateway_makes_them(templates: dict[StackId, Template]) -> None:
    resources = templates["dev", "serving"].document["Resources"].items()
    (stage,) = [item for _, item in resources if item["Type"] == "AWS::ApiGateway::Stage"]
    assert [name for name in stage["DependsOn"] if name.startswith("ApiExecutionLogs")]


def test_gateway_answers_with_problems(templates: dict[StackId, Template]) -> None:
    responses = templates["dev", "serving"].of_type("AWS::ApiGateway::GatewayResponse").values()
    kinds = {response["ResponseType"]: response for response in responses}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "BAD_REQUEST_BODY", "INVALID_API_KEY", "THROTTLED"} <= kinds.keys()
    for response in kinds.values():
        headers = {"gatewayresponse.header.Content-Type": "'application/problem+json'"}
        headers |= {"gatewayresponse.header.Retry-After": "'5'"} if response.get("StatusCode") == "503" else {}
        assert response["ResponseParameters"] == headers
        document = json.loads(response["ResponseTemplates"]["application/json"])
        assert {"type", "title", "detail", "request_id"} <= document.keys()
        assert str(document.get("status", "")) == response.get("StatusCode", "")
    body = json.loads(kinds["BAD_REQUEST_BODY"]["ResponseTemplates"]["application/json"])
    assert body["detail"] == "Send an object with instances: a list of 1 to 500 objects."


def test_a_served_model_answers_before_the_gateway_gives_up(templates: dict[StackId, Template]) -> None:
    functions = templates["dev", "serving"].of_type("AWS::Lambda::Function")
    (predict,) = [item for name, item in functions.items() if name.startswith("ApiFunctionsPredict")]
    variables = predict["Environment"]["Variables"]
    assert float(variables["MODEL_TIMEOUT_SECONDS"]) < predict["Timeout"] <= 29
