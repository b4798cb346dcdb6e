"""CloudFormation in the running local cloud: what is kept, what is refused, what nothing looks at."""

import json

import pytest

from localcloud.provisioners.audit import TrackedProperties
from tests.unit.localcloud.gaps.support import StackError, allow, deploy, function, get, queue, role

CODE = "def handler(event, context):\n    return 1\n"


def test_an_unknown_type_is_refused_by_type_and_logical_id(cloud):
    with pytest.raises(StackError, match=r"AWS::Quantum::Computer.*no provisioner for Cat \(AWS::Quantum::Computer\)"):
        deploy(cloud, "unknown", {"Cat": {"Type": "AWS::Quantum::Computer"}})


def test_a_custom_resource_on_another_runtime_is_refused_instead_of_waited_for(cloud):
    resources = {
        "Role": role("lambda"),
        "Provider": function(CODE, Runtime="nodejs22.x"),
        "Cleaner": {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"ServiceToken": get("Provider")}},
    }
    with pytest.raises(StackError, match=r"Custom::S3AutoDeleteObjects \(Cleaner\): its function .* nodejs22.x"):
        deploy(cloud, "custom", resources)


def test_function_properties_can_be_read_back_and_removed(cloud):
    def resources(**properties: object) -> dict:
        return {
            "Dead": queue(),
            "Role": role("lambda", allow("sqs:SendMessage", get("Dead"))),
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 14}},
            "Function": function(CODE, LoggingConfig={"LogFormat": "JSON", "LogGroup": {"Ref": "Group"}}, **properties),
        }

    kept = {"ReservedConcurrentExecutions": 2, "DeadLetterConfig": {"TargetArn": get("Dead")}}
    names = deploy(cloud, "functions", resources(**kept))
    lambda_, name = cloud.client("lambda"), names["Function"]
    config = lambda_.get_function_configuration(FunctionName=name)
    [group] = cloud.client("logs").describe_log_groups(logGroupNamePrefix=names["Group"])["logGroups"]
    assert config["DeadLetterConfig"]["TargetArn"].endswith(names["Dead"].rpartition("/")[2])
    assert (config["LoggingConfig"]["LogFormat"], group["retentionInDays"]) == ("JSON", 14)
    assert lambda_.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 2

    deploy(cloud, "functions", resources())
    assert "DeadLetterConfig" not in lambda_.get_function_configuration(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in lambda_.get_function_concurrency(FunctionName=name)


def test_schedules_keep_their_time_zone(cloud):
    properties = {
        "Name": "nightly",
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Rome",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": get("Dead"), "RoleArn": get("Role")},
    }
    resources = {
        "Dead": queue(),
        "Role": role("scheduler"),
        "Nightly": {"Type": "AWS::Scheduler::Schedule", "Properties": properties},
    }
    deploy(cloud, "schedules", resources)

    assert cloud.client("scheduler").get_schedule(Name="nightly")["ScheduleExpressionTimezone"] == "Europe/Rome"


def test_glue_catalog_properties_are_kept(cloud):
    columns = [{"Name": "longitude", "Type": "double", "Comment": "degrees"}]
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}
    table = {
        "Name": "housing",
        "TableType": "EXTERNAL_TABLE",
        "Retention": 3,
        "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {"Columns": columns, "Location": "s3://data/housing/", "SerdeInfo": serde},
        "PartitionKeys": [{"Name": "run", "Type": "string"}],
    }
    account = {"Ref": "AWS::AccountId"}
    database = {"CatalogId": account, "DatabaseInput": {"Name": "models", "CreateTableDefaultPermissions": []}}
    deploy(
        cloud,
        "catalog",
        {
            "Database": {"Type": "AWS::Glue::Database", "Properties": database},
            "Table": {
                "Type": "AWS::Glue::Table",
                "Properties": {"CatalogId": account, "DatabaseName": {"Ref": "Database"}, "TableInput": table},
            },
        },
    )
    kept = cloud.client("glue").get_table(DatabaseName="models", Name="housing")["Table"]

    assert {name: kept[name] for name in table} == table


def test_properties_that_nothing_looks_at_are_listed(cloud):
    properties = {"AccelerateConfiguration": {"AccelerationStatus": "Enabled"}, "BucketName": "fast"}
    deploy(cloud, "unread", {"Fast": {"Type": "AWS::S3::Bucket", "Properties": properties}})

    assert cloud.unread()["AWS::S3::Bucket"] == ["AccelerateConfiguration"]


def test_reading_all_properties_at_once_counts_as_reading_each():
    tracked = TrackedProperties({"A": 1, "B": 2})
    assert {**tracked} == {"A": 1, "B": 2}
    assert tracked.seen == {"A", "B"}


def test_a_stack_made_by_a_change_set_is_described_as_its_template_says(cloud):
    cloudformation = cloud.client("cloudformation")
    for kind, words in (("CREATE", "First words"), ("UPDATE", "Other words")):
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": kind}}
        body = json.dumps({"Description": words, "Resources": {"Topic": topic}})
        cloudformation.create_change_set(
            StackName="described", ChangeSetName=kind, ChangeSetType=kind, TemplateBody=body
        )
        cloudformation.get_waiter("change_set_create_complete").wait(StackName="described", ChangeSetName=kind)
        cloudformation.execute_change_set(StackName="described", ChangeSetName=kind)
        cloudformation.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName="described")
        assert cloudformation.describe_stacks(StackName="described")["Stacks"][0]["Description"] == words
