"""Whether a role's trust policy lets an AWS service assume it, by the condition keys that the service sends."""

from collections.abc import Mapping
from typing import Any

from localcloud.context import account, region
from localcloud.ministack import access

# Services whose guides say that they send aws:SourceAccount and aws:SourceArn when they assume a role. What others send
# is written nowhere, so that a policy has to hold with and without these keys.
DOCUMENTED = frozenset({"sagemaker.amazonaws.com", "scheduler.amazonaws.com"})


def may_assume(role: Mapping[str, Any], service: str, source_arn: str | None = None) -> bool:
    """`source_arn`: what the service acts for; None: whatever it has in this account and region."""
    name = service.partition(".")[0]
    sent = {
        "aws:sourceaccount": account(),
        "aws:sourcearn": source_arn or f"arn:aws:{name}:{region()}:{account()}:*",
    }
    requests = [sent] if service in DOCUMENTED else [sent, {}]
    return all(_allows(role, service, keys) for keys in requests)


def _allows(role: Mapping[str, Any], service: str, keys: Mapping[str, str]) -> bool:
    trust = role["AssumeRolePolicyDocument"]
    return access.service_allowed(trust, "sts:AssumeRole", role["Arn"], service=service, region=region(), keys=keys)
