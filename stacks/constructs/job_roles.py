"""The roles of the pipeline's jobs: each reads what its step reads, and writes what its step writes."""

from collections.abc import Iterable
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk.aws_s3 import IBucket
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from stacks.constructs.access import (
    grant_assets,
    grant_listing,
    grant_logs,
    grant_metrics,
    grant_objects,
    grant_pass,
    grant_volume,
)
from stacks.constructs.network import grant_interfaces
from stacks.constructs.trust import trusted
from stacks.constructs.xgboost_image import XGBoostImage
from stacks.naming import pascal
from stacks.platform_stack import Buckets


@dataclass(frozen=True)
class JobAssets:
    """Code of the processing steps, the contract package, and the source of the training job."""

    steps: Asset
    library: Asset
    source: Asset

    @property
    def all(self) -> tuple[Asset, ...]:
        return (self.steps, self.library, self.source)


class JobRoles:
    """`prepare`, `train` and `evaluate` of one model: none reaches what belongs to another.

    Key patterns follow the layout of the buckets. `prefix` is what the names of the jobs start with, and with them
    those of their log streams.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        prefix: str,
        model: str,
        buckets: Buckets,
        assets: JobAssets,
        image: XGBoostImage,
        in_network: bool = False,
    ) -> None:
        self._scope, self._model, self._image, self._in_network = scope, model, image, in_network
        self._prefix = prefix
        artifact = buckets.artifact
        self._key = artifact.encryption_key
        self.prepare = self._role("PrepareRole", "ProcessingJobs")
        self._grant_reads(self.prepare, buckets.processed, ["run=*"])
        self._grant_writes(self.prepare, artifact, "*/prepare/*")
        grant_assets(self.prepare, assets.steps, assets.library, listed=True)

        self.train = self._role("TrainRole", "TrainingJobs")
        self._grant_reads(self.train, artifact, ["*/prepare/*"])
        self._grant_writes(self.train, artifact, "trained/*")
        grant_assets(self.train, assets.source)

        self.evaluate = self._role("EvaluateRole", "ProcessingJobs")
        self._grant_reads(self.evaluate, artifact, ["*/prepare/*", "trained/*", "champions/*"])
        self._grant_writes(self.evaluate, artifact, "*/evaluation/*")
        grant_assets(self.evaluate, assets.steps, assets.library, listed=True)

    def grant_pass(self, role: iam.IRole) -> None:
        grant_pass(role, [self.prepare, self.train, self.evaluate], "sagemaker.amazonaws.com")

    def _role(self, construct_id: str, jobs: str) -> iam.Role:
        """`jobs`: ProcessingJobs or TrainingJobs, as SageMaker names its log groups and metrics."""
        name = f"{construct_id}{pascal(self._model)}"
        role = iam.Role(self._scope, name, assumed_by=trusted(self._scope, "sagemaker"))
        grant_logs(role, f"/aws/sagemaker/{jobs}", streams=self._prefix)
        grant_metrics(role, f"/aws/sagemaker/{jobs}")
        self._image.grant_pull(role)
        if self._in_network:
            grant_interfaces(role)
        if self._key is not None:
            grant_volume(role, self._key)
        return role

    def _grant_reads(self, role: iam.Role, bucket: IBucket, paths: Iterable[str]) -> None:
        """SageMaker lists a prefix and copies what it finds."""
        patterns = [f"{self._model}/{path}" for path in paths]
        grant_objects(role, bucket, patterns, "s3:GetObject")
        grant_listing(role, bucket, patterns)

    def _grant_writes(self, role: iam.Role, bucket: IBucket, path: str) -> None:
        grant_objects(role, bucket, [f"{self._model}/{path}"], "s3:PutObject")
