"""Alarms that tell a person, each with the runbook that says what to do."""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_iam import IRole
from aws_cdk.aws_kms import IKey
from aws_cdk.aws_sns import ITopic
from constructs import Construct

from stacks.config import StageConfig
from stacks.constructs.access import grant, grant_key

# A file of docs/runbooks each. The budget has no alarm: AWS Budgets writes itself.
Runbook = Literal[
    "budget",
    "dead-letters",
    "deployment-failures",
    "endpoint-errors",
    "endpoint-latency",
    "etl-failures",
    "function-errors",
    "function-throttles",
    "lost-events",
    "pipeline-failures",
    "refused-files",
    "rejected-serving",
]

MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)


class Alerts:
    """The alarms of one environment. Each stands in the stack of what it watches: only the topic crosses stacks.

    `names` are those of the alarms so far. `event_log` is the log group of the events behind some of them. `key`: the
    topic's own, None where there is none and where one of the environment encrypts everything.
    """

    def __init__(self, topic: ITopic, *, config: StageConfig, key: IKey | None = None) -> None:
        self.topic = topic
        self._key = key
        self.names: list[str] = []
        # With the prefix that the console of EventBridge asks for.
        self.event_log = f"/aws/events/{config.prefix}alerts"
        self._config = config

    def let_publish(self, role: IRole) -> None:
        grant(role, ["sns:Publish"], [self.topic.topic_arn])
        if self._key is not None:
            grant_key(role, self._key, "sns")

    def add(
        self,
        scope: Construct,
        metric: cloudwatch.IMetric,
        *,
        name: str,
        runbook: Runbook,
        means: str,
        threshold: float = 1,
        needed: bool = False,
    ) -> None:
        """In alarm when the metric is at or above the threshold for one period. `means`: a sentence for the reader.

        An environment may do without alarms; not without those that are `needed` for more than a message.
        """
        if not (self._config.alerting.alarms or needed):
            return
        alarm_name = f"{self._config.prefix}{name}"
        alarm = cloudwatch.Alarm(
            scope,
            f"{''.join(word.capitalize() for word in name.split('-'))}Alarm",
            metric=metric,
            alarm_name=alarm_name,
            alarm_description=f"{means} What to do: {self._config.alerting.runbooks}{runbook}.md",
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        self.names.append(alarm_name)

    def add_for_event(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        name: str,
        runbook: Runbook,
        means: str,
    ) -> None:
        """In alarm when an event matches: EventBridge counts that. The event itself is kept in the log group."""
        if not self._config.alerting.alarms:
            return
        rule = events.Rule(
            scope,
            construct_id,
            description=means,
            event_pattern=events.EventPattern(source=[source], detail_type=[detail_type], detail=dict(detail)),
        )
        group = Stack.of(scope).format_arn(
            service="logs",
            resource="log-group",
            resource_name=self.event_log,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        # On the L1: the L2's target deploys a function of its own to write a policy for the group.
        cast(events.CfnRule, rule.node.default_child).targets = [events.CfnRule.TargetProperty(arn=group, id="Log")]
        counted = cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="TriggeredRules",
            dimensions_map={"RuleName": rule.rule_name},
            statistic="Sum",
            period=FIVE_MINUTES,
        )
        self.add(scope, counted, name=name, runbook=runbook, means=means)


def dashed(construct_id: str) -> str:
    """UploadDlq: upload-dlq."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", construct_id).lower()
