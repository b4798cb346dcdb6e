"""What the multi-model endpoint of an environment is made of, and what each function may do with it."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk.aws_iam import IRole
from aws_cdk.aws_s3 import IBucket
from constructs import Construct

from contract import SHARED_ENDPOINT
from stacks.bundles import Bundles
from stacks.config import StageConfig
from stacks.constructs.access import grant, grant_absence, grant_assets, grant_listing, grant_objects
from stacks.constructs.alerts import Alerts
from stacks.constructs.endpoint_alarms import EndpointAlarms
from stacks.constructs.platform_function import PlatformFunction

# As tracking.hosting has them: artifacts, and the record of which of them answers.
MODELS, LIVE = "multi-model/models/*", "multi-model/live/*"
_NUMBERED = "Models and configurations are numbered."


class SharedHosting(Construct):
    """The endpoint itself is made by the first approval, as every endpoint is."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        models: Sequence[str],
        bundles: Bundles,
        artifact: IBucket,
        model_role: IRole,
        alerts: Alerts,
    ) -> None:
        super().__init__(scope, construct_id)
        self._artifact, self._models = artifact, models
        self._endpoint = config.resource_name(SHARED_ENDPOINT)
        EndpointAlarms(self, "Endpoint", config=config, model=SHARED_ENDPOINT, guards=True, alerts=alerts)
        code = bundles.serving_source.asset(self, "Code")
        self._code = code
        grant_assets(model_role, code)
        grant_objects(model_role, artifact, [MODELS], "s3:GetObject")
        # The guide to multi-model endpoints asks for it.
        grant_listing(model_role, artifact, [MODELS])

    def serve_deployment(self, function: PlatformFunction, *, image_uri: str) -> None:
        """It copies artifacts and makes the endpoint."""
        variables = {
            "ARTIFACT_BUCKET": self._artifact.bucket_name,
            "SHARED_IMAGE": image_uri,
            "SHARED_CODE_URI": self._code.s3_object_url,
        }
        for name, value in variables.items():
            function.add_environment(name, value)
        role = function.own_role
        grant_objects(role, self._artifact, [f"{model}/models/*" for model in self._models], "s3:GetObjectVersion")
        grant_objects(role, self._artifact, [MODELS], "s3:PutObject")
        grant_objects(role, self._artifact, [LIVE], "s3:GetObject")
        # It looks whether the code is what was deployed.
        grant_assets(role, self._code)
        # Of a version that is gone S3 may ask for this one, too.
        grant(role, ["s3:ListBucketVersions"], [self._artifact.bucket_arn])
        for kind, actions in (
            ("model", ["CreateModel", "DescribeModel", "AddTags"]),
            ("endpoint-config", ["CreateEndpointConfig", "DescribeEndpointConfig", "AddTags"]),
        ):
            names = [f"sagemaker:{action}" for action in actions]
            grant(role, names, [self._arn(kind, f"{self._endpoint}-*")], because=_NUMBERED)
        resources = [self._arn("endpoint", self._endpoint), self._arn("endpoint-config", f"{self._endpoint}-*")]
        grant(role, ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"], resources, because=_NUMBERED)
        own = self._arn("endpoint", self._endpoint)
        # Deleted when it failed, to make it anew.
        grant(role, [f"sagemaker:{verb}" for verb in ("DescribeEndpoint", "AddTags", "DeleteEndpoint")], [own])

    def serve_verification(self, function: PlatformFunction) -> None:
        """It asks golden rows and writes down which version answers."""
        function.add_environment("SHARED_BUCKET", self._artifact.bucket_name)
        role = function.own_role
        own = self._arn("endpoint", self._endpoint)
        grant(role, ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], [own])
        grant_objects(role, self._artifact, [LIVE], "s3:GetObject", "s3:PutObject", "s3:DeleteObject")

    def serve_predictions(self, function: PlatformFunction) -> None:
        function.add_environment("SHARED_BUCKET", self._artifact.bucket_name)
        grant(function.own_role, ["sagemaker:InvokeEndpoint"], [self._arn("endpoint", self._endpoint)])
        self._grant_reading(function.own_role)

    def serve_tracking(self, function: PlatformFunction) -> None:
        """It tells what the endpoint is and does."""
        function.add_environment("SHARED_BUCKET", self._artifact.bucket_name)
        role = function.own_role
        self._grant_reading(role)
        grant(role, ["sagemaker:DescribeEndpoint"], [self._arn("endpoint", self._endpoint)])
        configs = [self._arn("endpoint-config", f"{self._endpoint}-*")]
        grant(role, ["sagemaker:DescribeEndpointConfig"], configs, because=_NUMBERED)

    def _grant_reading(self, role: IRole) -> None:
        grant_objects(role, self._artifact, [LIVE], "s3:GetObject")
        grant_absence(role, self._artifact)

    def _arn(self, kind: str, name: str) -> str:
        return Stack.of(self).format_arn(service="sagemaker", resource=kind, resource_name=name)
