"""A private bucket with history: TLS only, encrypted, versioned, logged, tidied by lifecycle rules."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct


class SecureBucket(s3.Bucket):
    """`events`: every change of an object goes to EventBridge. `key` encrypts; None: a key of S3's."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        access_logs: s3.IBucket,
        lifecycle_rules: Sequence[s3.LifecycleRule] = (),
        events: bool = False,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # One data key for many objects: KMS bills each call.
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{construct_id}/",
            lifecycle_rules=[
                s3.LifecycleRule(id="AbortUploads", abort_incomplete_multipart_upload_after=Duration.days(7)),
                *lifecycle_rules,
            ],
        )
        if events:
            # On the L1: the L2's `event_bridge_enabled` deploys a function of its own to set one property.
            bucket = cast(s3.CfnBucket, self.node.default_child)
            enabled = s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=enabled
            )


def expire_old_versions(days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(id="ExpireOldVersions", noncurrent_version_expiration=Duration.days(days))


def expire(prefix: str, days: int) -> s3.LifecycleRule:
    """What lies below the prefix is of no use any more."""
    return s3.LifecycleRule(id=f"Expire-{prefix.rstrip('/')}", prefix=prefix, expiration=Duration.days(days))


def write_once(bucket: s3.Bucket, pattern: str) -> None:
    """Whoever writes to keys of this pattern has to ask S3 for a key without an object; nobody is let off.

    Parts of an upload cannot ask: its completion has to.
    """
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="WriteOnce",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(pattern)],
            conditions={"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
        )
    )


def tier_after(days: int) -> s3.LifecycleRule:
    """Objects that are seldom read cost less, and are still read at once."""
    transition = s3.Transition(storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(days))
    return s3.LifecycleRule(id="Tier", transitions=[transition])


def access_log_bucket(scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy) -> s3.Bucket:
    """Where the other buckets log who read and wrote. It does not log itself."""
    return s3.Bucket(
        scope,
        construct_id,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=removal_policy,
        lifecycle_rules=[s3.LifecycleRule(id="Expire", expiration=Duration.days(90))],
    )
