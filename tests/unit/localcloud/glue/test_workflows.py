"""Workflow runs in the running local cloud: jobs as processes, conditional jobs, failures, limits."""

import json
from typing import Any

import pytest

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import StackError, allow, deploy, get, log_lines, role, until, zipped

SCRIPT = """
import sys
import boto3
import helper
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession, functions as F

options = getResolvedOptions(sys.argv, ["JOB_NAME", "WORKFLOW_NAME", "WORKFLOW_RUN_ID", "bucket", "factor"])
names = {"Name": options["WORKFLOW_NAME"], "RunId": options["WORKFLOW_RUN_ID"]}
properties = boto3.client("glue").get_workflow_run_properties(**names)["RunProperties"]
s3 = boto3.client("s3")
body = s3.get_object(Bucket=options["bucket"], Key=properties["key"])["Body"].read().decode()
spark = SparkSession.builder.getOrCreate()
frame = spark.createDataFrame([(int(line),) for line in body.split()], ["n"])
total = frame.withColumn("m", F.col("n") * int(options["factor"])).agg(F.sum("m")).collect()[0][0]
s3.put_object(Bucket=options["bucket"], Key="out/total", Body=helper.text(total, options["JOB_NAME"]).encode())
print("total", total, options["JOB_RUN_ID"])
print("working in", __file__, file=sys.stderr)
"""
SECOND = """
import boto3, sys
from awsglue.utils import getResolvedOptions
bucket = getResolvedOptions(sys.argv, ["bucket"])["bucket"]
boto3.client("s3").put_object(Bucket=bucket, Key="out/second", Body=b"ran")
print("done")
"""
FAILING = """
class Refused(Exception):
    pass

def check(row):
    raise Refused(f"row {row} is no number")

check(7)
"""
WRITING = """
import boto3
boto3.client("s3").put_object(Bucket="glue-data", Key="elsewhere/x", Body=b"")
"""
SLOW = "import time\ntime.sleep(60)\n"
FLAKY = """
import sys
raise ValueError("attempt of " + sys.argv[sys.argv.index("--JOB_RUN_ID") + 1][-9:])
"""
SCRIPTS = {
    "sum": SCRIPT,
    "second": SECOND,
    "failing": FAILING,
    "writing": WRITING,
    "slow": SLOW,
    "flaky": FLAKY,
    "never": SECOND,
    "muted": SECOND,
    "secret": SECOND,
    "apart": SECOND,
    "older": SECOND,
    "hidden": SECOND,
    "unassociated": SECOND,
}
BUCKET = "glue-data"
GLUE_LOGS = "arn:aws:logs:*:*:log-group:/aws-glue/*"
OWN_GROUPS = {
    "--extra-py-files": f"s3://{BUCKET}/code/modules.zip",
    "--bucket": BUCKET,
    "--custom-logGroup-prefix": "/aws-glue/of-an-environment",
}


def job(name: str, *, role_id: str = "Role", command: str = "pythonshell", **properties: Any) -> dict[str, Any]:
    own = {
        "Name": name,
        "Role": get(role_id),
        "GlueVersion": "5.1",
        "Command": {"Name": command, "PythonVersion": "3", "ScriptLocation": f"s3://{BUCKET}/code/{name}.py"},
        "DefaultArguments": {"--extra-py-files": f"s3://{BUCKET}/code/modules.zip", "--bucket": BUCKET},
    }
    return {"Type": "AWS::Glue::Job", "DependsOn": "Bucket", "Properties": own | properties}


def workflow(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Glue::Workflow", "Properties": {"Name": name, **properties}}


def starting(workflow_id: str, *actions: dict[str, Any]) -> dict[str, Any]:
    properties = {"Type": "ON_DEMAND", "WorkflowName": {"Ref": workflow_id}, "Actions": list(actions)}
    return {"Type": "AWS::Glue::Trigger", "Properties": properties}


def after(workflow_id: str, job_id: str, state: str, next_id: str, **properties: Any) -> dict[str, Any]:
    condition = {"LogicalOperator": "EQUALS", "JobName": {"Ref": job_id}, "State": state}
    own = {
        "Type": "CONDITIONAL",
        "StartOnCreation": True,
        "WorkflowName": {"Ref": workflow_id},
        "Predicate": {"Conditions": [condition]},
        "Actions": [{"JobName": {"Ref": next_id}}],
    }
    return {"Type": "AWS::Glue::Trigger", "Properties": own | properties}


def resources() -> dict[str, Any]:
    objects = f"arn:aws:s3:::{BUCKET}"
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:*:*:/aws-glue/*")
    code = allow("s3:GetObject", f"{objects}/code/*")
    own = allow("glue:GetWorkflowRunProperties", "arn:aws:glue:us-east-1:000000000000:workflow/etl")
    data = allow("s3:GetObject", f"{objects}/in/*")
    out = allow("s3:PutObject", f"{objects}/out/*")
    return {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
        "Role": role("glue", logs, code, own, data, out, name="etl"),
        "Blind": role("glue", logs, name="blind"),
        "Mute": role("glue", code, out, name="mute"),
        "Keeper": role("glue", logs, code, out, allow("logs:AssociateKmsKey", GLUE_LOGS), name="keeper"),
        "Strange": role("lambda", logs, code, name="strange"),
        "Sum": job("sum", command="glueetl"),
        "Second": job("second"),
        "Never": job("never"),
        "Apart": job("apart", DefaultArguments=OWN_GROUPS),
        "Older": job("older", DefaultArguments=OWN_GROUPS, GlueVersion="4.0"),
        "Hidden": job("hidden", role_id="Keeper", DefaultArguments=OWN_GROUPS, SecurityConfiguration="secret"),
        "Failing": job("failing", command="glueetl"),
        "Writing": job("writing"),
        "Slow": job("slow", ExecutionProperty={"MaxConcurrentRuns": 2}, Timeout=60),
        "Flaky": job("flaky", MaxRetries=1),
        "Blinded": job("blinded", role_id="Blind"),
        "Muted": job("muted", role_id="Mute"),
        "Key": {
            "Type": "AWS::Glue::SecurityConfiguration",
            "Properties": {
                "Name": "secret",
                "EncryptionConfiguration": {
                    "CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": "arn:aws:kms:::key/k"}
                },
            },
        },
        "Secret": job("secret", role_id="Keeper", SecurityConfiguration={"Ref": "Key"}),
        "Unassociated": job("unassociated", SecurityConfiguration={"Ref": "Key"}),
        "Untrusted": job("untrusted", role_id="Strange"),
        "Etl": workflow("etl", MaxConcurrentRuns=3, DefaultRunProperties={"key": "in/none", "kept": "yes"}),
        "Start": starting("Etl", {"JobName": {"Ref": "Sum"}, "Arguments": {"--factor": "10"}}),
        "Then": after("Etl", "Sum", "SUCCEEDED", "Second"),
        "Otherwise": after("Etl", "Sum", "FAILED", "Never"),
        "Waiting": workflow("waiting", MaxConcurrentRuns=1),
        "StartWaiting": starting("Waiting", {"JobName": {"Ref": "Slow"}}),
        "Empty": workflow("empty"),
    }


@pytest.fixture(scope="module")
def glue(cloud: LocalCloud):
    deploy(cloud, "etl", resources())
    s3 = cloud.client("s3")
    for name, script in SCRIPTS.items():
        s3.put_object(Bucket=BUCKET, Key=f"code/{name}.py", Body=script.encode())
    modules = zipped(helper="def text(total, job): return f'{job}: {total}'\n")
    s3.put_object(Bucket=BUCKET, Key="code/modules.zip", Body=modules)
    s3.put_object(Bucket=BUCKET, Key="in/numbers", Body=b"1\n2\n3\n")
    return cloud.client("glue")


def run_workflow(glue, name: str, **properties: str) -> dict[str, Any]:
    run_id = glue.start_workflow_run(Name=name, RunProperties=properties)["RunId"]

    def ended() -> dict[str, Any] | None:
        run = glue.get_workflow_run(Name=name, RunId=run_id, IncludeGraph=True)["Run"]
        return run if run["Status"] not in ("RUNNING", "STOPPING") else None

    run = until(ended, seconds=20)
    assert run, "the run did not end"
    return run


def run_job(glue, name: str) -> dict[str, Any]:
    run_id = glue.start_job_run(JobName=name)["JobRunId"]

    def ended() -> dict[str, Any] | None:
        run = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return run if run["JobRunState"] not in ("STARTING", "RUNNING", "STOPPING") else None

    run = until(ended, seconds=20)
    assert run, "the run did not end"
    return run


def nodes(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["Name"]: node for node in run["Graph"]["Nodes"]}


@pytest.fixture(scope="module")
def finished(glue) -> dict[str, Any]:
    return run_workflow(glue, "etl", key="in/numbers", model="m")


def test_a_workflow_runs_its_job_as_the_role_with_its_run_properties(cloud, finished):
    total = cloud.client("s3").get_object(Bucket=BUCKET, Key="out/total")["Body"].read()

    assert total == b"sum: 60"
    assert finished["WorkflowRunProperties"] == {"key": "in/numbers", "kept": "yes", "model": "m"}
    assert cloud.calls()["roles"]["etl"]["actions"]["glue:GetWorkflowRunProperties"] >= 1


def test_a_conditional_job_follows_and_the_other_branch_does_not_run(cloud, finished):
    second = cloud.client("s3").get_object(Bucket=BUCKET, Key="out/second")["Body"].read()

    assert second == b"ran"
    assert finished["Status"] == "COMPLETED"
    expected = {"TotalActions": 3, "SucceededActions": 2, "FailedActions": 0, "RunningActions": 0, "TimeoutActions": 0}
    assert finished["Statistics"] == expected | {"StoppedActions": 0, "ErroredActions": 0, "WaitingActions": 0}
    assert nodes(finished)["never"]["JobDetails"]["JobRuns"] == []
    [second_run] = nodes(finished)["second"]["JobDetails"]["JobRuns"]
    assert (second_run["JobRunState"], second_run["Attempt"], second_run["GlueVersion"]) == ("SUCCEEDED", 0, "5.1")


def test_the_graph_connects_triggers_and_jobs(finished):
    by_id = {node["UniqueId"]: node["Name"] for node in finished["Graph"]["Nodes"]}
    edges = {(by_id[edge["SourceId"]], by_id[edge["DestinationId"]]) for edge in finished["Graph"]["Edges"]}
    names = {
        node["Name"]: node["TriggerDetails"]["Trigger"]["Type"]
        for node in finished["Graph"]["Nodes"]
        if node["Type"] == "TRIGGER"
    }
    [start] = [name for name, kind in names.items() if kind == "ON_DEMAND"]

    assert (start, "sum") in edges
    assert {target for source, target in edges if source == "sum"} == {name for name in names if name != start}


def test_output_and_errors_of_a_job_are_in_its_log_streams(cloud, finished):
    [run] = nodes(finished)["sum"]["JobDetails"]["JobRuns"]

    assert log_lines(cloud, "/aws-glue/jobs/output", stream=run["Id"]) == [f"total 60 {run['Id']}"]
    [line] = log_lines(cloud, "/aws-glue/jobs/error", stream=run["Id"])
    assert line.startswith("working in") and line.endswith("sum.py")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("apart", "/aws-glue/of-an-environment"),
        ("hidden", "/aws-glue/of-an-environment/secret-role/keeper"),
        # An argument that this version of Glue does not know.
        ("older", "/aws-glue/jobs"),
    ],
)
def test_a_job_may_choose_what_its_log_groups_start_with(cloud, glue, name, group):
    run = run_job(glue, name)

    assert run["LogGroupName"] == group
    assert log_lines(cloud, f"{group}/output", stream=run["Id"]) == ["done"]


def test_encrypted_logs_have_groups_that_name_configuration_and_role(cloud, glue):
    run = run_job(glue, "secret")

    base = "/aws-glue/jobs/secret-role/keeper"
    assert (run["SecurityConfiguration"], run["LogGroupName"]) == ("secret", base)
    assert log_lines(cloud, f"{base}/output", stream=run["Id"]) == ["done"]
    assert log_lines(cloud, "/aws-glue/jobs/output", stream=run["Id"]) == []


def test_a_role_that_may_not_give_a_group_its_key_writes_no_logs(cloud, glue):
    run = run_job(glue, "unassociated")

    assert run["JobRunState"] == "SUCCEEDED"
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=run["LogGroupName"])["logGroups"]
    assert groups == []


def test_the_last_run_is_shown_with_its_workflow(glue, finished):
    assert glue.get_workflow(Name="etl")["Workflow"]["LastRun"]["WorkflowRunId"] == finished["WorkflowRunId"]
    assert [run["WorkflowRunId"] for run in glue.get_workflow_runs(Name="etl")["Runs"]] == [finished["WorkflowRunId"]]


def test_run_properties_can_be_added(glue, finished):
    names = {"Name": "etl", "RunId": finished["WorkflowRunId"]}
    glue.put_workflow_run_properties(**names, RunProperties={"model": "n"})

    properties = glue.get_workflow_run_properties(**names)["RunProperties"]
    assert properties == {"key": "in/numbers", "kept": "yes", "model": "n"}


def test_a_failed_job_says_what_its_script_raised(cloud, glue):
    run = run_job(glue, "failing")

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "Refused: row 7 is no number"
    trace = [line for line in log_lines(cloud, "/aws-glue/jobs/error") if "failing.py" in line]
    assert [line.partition(" in ")[2] for line in trace] == ["<module>", "check"]


def test_a_denied_call_of_the_script_names_role_action_and_resource(glue):
    run = run_job(glue, "writing")

    assert run["ErrorMessage"].endswith(
        "User: arn:aws:sts::000000000000:assumed-role/etl/GlueJobRunnerSession is not authorized to perform: "
        "s3:PutObject on resource: arn:aws:s3:::glue-data/elsewhere/x "
        "because no identity-based policy allows the s3:PutObject action"
    )


def test_a_role_that_may_not_read_the_script_fails_the_job(glue):
    run = run_job(glue, "blinded")

    assert run["JobRunState"] == "FAILED"
    assert "assumed-role/blind/GlueJobRunnerSession is not authorized to perform: s3:GetObject" in run["ErrorMessage"]
    assert "arn:aws:s3:::glue-data/code/blinded.py" in run["ErrorMessage"]


def test_a_role_that_does_not_trust_glue_fails_the_job(glue):
    assert "its trust policy does not allow it" in run_job(glue, "untrusted")["ErrorMessage"]


def test_a_role_without_permissions_for_logs_runs_without_them(cloud, glue):
    run = run_job(glue, "muted")

    assert run["JobRunState"] == "SUCCEEDED"
    denied = [one["action"] for one in cloud.calls()["denied"] if one["role"] == "mute"]
    assert denied == ["logs:CreateLogGroup"]


def test_a_failed_job_is_attempted_again(glue):
    first = run_job(glue, "flaky")
    again = until(lambda: [run for run in glue.get_job_runs(JobName="flaky")["JobRuns"] if run["Attempt"] == 1][:1])
    until(lambda: glue.get_job_run(JobName="flaky", RunId=again[0]["Id"])["JobRun"]["JobRunState"] == "FAILED")
    second = glue.get_job_run(JobName="flaky", RunId=again[0]["Id"])["JobRun"]

    assert second["Id"] == f"{first['Id']}_attempt_1"
    assert second["PreviousRunId"] == first["Id"]
    assert second["ErrorMessage"] == "ValueError: attempt of attempt_1"


def test_a_failed_job_fires_the_branch_of_failure_and_the_run_still_completes(glue, cloud):
    run = run_workflow(glue, "etl", key="in/missing")

    assert run["Status"] == "COMPLETED"
    assert (run["Statistics"]["FailedActions"], run["Statistics"]["SucceededActions"]) == (1, 1)
    assert nodes(run)["second"]["JobDetails"]["JobRuns"] == []


def test_a_workflow_at_its_limit_refuses_and_a_stopped_run_makes_room(glue):
    run_id = glue.start_workflow_run(Name="waiting")["RunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_workflow_run(Name="waiting")

    def look() -> dict[str, Any]:
        return glue.get_workflow_run(Name="waiting", RunId=run_id)["Run"]

    until(lambda: look()["Statistics"]["RunningActions"])
    glue.stop_workflow_run(Name="waiting", RunId=run_id)

    assert until(lambda: look()["Status"] == "STOPPED")
    assert look()["Statistics"]["StoppedActions"] == 1
    second = glue.start_workflow_run(Name="waiting")["RunId"]
    glue.stop_workflow_run(Name="waiting", RunId=second)
    assert until(lambda: glue.get_workflow_run(Name="waiting", RunId=second)["Run"]["Status"] == "STOPPED")


def test_a_job_at_its_limit_refuses(glue):
    started = [glue.start_job_run(JobName="slow")["JobRunId"] for _ in range(2)]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException, match="slow"):
        glue.start_job_run(JobName="slow")
    stopped = glue.batch_stop_job_run(JobName="slow", JobRunIds=started)

    assert [one["JobRunId"] for one in stopped["SuccessfulSubmissions"]] == started
    runs = [lambda one=one: glue.get_job_run(JobName="slow", RunId=one)["JobRun"] for one in started]
    assert until(lambda: {look()["JobRunState"] for look in runs} == {"STOPPED"})


def test_a_workflow_that_nothing_starts_refuses(glue):
    with pytest.raises(glue.exceptions.ClientError, match="no trigger that starts it"):
        glue.start_workflow_run(Name="empty")


def test_requests_are_validated(glue):
    with pytest.raises(glue.exceptions.ClientError, match="Value 'Tiny' at 'WorkerType' failed"):
        glue.start_job_run(JobName="sum", WorkerType="Tiny")


def test_a_state_change_event_is_sent_when_a_job_ends(cloud, glue):
    deploy(
        cloud,
        "watch",
        {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [{"Ref": "Queue"}],
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "sqs:SendMessage",
                                "Principal": {"Service": "events.amazonaws.com"},
                                "Resource": get("Queue"),
                            }
                        ]
                    },
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"]},
                    "Targets": [{"Id": "queue", "Arn": get("Queue")}],
                },
            },
        },
    )
    run = run_job(glue, "failing")
    sqs = cloud.client("sqs")
    url = sqs.list_queues(QueueNamePrefix="watch")["QueueUrls"][0]
    [message] = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []))

    assert json.loads(message["Body"])["detail"] == {
        "jobName": "failing",
        "severity": "ERROR",
        "state": "FAILED",
        "jobRunId": run["Id"],
        "message": "Refused: row 7 is no number",
    }


def test_job_properties_are_kept(glue):
    slow = glue.get_job(JobName="slow")["Job"]

    assert (slow["ExecutionProperty"], slow["Timeout"]) == ({"MaxConcurrentRuns": 2}, 60)


def test_a_workflow_can_be_changed_and_deleted(cloud, glue):
    deploy(cloud, "etl", {**resources(), "Empty": workflow("empty", MaxConcurrentRuns=4, Description="changed")})
    changed = glue.get_workflow(Name="empty")["Workflow"]
    assert (changed["MaxConcurrentRuns"], changed["Description"]) == (4, "changed")

    without = resources()
    del without["Empty"]
    deploy(cloud, "etl", without)
    assert "empty" not in glue.list_workflows()["Workflows"]


def test_a_trigger_of_a_workflow_that_does_not_exist_fails_the_stack(cloud, glue):
    lost = {"Type": "AWS::Glue::Trigger", "Properties": {"Type": "ON_DEMAND", "WorkflowName": "gone", "Actions": []}}

    with pytest.raises(StackError, match="Entity not found: workflow gone"):
        deploy(cloud, "lost", {"Trigger": lost})


def test_a_security_configuration_is_kept_and_its_name_is_taken(cloud, glue):
    def security(mode: str) -> dict[str, Any]:
        encryption = {"S3Encryptions": [{"S3EncryptionMode": mode}]}
        properties = {"Name": "sealed", "EncryptionConfiguration": encryption}
        return {"Security": {"Type": "AWS::Glue::SecurityConfiguration", "Properties": properties}}

    deploy(cloud, "security", security("SSE-S3"))
    kept = glue.get_security_configuration(Name="sealed")["SecurityConfiguration"]
    assert kept["EncryptionConfiguration"] == {"S3Encryption": [{"S3EncryptionMode": "SSE-S3"}]}
    with pytest.raises(StackError, match="AlreadyExistsException"):
        deploy(cloud, "security", security("DISABLED"))
    cloud.client("cloudformation").delete_stack(StackName="security")
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName="security")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_security_configuration(Name="sealed")
