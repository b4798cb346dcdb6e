"""From an approved model to predictions: rule, queue, deploy_model, and the REST API."""

import json

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from contract import SHARED_ENDPOINT
from stacks.constructs.access import grant, grant_absence, grant_logs, grant_metrics, grant_objects, grant_pass
from stacks.constructs.api_functions import ApiFunctions
from stacks.constructs.endpoint_alarms import EndpointAlarms
from stacks.constructs.gateway import Gateway
from stacks.constructs.network import grant_interfaces, vpc_config
from stacks.constructs.platform_function import PlatformFunction, contract_layer
from stacks.constructs.queues import DeadLetterQueue, WorkQueue
from stacks.constructs.scaling import grant_no_more_scaling
from stacks.constructs.shared_hosting import SharedHosting
from stacks.constructs.trust import trusted
from stacks.constructs.verification import Verification
from stacks.constructs.xgboost_image import XGBoostImage
from stacks.naming import pascal
from stacks.platform_stack import LATE, Foundation, ModelStack

RETRY_SECONDS = 60
# How often what the environment refused is tried again, and a rejected version that answers is told.
CHECK = Duration.minutes(5)


class ServingStack(ModelStack):
    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope, construct_id, foundation=foundation, description="Approved models become endpoints behind a REST API"
        )
        self._names = [self._config.resource_name(model) for model in self._scopes]
        self._layer = contract_layer(self, self._bundles)
        self._dead_letters = DeadLetterQueue(self, "ServingDlq", alerts=self._alerts)
        config, contracts = self._config, self._contracts.values()
        dedicated = [contract for contract in contracts if not config.is_shared(contract)]
        shared = len(dedicated) < len(contracts)
        realtime = [contract.name for contract in dedicated if config.is_realtime(contract)]
        verify = self._add_verification([*realtime, SHARED_ENDPOINT] if shared else realtime, shared=shared)
        self._add_deployment(verify)
        for model in (contract.name for contract in dedicated):
            guards = model in realtime
            home, construct_id = self._home(model), f"{pascal(model)}Endpoint"
            EndpointAlarms(home, construct_id, config=config, model=model, guards=guards, alerts=self._alerts)
        functions = self._add_api()
        if shared:
            self._share(verify=verify, functions=functions)

    def _add_deployment(self, verify: PlatformFunction) -> None:
        # An endpoint takes minutes to change, and an approval in that time waits here: longer than any change may take.
        patience = max(contract.serving.update_seconds for contract in self._contracts.values()) + 1800
        queue = WorkQueue(
            self,
            "DeploymentQueue",
            retry_after=Duration.seconds(RETRY_SECONDS),
            attempts=patience // RETRY_SECONDS,
            dead_letters=self._dead_letters,
        )
        rule = events.Rule(
            self,
            "VersionDecided",
            description="A person or the gate approves or rejects a version of a model",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={
                    "ModelPackageGroupName": self._config.names(self._models),
                    "ModelApprovalStatus": ["Approved", "Rejected"],
                },
            ),
        )
        rule.add_target(targets.SqsQueue(queue, dead_letter_queue=self._dead_letters))
        self._model_role = role = self._add_model_role()
        environment = {
            "RESOURCE_PREFIX": self._config.prefix,
            "STAGE": self._config.name,
            "MODEL_ROLE_ARN": role.role_arn,
            "VERIFY_FUNCTION": verify.function_name,
            "DEPLOYMENT_QUEUE_URL": queue.queue_url,
            "LATE_SECONDS": str(LATE.to_seconds()),
        }
        if self._config.network:
            environment["VPC_CONFIG"] = json.dumps(vpc_config(self._config.network))
        if self._config.serving_mode:
            environment["SERVING_MODE"] = self._config.serving_mode
        self._deploy = function = PlatformFunction(
            self,
            "DeployModel",
            description="Brings an endpoint to the newest approved version of its model",
            code=self._bundles.functions["deploy_model"],
            layer=self._layer,
            environment=environment,
            dead_letters=self._dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=Duration.seconds(30),
        )
        function.add_event_source(SqsEventSource(queue, batch_size=1, report_batch_item_failures=True))
        self._grant_deployment(function, role)
        grant(function.own_role, ["sqs:SendMessage"], [queue.queue_arn])
        grant(function.own_role, ["lambda:InvokeFunction"], [verify.function_arn])
        asked = {"events:source": self._config.event_source, "events:detail-type": "Training Requested"}
        bus = self.format_arn(service="events", resource="event-bus", resource_name="default")
        grant(function.own_role, ["events:PutEvents"], [bus], only_if={"StringEquals": asked})
        described = "Versions that the environment refused are tried again"
        function.run_every(CHECK, self, "DeploymentsChecked", description=described)

    def _add_model_role(self) -> iam.Role:
        """What a served model may do: read its artifact and image, write logs and metrics."""
        role = iam.Role(self, "ModelRole", assumed_by=trusted(self, "sagemaker"))
        artifacts = [f"{model}/models/*" for model in self._scopes]
        grant_objects(role, self._buckets.artifact, artifacts, "s3:GetObject")
        grant_logs(role, f"/aws/sagemaker/Endpoints/{self._config.prefix}*")
        grant_metrics(role, "/aws/sagemaker/Endpoints")
        self._image = XGBoostImage(self, "Image")
        self._image.grant_pull(role)
        if self._config.network:
            grant_interfaces(role)
        return role

    def _grant_deployment(self, function: PlatformFunction, model_role: iam.Role) -> None:
        endpoints = [self._sagemaker_arn("endpoint", name) for name in self._names]
        configs = [self._sagemaker_arn("endpoint-config", f"{name}-*") for name in self._names]
        models = [self._sagemaker_arn("model", f"{name}-*") for name in self._names]
        versions = [self._sagemaker_arn("model-package", f"{name}/*") for name in self._names]
        groups = [self._sagemaker_arn("model-package-group", name) for name in self._names]
        for actions, resources in (
            (["ListModelPackages", "DescribeModelPackage", "UpdateModelPackage"], versions + groups),
            # A model that is made of a model package reads the package.
            (["CreateModel"], models + versions),
            (["DescribeModel", "AddTags"], models),
            (["CreateEndpointConfig", "DescribeEndpointConfig", "AddTags"], configs),
            (["CreateEndpoint", "UpdateEndpoint"], endpoints + configs),
            (["DescribeEndpoint", "AddTags"], endpoints),
            # One that failed, to make it anew.
            (["DeleteEndpoint"], endpoints),
        ):
            names = [f"sagemaker:{action}" for action in actions]
            grant(function.own_role, names, resources, because="Versions, models and configurations are numbered.")
        # The bytes of a version have to be those that were registered, and may be gone.
        artifacts = [f"{model}/models/*" for model in self._scopes]
        grant_objects(function.own_role, self._buckets.artifact, artifacts, "s3:GetObject")
        grant_absence(function.own_role, self._buckets.artifact)
        grant_pass(function.own_role, [model_role], "sagemaker.amazonaws.com")
        grant_no_more_scaling(function.own_role, tags=self._config.tags)
        grant_metrics(function.own_role, self._config.metrics)
        # It asks which alarms are on before an update begins, and SageMaker asks with its permissions during one.
        because = "AWS documents no narrower scope for a look at several alarms."
        grant(function.own_role, ["cloudwatch:DescribeAlarms"], ["*"], because=because)

    def _add_api(self) -> ApiFunctions:
        functions = ApiFunctions(
            self,
            "ApiFunctions",
            config=self._config,
            models=self._scopes,
            bundles=self._bundles,
            layer=self._layer,
            dead_letters=self._dead_letters,
            buckets=self._buckets,
            alerts=self._alerts,
        )
        api = Gateway(
            self,
            "Api",
            config=self._config,
            models=self._models,
            functions=functions,
            description=self._bundles.descriptions[self._config.api.auth],
        )
        CfnOutput(self, "ApiUrl", value=api.url)
        if api.keys:
            CfnOutput(self, "ApiKeyId", value=api.keys["page"].key_id)
            CfnOutput(self, "CliKeyId", value=api.keys["cli"].key_id)
        return functions

    def _add_verification(self, realtime: list[str], *, shared: bool) -> PlatformFunction:
        return Verification(
            self,
            "Verification",
            config=self._config,
            models=self._models,
            home=self._home if self._config.many_models else None,
            realtime=realtime,
            shared=shared,
            bundles=self._bundles,
            layer=self._layer,
            dead_letters=self._dead_letters,
            alerts=self._alerts,
            artifact=self._buckets.artifact,
        ).function

    def _share(self, *, verify: PlatformFunction, functions: ApiFunctions) -> None:
        hosting = SharedHosting(
            self,
            "MultiModel",
            config=self._config,
            models=self._scopes,
            bundles=self._bundles,
            artifact=self._buckets.artifact,
            model_role=self._model_role,
            alerts=self._alerts,
        )
        hosting.serve_deployment(self._deploy, image_uri=self._image.uri)
        hosting.serve_verification(verify)
        hosting.serve_predictions(functions.predict)
        hosting.serve_tracking(functions.platform)

    def _sagemaker_arn(self, kind: str, name: str) -> str:
        return self.format_arn(service="sagemaker", resource=kind, resource_name=name)
