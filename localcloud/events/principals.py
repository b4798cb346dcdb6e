"""Whether a resource's own policy lets an AWS service act on it."""

from localcloud.ministack import access, functions, logs, queues, topics
from localcloud.platform import account, region


def function_allows(function_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the function's resource policy lets the service invoke it on behalf of the source."""
    policy = functions.policy_of(function_arn)
    return _allows(policy, "lambda:InvokeFunction", function_arn, service=service, source_arn=source_arn)


def queue_allows(queue_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the queue's policy, and the policy of its own key when it has one, let the service send to it."""
    queue = queues.find(queue_arn)
    assert queue is not None
    attributes = queue["attributes"]
    if not _allows(attributes.get("Policy"), "sqs:SendMessage", queue_arn, service=service, source_arn=source_arn):
        return False
    key = attributes.get("KmsMasterKeyId")
    return not key or key_allows(key, service=service, source_arn=source_arn)


def topic_allows(topic_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the topic's policy, and the policy of its own key when it has one, let the service publish to it."""
    if not topics.policy_allows(topic_arn, service, source_arn, account()):
        return False
    topic = topics.find_topic(topic_arn)
    assert topic is not None
    key = topic["attributes"].get("KmsMasterKeyId")
    return not key or key_allows(key, service=service, source_arn=source_arn)


def log_stream_allows(stream_arn: str, *, service: str, source_arn: str) -> bool:
    """Whether the account's policies for CloudWatch Logs let the service make the stream and write to it."""
    return all(
        any(
            _allows(policy, action, stream_arn, service=service, source_arn=source_arn)
            for policy in logs.resource_policies()
        )
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    )


def key_allows(key_id: str, *, service: str, source_arn: str) -> bool:
    """AWS's own keys (alias/aws/sqs) allow no other service, and their policy cannot be changed."""
    key = topics.find_key(key_id)
    if key is None:
        return False
    return all(
        _allows(key.get("Policy"), action, key["Arn"], service=service, source_arn=source_arn)
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def _allows(policy: access.Policy, action: str, resource: str, *, service: str, source_arn: str) -> bool:
    keys = {"aws:sourcearn": source_arn, "aws:sourceaccount": account()}
    return access.service_allowed(policy, action, resource, service=service, region=region(), keys=keys, by_tls=True)
