"""`python -m localcloud up` with applications of other kinds than this project's, synthesised by the CDK."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from aws_cdk import App, CfnOutput, CfnResource, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as steps
from aws_cdk import aws_stepfunctions_tasks as tasks

ROOT = Path(__file__).resolve().parents[4]
CODE = """
import boto3, os
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"id": {"S": event["id"]}})
    return event["id"]
"""


@pytest.fixture
def started():
    children = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "localcloud", "up", *arguments]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)


def said(child: subprocess.Popen[str]) -> list[str]:
    lines = []
    for line in child.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("The local cloud is at "):
            return lines
    raise AssertionError([*lines, child.stderr.read()])


def session(lines: list[str]):
    exports = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    made = boto3.Session(
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_REGION"],
    )
    return lambda service: made.client(service, endpoint_url=exports["AWS_ENDPOINT_URL"])


def orders(folder: Path) -> Path:
    """Orders: a table, a queue with its dead letters, a topic, a function, a state machine, a pool of users."""
    app = App(outdir=str(folder))
    stack = Stack(app, "Orders")
    key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
    table = dynamodb.Table(stack, "Table", partition_key=key)
    dead = sqs.DeadLetterQueue(queue=sqs.Queue(stack, "Dead"), max_receive_count=3)
    queue = sqs.Queue(stack, "Queue", dead_letter_queue=dead)
    topic = sns.Topic(stack, "Topic")
    topic.add_subscription(subscriptions.SqsSubscription(queue))
    source = folder.parent / "code"
    source.mkdir()
    (source / "index.py").write_text(CODE)
    function = lambdas.Function(
        stack,
        "Store",
        runtime=lambdas.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambdas.Code.from_asset(str(source)),
        environment={"TABLE": table.table_name},
    )
    table.grant_write_data(function)
    task = tasks.LambdaInvoke(stack, "Invoke", lambda_function=function)
    steps.StateMachine(stack, "Machine", definition_body=steps.DefinitionBody.from_chainable(task))
    pool = cognito.UserPool(stack, "Users")
    pool.add_client("Web")
    CfnOutput(stack, "Function", value=function.function_name)
    CfnOutput(stack, "TableName", value=table.table_name)
    CfnOutput(stack, "TopicArn", value=topic.topic_arn)
    CfnOutput(stack, "Words", value="\u202ered")
    CfnOutput(stack, "QueueUrl", value=queue.queue_url)
    app.synth()
    return folder


def test_a_foreign_application_is_deployed_and_works(started, tmp_path):
    child = started(str(orders(tmp_path / "cdk.out")))
    lines = said(child)

    outputs = dict(line.strip().split(" = ", 1) for line in lines if line.startswith("  Orders."))
    assert outputs["Orders.Words"] == r"\u202ered"  # a terminal does not obey it
    client = session(lines)
    client("lambda").invoke(FunctionName=outputs["Orders.Function"], Payload=json.dumps({"id": "o-1"}))
    items = client("dynamodb").scan(TableName=outputs["Orders.TableName"])["Items"]
    assert items == [{"id": {"S": "o-1"}}]
    client("sns").publish(TopicArn=outputs["Orders.TopicArn"], Message="shipped")
    received = client("sqs").receive_message(QueueUrl=outputs["Orders.QueueUrl"], WaitTimeSeconds=5)["Messages"]
    assert json.loads(received[0]["Body"])["Message"] == "shipped"
    counted = next(line for line in lines if " resources in " in line)
    assert int(counted.split(": ")[1].split()[0]) >= 14
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0


def test_without_an_assembly_the_cloud_is_empty(started):
    child = started("--region", "eu-west-1")
    client = session(said(child))

    assert client("cloudformation").list_stacks()["StackSummaries"] == []
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == 0


def refused(child: subprocess.Popen[str]) -> str:
    _, words = child.communicate(timeout=60)
    assert child.returncode == 1
    return words


def test_types_that_are_unknown_are_refused_by_name_before_anything_is_deployed(started, tmp_path):
    app = App(outdir=str(tmp_path / "cdk.out"))
    first, second = Stack(app, "First"), Stack(app, "Second")
    sns.Topic(first, "Topic")
    CfnResource(second, "Thing", type="AWS::Nowhere::Thing")
    provider = lambdas.CfnFunction(
        second,
        "Provider",
        runtime="nodejs22.x",
        handler="index.handler",
        role="arn:aws:iam::000000000000:role/provider",
        code=lambdas.CfnFunction.CodeProperty(zip_file="exports.handler = () => {}"),
    )
    CfnResource(second, "Made", type="Custom::Made", properties={"ServiceToken": provider.attr_arn})
    app.synth()

    child = started(str(tmp_path / "cdk.out"))

    assert refused(child).splitlines() == [
        "Nothing was deployed:",
        "  Second: Made (Custom::Made) is made by Provider, which runs on nodejs22.x; only Python runs here",
        "  Second: Thing is of type AWS::Nowhere::Thing, which the local cloud does not know",
    ]


def test_another_account_or_region_is_refused_with_the_options_for_it(started, tmp_path):
    app = App(outdir=str(tmp_path / "cdk.out"))
    sns.Topic(Stack(app, "There", env={"account": "111122223333", "region": "eu-west-1"}), "Topic")
    app.synth()

    assert "add --account 111122223333 --region eu-west-1" in refused(started(str(tmp_path / "cdk.out")))


def test_a_folder_that_is_no_assembly_is_refused(started, tmp_path):
    assert "is no cloud assembly" in refused(started(str(tmp_path)))
    assert list(tmp_path.iterdir()) == []
