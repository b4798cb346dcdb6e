"""The REST API: POST /models/<model>/predictions, with an API key. It checks the shape of a body, predict the rest."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from contract import MAX_INSTANCES, Contract
from stacks.config import StageConfig
from stacks.constructs.acknowledge import acknowledge

# The version in the path of the API.
STAGE = "v1"

# What is logged of a request: who, what, how long, how it ended. Never a payload.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "apiKeyId": "$context.identity.apiKeyId",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "modelLatency": "$context.integration.latency",
    "responseLength": "$context.responseLength",
    "error": "$context.error.message",
}

# Answers that API Gateway gives itself: type -> status, title, detail.
PROBLEMS = {
    "BAD_REQUEST_BODY": (400, "Bad Request", f"Send an object with instances: a list of 1 to {MAX_INSTANCES} objects."),
    "BAD_REQUEST_PARAMETERS": (400, "Bad Request", "$context.error.message"),
    "INVALID_API_KEY": (403, "Forbidden", "Send a valid API key in the header x-api-key."),
    "MISSING_AUTHENTICATION_TOKEN": (404, "Not Found", "There is no such model or path."),
    "REQUEST_TOO_LARGE": (413, "Content Too Large", "The body is too large. Send fewer instances."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported Media Type", "Send application/json."),
    "THROTTLED": (429, "Too Many Requests", "Too many requests at once. Try again in a moment."),
    "QUOTA_EXCEEDED": (429, "Too Many Requests", "The requests of today are used up."),
    "INTEGRATION_FAILURE": (502, "Bad Gateway", "The prediction failed."),
    "INTEGRATION_TIMEOUT": (504, "Gateway Timeout", "The model did not answer in time."),
}

# The shape alone: API Gateway's messages name neither the instance nor, for a bound, the field. The function's do.
REQUEST_SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "Instances",
    "type": "object",
    "required": ["instances"],
    "properties": {
        "instances": {"type": "array", "minItems": 1, "maxItems": MAX_INSTANCES, "items": {"type": "object"}},
    },
}

_PUSH_TO_LOGS = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
ACCEPTED = {
    f"AwsSolutions-IAM4[Policy::{_PUSH_TO_LOGS}]": "AWS's own policy, for a role that serves every API of the account.",
    "AwsSolutions-APIG3": "API keys, throttling and a schema for each model stand in front. A WAF costs by the hour.",
}


class PredictionApi(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        contracts: Mapping[str, Contract],
        function: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._api = self._add_api()
        self._validator = apigateway.RequestValidator(
            self, "Validator", rest_api=self._api, validate_request_body=True, validate_request_parameters=True
        )
        self._add_problems()
        models = self._api.root.add_resource("models")
        integration = apigateway.LambdaIntegration(function, allow_test_invoke=False)
        model = self._add_model()
        for name in contracts:
            # A path for each model, not /models/{model}: an unknown model is not found before a function runs.
            self._add_method(models.add_resource(name).add_resource("predictions"), model, integration)
        self.url = self._api.url
        self.key_id = self._add_key().key_id

    def _add_api(self) -> apigateway.RestApi:
        log_group = logs.LogGroup(
            self, "AccessLogs", retention=self._config.log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        throttle = self._config.throttle
        api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"{self._config.prefix}predictions",
            description="Predictions of the approved models",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # One setting for all APIs of an account and region, needed before any of them may log. It is kept when the
            # stack goes, so that deleting one environment does not silence another.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                access_log_destination=apigateway.LogGroupLogDestination(log_group),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                metrics_enabled=True,
                tracing_enabled=True,
                throttling_rate_limit=throttle.requests_per_second,
                throttling_burst_limit=throttle.burst,
            ),
        )
        # The CDK adds an output of its own for the URL.
        api.node.try_remove_child("Endpoint")
        # API Gateway would create it for the stage, and keep it for ever.
        execution_logs = logs.LogGroup(
            self,
            "ExecutionLogs",
            log_group_name=f"API-Gateway-Execution-Logs_{api.rest_api_id}/{STAGE}",
            retention=self._config.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # A group that is there already fails the deployment: it comes before the stage, and goes after it.
        api.deployment_stage.node.add_dependency(execution_logs)
        acknowledge(api, ACCEPTED)
        return api

    def _add_method(
        self, resource: apigateway.Resource, model: apigateway.IModel, integration: apigateway.LambdaIntegration
    ) -> None:
        method = resource.add_method(
            "POST",
            integration,
            api_key_required=True,
            request_models={"application/json": model},
            request_validator=self._validator,
        )
        key = "Callers hold an API key of a usage plan; there are no users to tell apart."
        acknowledge(method, {"AwsSolutions-APIG4": key, "AwsSolutions-COG4": key})

    def _add_model(self) -> apigateway.IModel:
        """On the L1, which takes JSON Schema as it is."""
        model = apigateway.CfnModel(
            self,
            "Instances",
            rest_api_id=self._api.rest_api_id,
            name="Instances",
            content_type="application/json",
            description="Records of one model",
            schema=REQUEST_SCHEMA,
        )
        # A deployment is a snapshot of the API: another schema needs another one.
        deployment = self._api.latest_deployment
        assert deployment is not None
        deployment.node.add_dependency(model)
        deployment.add_to_logical_id(REQUEST_SCHEMA)
        return apigateway.Model.from_model_name(self, "InstancesModel", model.ref)

    def _add_problems(self) -> None:
        for kind, (status, title, detail) in PROBLEMS.items():
            self._add_problem(kind, str(status), _problem(title, detail, status))
        for kind, title in (("DEFAULT_4XX", "Client Error"), ("DEFAULT_5XX", "Server Error")):
            self._add_problem(kind, None, _problem(title, "$context.error.message"))

    def _add_problem(self, kind: str, status: str | None, document: Mapping[str, Any]) -> None:
        self._api.add_gateway_response(
            "".join(word.capitalize() for word in kind.split("_")),
            type=apigateway.ResponseType.of(kind),
            status_code=status,
            response_headers={"Content-Type": "'application/problem+json'"},
            templates={"application/json": json.dumps(document)},
        )

    def _add_key(self) -> apigateway.IApiKey:
        throttle = self._config.throttle
        key = self._api.add_api_key("Key", description="Clients of the prediction API")
        plan = self._api.add_usage_plan(
            "Plan",
            throttle=apigateway.ThrottleSettings(rate_limit=throttle.requests_per_second, burst_limit=throttle.burst),
            quota=apigateway.QuotaSettings(limit=throttle.requests_per_day, period=apigateway.Period.DAY),
        )
        plan.add_api_key(key)
        plan.add_api_stage(stage=self._api.deployment_stage)
        return key


def _problem(title: str, detail: str, status: int | None = None) -> dict[str, Any]:
    """As RFC 9457 has it. API Gateway replaces variables, and nothing else, in these templates."""
    code = {} if status is None else {"status": status}
    return {"type": "about:blank", "title": title, **code, "detail": detail, "request_id": "$context.requestId"}
