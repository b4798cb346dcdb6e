"""Topics of SNS, and keys of KMS."""

from collections.abc import MutableMapping
from typing import Any

from ministack.services import kms as _kms
from ministack.services import sns as _sns


def find_topic(topic_arn: str) -> MutableMapping[str, Any] | None:
    """The topic, of whatever account and region, with its `attributes`; None when there is none."""
    found: MutableMapping[str, Any] | None = _sns._topic_by_arn_any_scope(topic_arn)
    return found


def topic(topic_arn: str) -> MutableMapping[str, Any]:
    """The topic of this account and region. Raises KeyError."""
    found: MutableMapping[str, Any] = _sns._topics[topic_arn]
    return found


def policy_allows(topic_arn: str, service: str, source_arn: str, account: str) -> bool:
    """Whether the topic's policy lets an AWS service publish for the source."""
    return bool(_sns.topic_policy_allows(topic_arn, service, source_arn, account))


def find_key(key_id: str) -> MutableMapping[str, Any] | None:
    """A key by id, ARN or alias, with `Arn` and `Policy`; None when there is none, as of AWS's own."""
    found: MutableMapping[str, Any] | None = _kms._resolve_key(key_id)
    return found
