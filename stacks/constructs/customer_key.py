"""A KMS key of an environment's own, and everything that it encrypts."""

from collections.abc import Iterable
from typing import cast

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.access import STREAMS, grant, grant_key
from stacks.constructs.platform_function import PlatformFunction

USE = ["kms:Decrypt", "kms:GenerateDataKey*"]
# What puts messages into encrypted topics.
PUBLISHERS = ("cloudwatch", "budgets")


class CustomerKey(kms.Key):
    """Rotated every year. IAM policies decide who may use it; services that act for nobody are let in by name.

    `services`: the part before .amazonaws.com.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: str,
        description: str,
        services: Iterable[str],
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description=description,
            enable_key_rotation=True,
            removal_policy=removal_policy,
        )
        own = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        for service in services:
            self._allow(f"{service}.amazonaws.com", USE, own)

    def let_logs_use_it(self) -> None:
        groups = Stack.of(self).format_arn(
            service="logs", resource="log-group", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        # Logs names the group, and no account, when it asks.
        by_group = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        self._allow(
            f"logs.{Aws.REGION}.{Aws.URL_SUFFIX}", [*USE, "kms:Encrypt", "kms:ReEncrypt*", "kms:Describe*"], by_group
        )

    def _allow(self, service: str, actions: list[str], conditions: dict[str, dict[str, str]]) -> None:
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)], actions=actions, resources=["*"], conditions=conditions
            )
        )


def encrypt(scope: Construct, key: kms.IKey) -> None:
    """Every queue, topic and log group below the scope; its functions may use what is encrypted."""
    for node in scope.node.find_all():
        if isinstance(node, sqs.CfnQueue):
            node.kms_master_key_id = key.key_arn
            node.sqs_managed_sse_enabled = None
        elif isinstance(node, sns.CfnTopic):
            node.kms_master_key_id = key.key_arn
        elif isinstance(node, logs.CfnLogGroup):
            node.kms_key_id = key.key_arn
        elif isinstance(node, PlatformFunction):
            # Its queues and the topic that it writes to. S3 is a matter of its grants on objects.
            for service in ("sqs", "sns"):
                grant_key(cast(iam.IRole, node.own_role), key, service)


def glue_security(
    scope: Construct, construct_id: str, *, name: str, key: kms.IKey, role: iam.IRole, log_groups: str
) -> str:
    """Name of a security configuration: the logs of a job and what Spark writes to S3, encrypted with the key."""
    settings, arn = glue.CfnSecurityConfiguration, key.key_arn
    encryption = settings.EncryptionConfigurationProperty(
        cloud_watch_encryption=settings.CloudWatchEncryptionProperty(
            cloud_watch_encryption_mode="SSE-KMS", kms_key_arn=arn
        ),
        s3_encryptions=[settings.S3EncryptionProperty(s3_encryption_mode="SSE-KMS", kms_key_arn=arn)],
    )
    security = settings(scope, construct_id, name=name, encryption_configuration=encryption)
    groups = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=log_groups,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    grant(role, ["logs:AssociateKmsKey"], [groups], because=STREAMS)
    return security.ref
