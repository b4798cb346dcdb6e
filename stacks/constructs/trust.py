"""Whom a role trusts: an AWS service, and that only while it acts for this account."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

# Their guides say that they send aws:SourceAccount and aws:SourceArn when they assume a role.
_DOCUMENTED = frozenset({"sagemaker"})


def trusted(scope: Construct, service: str) -> iam.ServicePrincipal:
    """`service`: the part before .amazonaws.com. Nobody in another account gets it to act as a role of this one."""
    return iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=for_this_account(scope, service))


def for_this_account(scope: Construct, service: str) -> Mapping[str, Any]:
    """What other services send is written nowhere: a condition that waits for a key that never comes would refuse the
    account's own. There the account counts where it is sent.
    """
    account = {"aws:SourceAccount": Aws.ACCOUNT_ID}
    if service not in _DOCUMENTED:
        return {"StringEqualsIfExists": account}
    own = Stack.of(scope).format_arn(service=service, resource="*")
    return {"StringEquals": account, "ArnLike": {"aws:SourceArn": own}}
