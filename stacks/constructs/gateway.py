"""API Gateway: who may call what. It checks the shape of a body, the functions the rest."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from contract import MAX_INSTANCES
from stacks.bundles import Described
from stacks.config import StageConfig
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.api_functions import ApiFunctions
from stacks.constructs.firewall import Firewall
from stacks.constructs.gateway_answers import ACCESS_LOG, add_problems
from stacks.constructs.gateway_description import Description
from stacks.constructs.trust import for_this_account

# The version in the path of the API.
STAGE = "v1"

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
# What a model has below /models/<model>, with the parameters of its query.
OF_MODEL: Mapping[str, tuple[str, ...]] = {
    "": (),
    "runs": ("limit", "before"),
    "runs/{run_id}": (),
    "runs/{run_id}/rejects": ("limit", "after"),
    "runs/{run_id}/data": ("split",),
    "versions": (),
    "versions/{version}": (),
    "monitoring": ("hours",),
}

_PUSH_TO_LOGS = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
ACCEPTED = {
    f"AwsSolutions-IAM4[Policy::{_PUSH_TO_LOGS}]": "AWS's own policy, for a role that serves every API of the account.",
    "AwsSolutions-APIG3": "Keys, throttling and a schema stand in front. A WAF, which costs by the hour, is optional.",
}
KEY = "Callers hold an API key of a usage plan; there are no users to tell apart."
OPEN = "The description of the API holds no secret."
PREFLIGHT = "A browser asks without credentials whether it may ask."


class Gateway(Construct):
    """`keys` are those of the deployment, by who holds them; none where callers sign with IAM."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        models: Iterable[str],
        functions: ApiFunctions,
        description: Sequence[Described],
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._access, self._documents = config, config.api, description
        self._api = self._add_api()
        self._validator = apigateway.RequestValidator(
            self, "Validator", rest_api=self._api, validate_request_body=True, validate_request_parameters=True
        )
        add_problems(self._api, self._access)
        # One permission for all methods: a policy of a function holds some sixty at most.
        self._predict, self._platform = (
            apigateway.LambdaIntegration(function, scope_permission_to_method=False)
            for function in (functions.predict, functions.platform)
        )
        self._model = self._add_model()
        self._add_routes(models)
        if self._access.firewall:
            rate = config.throttle.requests_per_second
            Firewall(self, "Firewall", stage=self._api.deployment_stage, requests_per_second=rate)
        self.url = self._api.url
        self.keys = self._add_keys() if self._access.auth == "api-key" else {}
        if self.keys:
            functions.know(self.keys)

    def _add_routes(self, models: Iterable[str]) -> None:
        listed = self._api.root.add_resource("models")
        self._add_get(listed)
        # A path for each model: an unknown one is not found before a function runs. Of many, one for all, as an API has
        # 300 resources: the functions say which models there are.
        for name in ["{model}"] if self._config.many_models else models:
            model = listed.add_resource(name)
            for path, query in OF_MODEL.items():
                self._add_get(model.resource_for_path(path) if path else model, query)
            self._add_post(model.add_resource("predictions"))
        description = Description(self, "Description", access=self._access, documents=self._documents)
        options = {**self._authorization(key=False), "request_validator": self._validator}
        for method in description.add_methods(self._api.root, **options):
            self._accept(method, OPEN)

    def _add_get(self, resource: apigateway.IResource, query: tuple[str, ...] = ()) -> None:
        parameters = {f"method.request.querystring.{name}": False for name in query}
        method = resource.add_method(
            "GET",
            self._platform,
            **self._authorization(key=True),
            request_parameters=parameters,
            request_validator=self._validator,
        )
        self._accept(method, KEY)

    def _add_post(self, resource: apigateway.IResource) -> None:
        method = resource.add_method(
            "POST",
            self._predict,
            **self._authorization(key=True),
            request_models={"application/json": self._model},
            request_parameters={"method.request.querystring.explain": False},
            request_validator=self._validator,
        )
        self._accept(method, KEY)

    def _authorization(self, key: bool) -> dict[str, Any]:
        if self._access.auth == "iam":
            return {"authorization_type": apigateway.AuthorizationType.IAM}
        return {"api_key_required": key}

    def _accept(self, method: apigateway.Method, reason: str) -> None:
        signed = self._access.auth == "iam"
        acknowledge(method, {"AwsSolutions-COG4": "Callers sign with IAM." if signed else reason})
        if not signed:
            acknowledge(method, {"AwsSolutions-APIG4": reason})

    def _add_api(self) -> apigateway.RestApi:
        log_group = logs.LogGroup(
            self, "AccessLogs", retention=self._config.log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"{self._config.prefix}predictions",
            description="Predictions of the approved models, their runs and versions",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # One setting for all APIs of an account and region, needed before any of them may log. It is kept when the
            # stack goes, so that deleting one environment does not silence another.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            default_cors_preflight_options=self._preflight(),
            deploy_options=self._stage_options(log_group),
        )
        # The CDK makes the role, without conditions.
        pushes = cast(iam.CfnRole, api.node.find_child("CloudWatchRole").node.default_child)
        conditions = for_this_account(self, "apigateway")
        pushes.add_property_override("AssumeRolePolicyDocument.Statement.0.Condition", conditions)
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
        accepted = {**ACCEPTED, "AwsSolutions-APIG4": PREFLIGHT, "AwsSolutions-COG4": PREFLIGHT}
        acknowledge(api, accepted if self._access.origins else ACCEPTED)
        return api

    def _stage_options(self, log_group: logs.ILogGroup) -> apigateway.StageOptions:
        """What needs no key has a limit of its own: nobody's requests for it stand in the way of those with a key."""
        throttle = self._config.throttle
        return apigateway.StageOptions(
            stage_name=STAGE,
            access_log_destination=apigateway.LogGroupLogDestination(log_group),
            access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
            logging_level=apigateway.MethodLoggingLevel.ERROR,
            data_trace_enabled=False,
            metrics_enabled=True,
            tracing_enabled=True,
            throttling_rate_limit=throttle.requests_per_second * throttle.callers,
            throttling_burst_limit=throttle.burst * throttle.callers,
            method_options={
                f"/{item.document.path}/GET": apigateway.MethodDeploymentOptions(
                    logging_level=apigateway.MethodLoggingLevel.ERROR,
                    data_trace_enabled=False,
                    metrics_enabled=True,
                    throttling_rate_limit=throttle.requests_per_second,
                    throttling_burst_limit=throttle.burst,
                )
                for item in self._documents
            },
        )

    def _preflight(self) -> apigateway.CorsOptions | None:
        if not self._access.origins:
            return None
        return apigateway.CorsOptions(
            allow_origins=list(self._access.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-amz-date", "x-amz-security-token", "x-api-key"],
        )

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

    def _add_keys(self) -> dict[str, apigateway.IApiKey]:
        """One each, so that none can use up another's day. `mlops keys` makes those of everybody else."""
        return {
            "page": self._add_key("", "The page"),
            "cli": self._add_key("Cli", "The command mlops"),
        }

    def _add_key(self, holder: str, description: str) -> apigateway.IApiKey:
        throttle = self._config.throttle
        # Not add_api_key, whose keys wait for the stage, which waits for the functions, which know the keys.
        key = apigateway.ApiKey(self._api, f"{holder}Key", description=description)
        plan = self._api.add_usage_plan(
            f"{holder}Plan",
            description=description,
            throttle=apigateway.ThrottleSettings(rate_limit=throttle.requests_per_second, burst_limit=throttle.burst),
            quota=apigateway.QuotaSettings(limit=throttle.requests_per_day, period=apigateway.Period.DAY),
        )
        plan.add_api_key(key)
        plan.add_api_stage(stage=self._api.deployment_stage)
        return key
