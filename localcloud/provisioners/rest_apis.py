"""REST API properties that MiniStack's provisioners drop: request validation, method limits, access logs."""

import json
from typing import Any

from localcloud.ministack import apigateway, cloudformation
from localcloud.ministack.cloudformation import Created, Properties

FLAGS = {"ValidateRequestBody": "validateRequestBody", "ValidateRequestParameters": "validateRequestParameters"}
STAGE = {
    "CacheClusterEnabled": "cacheClusterEnabled",
    "CacheClusterSize": "cacheClusterSize",
    "CanarySetting": "canarySettings",
    "ClientCertificateId": "clientCertificateId",
    "DocumentationVersion": "documentationVersion",
}


def _validator(properties: Properties) -> dict[str, Any]:
    flags = {member: cloudformation.boolean(properties.get(name, False)) for name, member in FLAGS.items()}
    return {"name": properties.get("Name", ""), **flags}


def create_validator(logical_id: str, properties: Properties, stack: str) -> Created:
    _, _, body = apigateway.create_request_validator(properties["RestApiId"], _validator(properties))
    validator_id = json.loads(body)["id"]
    return validator_id, {"RequestValidatorId": validator_id}


def update_validator(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    """The flags change in place; another API or name is another validator."""
    if any(new.get(name) != old.get(name) for name in ("RestApiId", "Name")):
        created = create_validator(physical_id, new, stack)
        delete_validator(physical_id, old)
        return created
    apigateway.update_request_validator(new["RestApiId"], physical_id, _validator(new))
    return physical_id, {"RequestValidatorId": physical_id}


def delete_validator(physical_id: str, properties: Properties) -> None:
    apigateway.delete_request_validator(properties["RestApiId"], physical_id)


def apply_method(physical_id: str, properties: Properties, old: Properties) -> None:
    methods = apigateway.resources(properties["RestApiId"])[properties["ResourceId"]]["resourceMethods"]
    methods[properties["HttpMethod"]]["requestValidatorId"] = properties.get("RequestValidatorId")


def apply_stage(name: str, properties: Properties, old: Properties) -> None:
    """Access log settings are kept and readable; no access log is written."""
    stage = apigateway.stage(properties["RestApiId"], name)
    assert stage is not None
    stage.update({member: properties[prop] for prop, member in STAGE.items() if prop in properties})
    # Settings of a method: "/~1docs" is the path /docs.
    settings = stage.get("methodSettings") or {}
    stage["methodSettings"] = {key.replace("/~1", "~1", 1).replace("~1", "/"): value for key, value in settings.items()}
    access_log = properties.get("AccessLogSetting") or {}
    members = {"DestinationArn": "destinationArn", "Format": "format"}
    stage["accessLogSettings"] = {member: access_log[prop] for prop, member in members.items() if prop in access_log}


def apply_usage_plan(plan_id: str, properties: Properties, old: Properties) -> None:
    """Limits of single methods, in the members that the data plane reads."""
    plan = apigateway.usage_plans()[plan_id]
    for stage, declared in zip(plan["apiStages"], properties.get("ApiStages") or [], strict=True):
        limits = declared.get("Throttle") or {}
        stage["throttle"] = {method: cloudformation.throttle(limit) for method, limit in limits.items()}


def install() -> None:
    cloudformation.register_type(
        "AWS::ApiGateway::RequestValidator", create=create_validator, update=update_validator, delete=delete_validator
    )
    cloudformation.after("AWS::ApiGateway::Method", apply_method)
    cloudformation.after("AWS::ApiGateway::Stage", apply_stage)
    cloudformation.after("AWS::ApiGateway::UsagePlan", apply_usage_plan)
