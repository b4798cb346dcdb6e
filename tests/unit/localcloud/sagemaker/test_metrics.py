"""Metrics of endpoints in CloudWatch, and the alarms of a template on them."""

import datetime
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.sagemaker.support import INFERENCE, INSTANCE, ask, settled, until

NEEDY = INFERENCE.replace(
    "data = json.loads(body)", "data = json.loads(body); os.kill(os.getpid(), 9 * (data == 'die'))"
)


@pytest.fixture(scope="module")
def measured(sagemaker: Any, config: Callable[..., str]) -> str:
    sagemaker.create_endpoint(
        EndpointName="measured", EndpointConfigName=config("measured", inference=NEEDY, **INSTANCE)
    )
    assert settled(sagemaker, "measured")["EndpointStatus"] == "InService"
    return "measured"


def total(cloud: Any, metric: str, statistic: str = "Sum", **dimensions: str) -> float:
    moment = datetime.datetime.now(datetime.UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=moment - datetime.timedelta(minutes=10),
        EndTime=moment + datetime.timedelta(minutes=1),
        Period=3600,
        Statistics=[statistic],
    )["Datapoints"]
    return sum(float(point[statistic]) for point in found)


def test_every_invocation_is_counted(cloud: Any, runtime: Any, measured: str) -> None:
    dimensions = {"EndpointName": measured, "VariantName": "AllTraffic"}
    for body in ([1], [2], {"no": "list"}, ["a", {}]):
        try:
            ask(runtime, measured, body)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ModelError"
    until(lambda: total(cloud, "Invocations", **dimensions) == 4)
    assert total(cloud, "Invocation4XXErrors", **dimensions) == 1
    assert total(cloud, "Invocation5XXErrors", **dimensions) == 1
    assert total(cloud, "Invocation5XXErrors", **dimensions, EndpointConfigName=measured) == 1
    assert total(cloud, "ModelLatency", "SampleCount", **dimensions) == 4
    assert 100 < total(cloud, "ModelLatency", "Average", **dimensions) < 1e6, "microseconds"
    assert 0 < total(cloud, "OverheadLatency", "Average", **dimensions) < 1e6


def test_a_crashed_server_is_started_again(cloud: Any, runtime: Any, measured: str) -> None:
    with pytest.raises(ClientError) as caught:
        ask(runtime, measured, "die")
    response = caught.value.response
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 500)
    assert ask(runtime, measured, [4])["predictions"] == [8.0]


def template(endpoint: str) -> str:
    alarm = {
        "AlarmName": "templated-5xx",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "Topic"}],
    }
    other = {**alarm, "AlarmName": "templated-other", "Dimensions": [{"Name": "EndpointName", "Value": "another"}]}
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts"}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
        "Other": {"Type": "AWS::CloudWatch::Alarm", "Properties": other},
    }
    return json.dumps({"Resources": resources})


def states(cloud: Any) -> dict[str, str]:
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="templated-")["MetricAlarms"]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}


def subscribed(cloud: Any, topic: str) -> Any:
    """A queue that the topic and the rule of alarm events fill."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    cloud.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    events.put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    events.put_targets(Rule="alarms", Targets=[{"Id": "queue", "Arn": arn}])
    return queue


def test_an_alarm_of_a_template_goes_off_at_once_and_tells(cloud: Any, runtime: Any, measured: str) -> None:
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName="alarms", TemplateBody=template(measured))
    until(lambda: formation.describe_stacks(StackName="alarms")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    queue = subscribed(cloud, "arn:aws:sns:us-east-1:000000000000:alerts")
    until(lambda: states(cloud)["templated-5xx"] == "OK")
    with pytest.raises(ClientError, match="Internal Server Error"):
        ask(runtime, measured, [{}, []])
    began = time.monotonic()
    until(lambda: states(cloud)["templated-5xx"] == "ALARM")
    assert time.monotonic() - began < 1.0
    assert states(cloud)["templated-other"] != "ALARM", "its dimensions are others"
    received: list[Any] = []

    def both() -> bool:
        messages = cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        received.extend(json.loads(message["Body"]) for message in messages)
        wanted = [item for item in received if "templated-5xx" in json.dumps(item) and "ALARM" in json.dumps(item)]
        return len(wanted) >= 2

    until(both)
    notice = next(item for item in received if item.get("NewStateValue") == "ALARM")
    assert (notice["AlarmName"], notice["Trigger"]["MetricName"]) == ("templated-5xx", "Invocation5XXErrors")
    event = next(item for item in received if item.get("detail", {}).get("state", {}).get("value") == "ALARM")
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["previousState"]["value"] == "OK"
    assert event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "Invocation5XXErrors"
    until(lambda: states(cloud)["templated-5xx"] == "OK")
