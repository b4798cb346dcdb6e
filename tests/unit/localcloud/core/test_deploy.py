"""Cloud assemblies: order, assets, updates, failures that name the resource, deletion."""

import io
import json
import zipfile

import pytest

from localcloud.assembly import AssemblyError, load
from localcloud.assets import zip_folder
from localcloud.deploy import DeployError, deploy, destroy
from tests.unit.localcloud.core.assemblies import template, write_assembly

ACCOUNT, REGION = "000000000000", "us-east-1"


def topic(**properties: object) -> dict:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def test_outputs_and_resources_of_a_deployment_are_reported(deployment):
    assert deployment.outputs["core"]["Bucket"] == "data"
    assert deployment.resources["AWS::Lambda::Function"] == 1
    assert sum(deployment.resources.values()) == len(template()["Resources"])


def test_a_second_deployment_updates_what_changed(cloud, tmp_path):
    events = []
    versions = [
        {"Resources": {"First": topic(DisplayName="one")}},
        {"Resources": {"First": topic(DisplayName="two"), "Second": topic()}, "Metadata": {"padding": "x" * 60_000}},
        {"Resources": {"First": topic(DisplayName="two"), "Second": topic()}, "Metadata": {"padding": "x" * 60_000}},
    ]
    for number, body in enumerate(versions):
        folder = write_assembly(tmp_path / str(number), "updated", body)
        done = deploy(folder, cloud.session(), endpoint=cloud.endpoint, on_event=events.append)

    assert done.resources == {"AWS::SNS::Topic": 2}
    statuses = [event.status for event in events]
    assert statuses == [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "NO_CHANGES",
    ]
    topics = cloud.client("sns").list_topics()["Topics"]
    arn = next(item["TopicArn"] for item in topics if "First" in item["TopicArn"])
    assert cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "two"


def test_an_unknown_resource_type_fails_with_its_logical_id(cloud, tmp_path):
    folder = write_assembly(tmp_path, "unknown", {"Resources": {"Thing": {"Type": "AWS::Nowhere::Thing"}}})

    with pytest.raises(DeployError) as raised:
        deploy(folder, cloud.session(), endpoint=cloud.endpoint)

    failure = raised.value.failures[0]
    assert (failure.logical_id, failure.resource_type) == ("Thing", "AWS::Nowhere::Thing")
    assert "AWS::Nowhere::Thing" in failure.reason


def test_a_function_without_the_right_to_its_dead_letter_queue_is_refused_and_can_be_mended(cloud, tmp_path):
    body = template(bucket="refused", name="refused")
    role = body["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]
    role["Statement"] = [item for item in role["Statement"] if item["Action"] != "sqs:SendMessage"]
    body["Resources"]["Bucket"].pop("DeletionPolicy")

    with pytest.raises(DeployError) as raised:
        deploy(write_assembly(tmp_path / "bad", "refused", body), cloud.session(), endpoint=cloud.endpoint)

    failure = raised.value.failures[0]
    assert (failure.logical_id, failure.resource_type) == ("Function", "AWS::Lambda::Function")
    assert "refused is not authorized to perform: sqs:SendMessage on resource: arn:aws:sqs:" in failure.reason.replace(
        "assumed-role/refused/LocalCloud", "refused"
    )
    good = template(bucket="refused", name="refused")
    mended = deploy(write_assembly(tmp_path / "good", "refused", good), cloud.session(), endpoint=cloud.endpoint)
    assert mended.outputs["refused"]["Function"] == "refused"


def test_destroy_reports_what_was_retained(cloud, tmp_path):
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "kept"}}
    folder = write_assembly(tmp_path, "gone", {"Resources": {"Kept": bucket, "Gone": topic(TopicName="gone")}})
    deploy(folder, cloud.session(), endpoint=cloud.endpoint)

    retained = destroy(["gone", "never-there"], cloud.session(), endpoint=cloud.endpoint)

    assert [(item.logical_id, item.reason) for item in retained] == [("Kept", "kept")]
    topics = cloud.client("sns").list_topics()["Topics"]
    assert not [item for item in topics if item["TopicArn"].endswith(":gone")]
    assert cloud.client("s3").head_bucket(Bucket="kept")


def test_stacks_come_after_the_stacks_that_they_need(tmp_path):
    first = write_assembly(tmp_path, "consumer", {"Resources": {}}, needs=("producer",)) / "assembly-test"
    manifest = json.loads((first / "manifest.json").read_text())
    producer = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "consumer.template.json"}}
    manifest["artifacts"]["producer"] = producer
    (first / "manifest.json").write_text(json.dumps(manifest))

    assert [stack.name for stack in load(tmp_path, account=ACCOUNT, region=REGION)] == ["producer", "consumer"]


def test_placeholders_of_the_environment_are_filled(tmp_path):
    stack = load(write_assembly(tmp_path, "one", {}), account="111122223333", region="eu-west-1")[0]

    assert stack.template_url.startswith("s3://assets-111122223333/")
    assert {asset.bucket for asset in stack.assets} == {"assets-111122223333"}


def test_what_cannot_be_deployed_is_refused(tmp_path):
    with pytest.raises(AssemblyError, match=r"has no manifest\.json"):
        load(tmp_path, account=ACCOUNT, region=REGION)

    folder = write_assembly(tmp_path, "one", {}) / "assembly-test"
    assets = json.loads((folder / "one.assets.json").read_text()) | {"dockerImages": {"image": {}}}
    (folder / "one.assets.json").write_text(json.dumps(assets))
    with pytest.raises(AssemblyError, match="container image"):
        load(tmp_path, account=ACCOUNT, region=REGION)


def test_a_zipped_folder_is_the_same_whenever_it_was_written(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "x.py").write_text("1")
        (tmp_path / name / "y.py").write_text("2")

    first, second = zip_folder(tmp_path / "a"), zip_folder(tmp_path / "b")

    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["inner/x.py", "y.py"]


def test_a_stack_is_protected_as_its_assembly_says(cloud, tmp_path):
    body = {"Resources": {"Topic": topic(TopicName="guarded")}}
    folder = write_assembly(tmp_path / "on", "guarded", body, protected=True)
    deploy(folder, cloud.session(), endpoint=cloud.endpoint)
    with pytest.raises(DeployError, match="TerminationProtection is enabled"):
        destroy(["guarded"], cloud.session(), endpoint=cloud.endpoint)

    lifted = write_assembly(tmp_path / "off", "guarded", body)
    deploy(lifted, cloud.session(), endpoint=cloud.endpoint)
    assert destroy(["guarded"], cloud.session(), endpoint=cloud.endpoint) == ()
