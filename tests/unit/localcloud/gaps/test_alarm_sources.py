"""What alarms see of rules and queues, and whom they may tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import StackError, deploy, get, put_event, queue, queue_policy, receive, until
from tests.unit.localcloud.sagemaker.support import as_role


def alarm(namespace: str, metric: str, dimension: str, value: Any, *topics: Any, **more: Any) -> dict[str, Any]:
    properties = {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": dimension, "Value": value}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": list(topics),
        **more,
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def filled(queue_name: str, topic: Any) -> dict[str, Any]:
    name = get(queue_name, "QueueName")
    return alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name, topic, Statistic="Maximum")


def topic_policy(topic: str, *services: str) -> dict[str, Any]:
    """The policy that `enforce_ssl` of the CDK writes, and the services that may publish."""
    tls = {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    allowed = [{"Effect": "Allow", "Principal": {"Service": f"{name}.amazonaws.com"}} for name in services]
    statements = [{"Action": "sns:Publish", "Resource": {"Ref": topic}, **one} for one in (tls, *allowed)]
    document = {"Version": "2012-10-17", "Statement": statements}
    return {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": [{"Ref": topic}], "PolicyDocument": document}}


def key(*services: str) -> dict[str, Any]:
    """A key that the account's own identities may use, and these services."""
    account = {"AWS": "arn:aws:iam::000000000000:root"}
    principals = [account, *({"Service": f"{name}.amazonaws.com"} for name in services)]
    statements = [{"Effect": "Allow", "Principal": one, "Action": "kms:*", "Resource": "*"} for one in principals]
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": statements}}}


def told(topic: str, queue_name: str, **properties: Any) -> dict[str, dict[str, Any]]:
    """A topic, and a queue that hears it."""
    subscription = {"TopicArn": {"Ref": topic}, "Protocol": "sqs", "Endpoint": get(queue_name)}
    return {
        topic: {"Type": "AWS::SNS::Topic", "Properties": properties},
        queue_name: queue(),
        f"{queue_name}Policy": queue_policy(queue_name, "sns"),
        f"{topic}To{queue_name}": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
    }


@pytest.fixture(scope="module")
def sources(cloud: LocalCloud) -> dict[str, str]:
    pattern = {"source": ["test.counted"], "detail": {"text": [{"anything-but": {"wildcard": "*Refused: *"}}]}}
    open_topic, closed_topic = {"Ref": "Topic"}, {"Ref": "Closed"}
    return deploy(
        cloud,
        "alarm-sources",
        {
            **told("Topic", "Heard"),
            "TopicPolicy": topic_policy("Topic", "cloudwatch"),
            **told("Closed", "Unheard"),
            "ClosedPolicy": topic_policy("Closed"),
            "ForAlarms": key("cloudwatch"),
            **told("Encrypted", "HeardEncrypted", KmsMasterKeyId=get("ForAlarms")),
            "EncryptedPolicy": topic_policy("Encrypted", "cloudwatch"),
            "ForOthers": key("budgets"),
            **told("Sealed", "UnheardSealed", KmsMasterKeyId=get("ForOthers")),
            "SealedPolicy": topic_policy("Sealed", "cloudwatch"),
            **told("Managed", "UnheardManaged", KmsMasterKeyId="alias/aws/sns"),
            "ManagedPolicy": topic_policy("Managed", "cloudwatch"),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern}},
            "Matched": alarm("AWS/Events", "TriggeredRules", "RuleName", {"Ref": "Rule"}, open_topic),
            "Dead": queue(QueueName="alarm-sources-dead"),
            "Filled": filled("Dead", closed_topic),
            "Told": filled("Dead", open_topic),
            "Buried": queue(QueueName="alarm-sources-buried"),
            "ToldEncrypted": filled("Buried", {"Ref": "Encrypted"}),
            "ToldSealed": filled("Buried", {"Ref": "Sealed"}),
            "ToldManaged": filled("Buried", {"Ref": "Managed"}),
        },
    )


def state(cloud: LocalCloud, name: str) -> str:
    (found,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found["StateValue"])


def test_a_rule_without_a_target_counts_what_it_matches(cloud: LocalCloud, sources: dict[str, str]) -> None:
    put_event(cloud, "test.counted", text="Traceback ... Refused: the file is empty")
    put_event(cloud, "test.counted", text="Out of memory")

    [notice] = receive(cloud, sources["Heard"])

    told = json.loads(json.loads(notice["Body"])["Message"])
    assert (told["AlarmName"], told["NewStateValue"]) == (sources["Matched"], "ALARM")
    dimensions = [{"Name": "RuleName", "Value": sources["Rule"]}]
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events",
        MetricName="TriggeredRules",
        Dimensions=dimensions,
        StartTime="2020-01-01",
        EndTime="2100-01-01",
        Period=86400,
        Statistics=["Sum"],
    )["Datapoints"]
    assert sum(point["Sum"] for point in points) == 1


def test_a_queue_is_seen_while_it_holds_messages(cloud: LocalCloud, sources: dict[str, str]) -> None:
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=sources["Dead"], MessageBody="given up")
    assert until(lambda: state(cloud, sources["Filled"]) == "ALARM")
    # It comes by TLS, as the topic wants it, though nobody's request brought the datapoint.
    [notice] = receive(cloud, sources["Heard"])
    assert json.loads(json.loads(notice["Body"])["Message"])["AlarmName"] == sources["Told"]
    sqs.purge_queue(QueueUrl=sources["Dead"])
    assert until(lambda: state(cloud, sources["Filled"]) == "OK")


def test_an_alarm_tells_no_topic_whose_policy_does_not_let_it(cloud: LocalCloud, sources: dict[str, str]) -> None:
    """A policy of one's own takes the place of the one that lets an account's alarms publish."""
    cloud.client("sqs").send_message(QueueUrl=sources["Dead"], MessageBody="given up")
    assert until(lambda: state(cloud, sources["Filled"]) == "ALARM")
    assert receive(cloud, sources["Unheard"], seconds=1) == []


def test_an_alarm_tells_an_encrypted_topic_only_where_its_key_lets_it(
    cloud: LocalCloud, sources: dict[str, str]
) -> None:
    """AWS's own key for topics lets no service in, and its policy cannot be changed."""
    cloud.client("sqs").send_message(QueueUrl=sources["Buried"], MessageBody="given up")
    assert until(lambda: state(cloud, sources["ToldManaged"]) == "ALARM")
    [notice] = receive(cloud, sources["HeardEncrypted"])
    assert json.loads(json.loads(notice["Body"])["Message"])["AlarmName"] == sources["ToldEncrypted"]
    for unheard in ("UnheardSealed", "UnheardManaged"):
        assert receive(cloud, sources[unheard], seconds=1) == []


@pytest.mark.parametrize(
    ("granted", "topic", "allowed"),
    [("sns", "Topic", True), ("sns", "Encrypted", False), ("sns kms", "Encrypted", True), ("kms", "Encrypted", False)],
)
def test_who_publishes_to_an_encrypted_topic_needs_its_key(
    cloud: LocalCloud, sources: dict[str, str], granted: str, topic: str, allowed: bool
) -> None:
    actions = {"sns": "sns:Publish", "kms": "kms:*"}
    # Not in general, but through the topic alone.
    through = {"StringLike": {"kms:ViaService": "sns.*"}}
    statements = [
        {"Effect": "Allow", "Action": actions[one], "Resource": "*"} | ({"Condition": through} if one == "kms" else {})
        for one in granted.split()
    ]
    name = f"publisher-{granted}-{topic}".replace(" ", "-")
    sns = as_role(cloud, name, statements, "sns")
    if allowed:
        assert sns.publish(TopicArn=sources[topic], Message="hello")["MessageId"]
        return
    with pytest.raises(ClientError) as refused:
        sns.publish(TopicArn=sources[topic], Message="hello")
    assert refused.value.response["Error"]["Code"] in ("AuthorizationError", "AccessDenied", "KMSAccessDenied")


def test_a_budget_is_made_changed_and_deleted(cloud: LocalCloud) -> None:
    def budget(amount: int, percent: float) -> dict[str, dict[str, Any]]:
        limit = {"BudgetName": "monthly", "BudgetType": "COST", "TimeUnit": "MONTHLY"}
        notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": percent}
        subscribers = [{"SubscriptionType": "EMAIL", "Address": "person@example.com"}]
        properties = {
            "Budget": {**limit, "BudgetLimit": {"Amount": amount, "Unit": "USD"}},
            "NotificationsWithSubscribers": [{"Notification": notification, "Subscribers": subscribers}],
        }
        return {"Budget": {"Type": "AWS::Budgets::Budget", "Properties": properties}}

    budgets = cloud.client("budgets")
    for amount, percent in ((50, 80.0), (70, 90.0)):
        assert deploy(cloud, "budget", budget(amount, percent)) == {"Budget": "monthly"}
        [found] = budgets.describe_budgets(AccountId="000000000000")["Budgets"]
        assert found["BudgetLimit"] == {"Amount": str(amount), "Unit": "USD"}
        listed = budgets.describe_notifications_for_budget(AccountId="000000000000", BudgetName="monthly")
        assert [item["Threshold"] for item in listed["Notifications"]] == [percent]
    cloud.client("cloudformation").delete_stack(StackName="budget")
    assert until(lambda: not budgets.describe_budgets(AccountId="000000000000").get("Budgets"))
    wrong = budget(50, -1.0)
    with pytest.raises(StackError, match=r"Notification\.Threshold must be"):
        deploy(cloud, "wrong-budget", wrong)
