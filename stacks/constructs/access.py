"""Grants narrower than the CDK's own (which add s3:GetObject*, s3:List* and so on), a reason with each wildcard."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk.aws_iam import Effect, IRole, PolicyStatement
from aws_cdk.aws_kms import IKey
from aws_cdk.aws_s3 import IBucket
from aws_cdk.aws_s3_assets import Asset
from constructs import IConstruct

from stacks.constructs.acknowledge import acknowledge

KEYS = "The keys below a model's prefix are made while it runs."
STREAMS = "The service names the log streams, and groups that share a prefix."
UNSCOPED = "The action knows no resources."
MANY = "Of many models a policy cannot name each: the prefix of the environment does."


def grant(
    role: IRole,
    actions: Iterable[str],
    resources: Iterable[str],
    *,
    because: str = "",
    only_if: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """`because`: why a resource holds a wildcard; cdk-nag asks for it."""
    arns = list(resources)
    role.add_to_principal_policy(
        PolicyStatement(effect=Effect.ALLOW, actions=list(actions), resources=arns, conditions=dict(only_if or {}))
    )
    if because:
        findings = (f"AwsSolutions-IAM5[Resource::{_readable(Stack.of(role).resolve(arn))}]" for arn in arns)
        acknowledge(role, {finding: because for finding in findings if "*" in finding})


def grant_objects(role: IRole, bucket: IBucket, patterns: Iterable[str], *actions: str) -> None:
    """`patterns` are key patterns: `model/run=*`."""
    grant(role, actions, [bucket.arn_for_objects(pattern) for pattern in patterns], because=KEYS)
    if bucket.encryption_key is not None:
        grant_key(role, bucket.encryption_key, "s3")


def grant_key(role: IRole, key: IKey, service: str) -> None:
    """Use the key through a service alone. A part of a large upload is read back: who writes has to decrypt."""
    only_if = {"StringEquals": {"kms:ViaService": f"{service}.{Aws.REGION}.{Aws.URL_SUFFIX}"}}
    grant(role, ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn], only_if=only_if)


def grant_volume(role: IRole, key: IKey) -> None:
    """The volume of a job is encrypted with the key: EC2 uses it for as long as the volume is attached."""
    grant(role, ["kms:CreateGrant"], [key.key_arn], only_if={"Bool": {"kms:GrantIsForAWSResource": "true"}})


def grant_listing(role: IRole, bucket: IBucket, patterns: Iterable[str]) -> None:
    """List only below these key patterns."""
    grant(role, ["s3:ListBucket"], [bucket.bucket_arn], only_if={"StringLike": {"s3:prefix": list(patterns)}})


def grant_absence(role: IRole, bucket: IBucket, *, versions: bool = False) -> None:
    """Be told that an object is not there: S3 says 403 instead of 404 to a role that may not list the bucket.

    Without a condition on the prefix, which a request for an object does not have. `versions`: for readers of one
    version of an object. Which of the two permissions S3 asks for there, the documentation does not say.
    """
    grant(role, ["s3:ListBucket", *(["s3:ListBucketVersions"] if versions else [])], [bucket.bucket_arn])


def grant_assets(role: IRole, *assets: Asset, listed: bool = False) -> None:
    """Read exactly these files of the bootstrap bucket. `listed`: for readers that take a key as a prefix."""
    bucket, keys = assets[0].bucket, [asset.s3_object_key for asset in assets]
    grant_objects(role, bucket, keys, "s3:GetObject")
    if listed:
        grant_listing(role, bucket, keys)


def grant_logs(role: IRole, log_group: str, *, streams: str = "") -> None:
    """Write to a log group that the service creates. `log_group` may end with `*`.

    `streams`: what the names of the streams start with, in a group that belongs to the whole account.
    DescribeLogStreams stands in what SageMaker's guide asks of an execution role.
    """
    actions = [
        f"logs:{action}" for action in ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
    ]
    grant(role, actions, log_arns(role, log_group, streams=streams), because=STREAMS)


def log_arns(scope: IConstruct, log_group: str, *, streams: str = "") -> list[str]:
    """A group, and its streams that start so. What is asked of a whole group, IAM asks of a stream without a name."""
    group = Stack.of(scope).format_arn(
        service="logs", resource="log-group", resource_name=log_group, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    whole = [f"{group}:log-stream:"] if streams else []
    return [group, *whole, f"{group}:log-stream:{streams}*"]


def grant_metrics(role: IRole, namespace: str) -> None:
    """The condition is the scope."""
    only_if = {"StringEquals": {"cloudwatch:namespace": namespace}}
    grant(role, ["cloudwatch:PutMetricData"], ["*"], because=UNSCOPED, only_if=only_if)


def grant_pass(role: IRole, passed: Iterable[IRole], service: str) -> None:
    only_if = {"StringEquals": {"iam:PassedToService": service}}
    grant(role, ["iam:PassRole"], [item.role_arn for item in passed], only_if=only_if)


def _readable(value: Any) -> str:
    """An ARN with references in angle brackets, as cdk-nag writes it."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_readable, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            return str(value)
