"""How GitHub Actions get into the account: no stored keys, a role for each thing that a workflow does."""

from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, Aws, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from project import PROJECT
from stacks.config import Delivery, StageConfig
from stacks.constructs.access import UNSCOPED, grant
from stacks.constructs.gateway import STAGE as API_STAGE

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
# Of the CDK's bootstrap stack: its default.
QUALIFIER = "hnb659fds"
KEPT_IMAGES = 20


def diff_environment(stages: Sequence[StageConfig]) -> str:
    """The GitHub environment of an account's diffs."""
    protected = [stage.name for stage in stages if stage.protected]
    return f"{(protected or [stages[0].name])[0]}-diff"


class DeliveryStack(Stack):
    """Once an account, deployed by a person: a workflow must not widen what workflows may do.

    `stages`: the environments of the account. It is called by them, so that nobody deploys dev's into prod's unawares.
    """

    def __init__(self, scope: Construct, *, config: Delivery, stages: Sequence[StageConfig]) -> None:
        super().__init__(
            scope,
            "Delivery" + "".join(stage.name.capitalize() for stage in stages),
            stack_name=f"{PROJECT.name}-delivery",
            description="What GitHub Actions may do in this account",
            termination_protection=True,
            tags={"project": PROJECT.name},
        )
        self._config, self._stages = config, stages
        self._provider = self._add_provider()
        self._add_diff_role()
        for stage in stages:
            self._add_deploy_role(stage)
        if config.image_repository:
            self._add_image_repository(config.image_repository)
        if config.cluster:
            self._add_rollout_role(config.cluster)

    def _add_provider(self) -> iam.IOidcProvider:
        if self._config.provider:
            return iam.OidcProviderNative(self, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
        arn = self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=ISSUER)
        return iam.OidcProviderNative.from_oidc_provider_arn(self, "GitHub", arn)

    def _add_diff_role(self) -> None:
        """For pull requests: reads through the lookup role and changes nothing.

        It can read whatever is in the account, and the code that asks is that of the pull request. So it is bound to a
        GitHub environment, whose reviewers look at the code first; that of prod wherever prod is in the account.
        """
        environment = diff_environment(self._stages)
        role = self._add_role(
            "Diff",
            subject=f"environment:{environment}",
            claims={"environment": environment},
            unless={"actor": "dependabot[bot]"},
        )
        self._grant_bootstrap(role, "lookup")

    def _add_deploy_role(self, stage: StageConfig) -> None:
        """For the jobs of the GitHub environment with the name of the stage, on the branch that is deployed."""
        on_branch = {"ref": f"refs/heads/{self._config.branch}", "environment": stage.name}
        role = self._add_role(f"Deploy{stage.name.capitalize()}", subject=f"environment:{stage.name}", claims=on_branch)
        self._grant_bootstrap(role, "deploy", "file-publishing", "lookup")
        if stage.api.auth == "iam":
            self._grant_predictions(role)

    def _grant_predictions(self, role: iam.Role) -> None:
        """The smoke test signs as the role itself: the lookup role may look, and call no API."""
        method = f"*/{API_STAGE}/POST/models/*/predictions"
        arn = self.format_arn(service="execute-api", region="*", resource=method, arn_format=ArnFormat.NO_RESOURCE_NAME)
        grant(role, ["execute-api:Invoke"], [arn], because="The id of the API is known once it is deployed.")

    def _add_image_repository(self, name: str) -> None:
        repository = ecr.Repository(
            self,
            "Images",
            repository_name=name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=KEPT_IMAGES)],
            removal_policy=RemovalPolicy.RETAIN,
        )
        branch = f"refs/heads/{self._config.branch}"
        role = self._add_role("Push", subject=f"ref:{branch}", claims={"ref": branch})
        layers = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload")
        images = ("BatchGetImage", "GetDownloadUrlForLayer", "PutImage")
        grant(role, [f"ecr:{action}" for action in layers + images], [repository.repository_arn])
        grant(role, ["ecr:GetAuthorizationToken"], ["*"], because=UNSCOPED)
        CfnOutput(self, "ImageRepositoryUri", value=repository.repository_uri)

    def _add_rollout_role(self, cluster: str) -> None:
        """Finds the cluster; what it may do inside is up to the cluster's access entries."""
        claims = {"ref": f"refs/heads/{self._config.branch}", "environment": "page"}
        role = self._add_role("Rollout", subject="environment:page", claims=claims)
        arn = self.format_arn(service="eks", resource="cluster", resource_name=cluster)
        grant(role, ["eks:DescribeCluster"], [arn])

    def _add_role(
        self, name: str, *, subject: str, claims: Mapping[str, str], unless: Mapping[str, str] | None = None
    ) -> iam.Role:
        """`unless`: claims of those who are not let in.

        Newer repositories have numbers after owner and name in `sub`: the exact name is asked for beside it.
        """
        owner, _, repository = self._config.repository.partition("/")
        exact = {"aud": AUDIENCE, "repository": self._config.repository, **claims}
        if self._config.repository_id:
            exact["repository_id"] = self._config.repository_id
        conditions: dict[str, dict[str, str]] = {
            "StringEquals": {f"{ISSUER}:{claim}": value for claim, value in exact.items()},
            "StringLike": {f"{ISSUER}:sub": f"repo:{owner}*/{repository}*:{subject}"},
        }
        if unless:
            conditions["StringNotEquals"] = {f"{ISSUER}:{claim}": value for claim, value in unless.items()}
        principal = iam.WebIdentityPrincipal(self._provider.oidc_provider_arn, conditions)
        role = iam.Role(self, f"{name}Role", assumed_by=principal)
        CfnOutput(self, f"{name}RoleArn", value=role.role_arn)
        return role

    def _grant_bootstrap(self, role: iam.Role, *kinds: str) -> None:
        """`kinds` of the roles that `cdk bootstrap` made, in whatever region."""
        names = [f"cdk-{QUALIFIER}-{kind}-role-{Aws.ACCOUNT_ID}-*" for kind in kinds]
        arns = [self.format_arn(service="iam", region="", resource="role", resource_name=name) for name in names]
        grant(role, ["sts:AssumeRole"], arns, because="Their names end with the region.")
