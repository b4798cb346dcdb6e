"""Whether a resource's own policy lets an AWS service act on it."""

from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import cloudwatch_logs, kms, lambda_svc, sns, sqs

from localcloud.platform import account, region

HOOKS = (
    ("ministack.core.iam_evaluator", "EvalContext"),
    ("ministack.core.iam_evaluator", "evaluate_resource_policy"),
    ("ministack.services.cloudwatch_logs", "_resource_policies"),
    ("ministack.services.kms", "_resolve_key"),
    ("ministack.services.lambda_svc", "function_policy_for_arn"),
    ("ministack.services.sns", "_topic_by_arn_any_scope"),
    ("ministack.services.sns", "topic_policy_allows"),
    ("ministack.services.sqs", "_queue_by_arn"),
)

Policy = str | Mapping[str, Any] | None


def function_allows(function_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the function's resource policy lets the service invoke it on behalf of the source."""
    found = lambda_svc.function_policy_for_arn(function_arn)
    return _allows(
        found[0] if found else None, "lambda:InvokeFunction", function_arn, service=service, source_arn=source_arn
    )


def queue_allows(queue_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the queue's policy, and the policy of its own key when it has one, let the service send to it."""
    attributes = sqs._queue_by_arn(queue_arn)["attributes"]
    if not _allows(attributes.get("Policy"), "sqs:SendMessage", queue_arn, service=service, source_arn=source_arn):
        return False
    key = attributes.get("KmsMasterKeyId")
    return not key or key_allows(key, service=service, source_arn=source_arn)


def topic_allows(topic_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the topic's policy, and the policy of its own key when it has one, let the service publish to it."""
    if not sns.topic_policy_allows(topic_arn, service, source_arn, account()):
        return False
    key = sns._topic_by_arn_any_scope(topic_arn)["attributes"].get("KmsMasterKeyId")
    return not key or key_allows(key, service=service, source_arn=source_arn)


def log_stream_allows(stream_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the account's policies for CloudWatch Logs let the service make the stream and write to it."""
    policies = [policy["policyDocument"] for policy in cloudwatch_logs._resource_policies.values()]
    return all(
        any(_allows(policy, action, stream_arn, service=service, source_arn=source_arn) for policy in policies)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    )


def key_allows(key_id: str, *, service: str, source_arn: str) -> bool:
    """AWS's own keys (alias/aws/sqs) allow no other service, and their policy cannot be changed."""
    key = kms._resolve_key(key_id)
    if key is None:
        return False
    return all(
        _allows(key.get("Policy"), action, key["Arn"], service=service, source_arn=source_arn)
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def _allows(policy: Policy, action: str, resource: str, *, service: str, source_arn: str) -> bool:
    request = iam_evaluator.EvalContext(
        # The caller is the service itself: a grant to an account does not cover it, a grant to everybody does.
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=region(),
        secure_transport=True,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account()},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, request, service=service).decision == "Allow")
