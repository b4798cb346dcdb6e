"""Executions of pipelines: order, branches, permissions, cache, retries, stop, and the operations around them."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.sagemaker.support import (
    BUCKET,
    IMAGE,
    PIPELINE_POLICY,
    ROLES,
    Pipelines,
    archive,
    create_role,
    document,
    processing,
    step,
    training,
    until,
)

PREPARE = """
import os, pathlib
target = pathlib.Path(os.environ["ML"], "processing/rows"); target.mkdir(parents=True)
(target / "rows.txt").write_text("5")
"""
TRAIN = """
import os, pathlib
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.txt").read_text()
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(rows)
print("validation-rmse:0.5")
"""
EVALUATE = """
import json, os, pathlib
ml = pathlib.Path(os.environ["ML"], "processing")
assert [p.name for p in (ml / "model").iterdir()] == ["model.tar.gz"]
(ml / "report").mkdir()
rmse = float(os.environ["RMSE"])
report = {"gate": {"decision": "register" if rmse < 3 else "reject", "reason": f"rmse is {rmse}"}}
(ml / "report" / "evaluation.json").write_text(json.dumps(report))
"""
ROWS = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['rows'].S3Output.S3Uri"}
MODEL = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
CACHE = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
PARAMETERS = [
    {"Name": "Rmse", "Type": "String", "DefaultValue": "1.5"},
    {"Name": "Approval", "Type": "String", "DefaultValue": "PendingManualApproval"},
]


def report(path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": path}}


def run_folder(name: str) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}/runs", {"Get": "Execution.PipelineExecutionId"}, name]}}


def whole(s3: Any) -> list[dict[str, Any]]:
    """Prepare -> Train -> Evaluate -> Gate -> Register or Reject."""
    s3.put_object(Bucket=BUCKET, Key="code/train.tar.gz", Body=archive({"train.py": TRAIN}))
    container = {"Image": IMAGE, "ModelDataUrl": MODEL, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    register = {
        "ModelPackageGroupName": "housing",
        "ModelApprovalStatus": {"Get": "Parameters.Approval"},
        "CustomerMetadataProperties": {"rmse": {"Get": "Parameters.Rmse"}},
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }
    gate = {
        "Conditions": [{"Type": "Equals", "LeftValue": report("gate.decision"), "RightValue": "register"}],
        "IfSteps": [step("Register", "RegisterModel", register)],
        "ElseSteps": [step("Reject", "Fail", {"ErrorMessage": report("gate.reason")})],
    }
    evaluate = processing(
        s3,
        EVALUATE,
        inputs={"model": MODEL},
        outputs={"report": run_folder("report")},
        Environment={"RMSE": {"Get": "Parameters.Rmse"}},
    )
    files = [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "evaluation.json"}]
    return [
        step("Prepare", "Processing", processing(s3, PREPARE, outputs={"rows": run_folder("rows")}), **CACHE),
        step(
            "Train", "Training", training(channels={"train": ROWS}, source=f"s3://{BUCKET}/code/train.tar.gz"), **CACHE
        ),
        step("Evaluate", "Processing", evaluate, PropertyFiles=files),
        step("Gate", "Condition", gate),
    ]


@pytest.fixture(scope="module")
def housing(pipelines: Pipelines, s3: Any) -> Any:
    """The first execution of the whole pipeline."""
    pipelines.create("housing", whole(s3), PARAMETERS)
    return pipelines.run("housing")


def test_a_pipeline_registers_a_good_model(housing: Any, sagemaker: Any, s3: Any) -> None:
    assert housing.status == "Succeeded", housing
    assert {name: item["StepStatus"] for name, item in housing.steps.items()} == dict.fromkeys(
        ["Prepare", "Train", "Evaluate", "Gate", "Register"], "Succeeded"
    )
    execution_id = housing.arn.rpartition("/")[2]
    job_arn = housing.steps["Train"]["Metadata"]["TrainingJob"]["Arn"]
    assert f"training-job/pipelines-{execution_id}-Train-" in job_arn
    assert housing.steps["Gate"]["Metadata"]["Condition"]["Outcome"] == "True"
    package = sagemaker.describe_model_package(
        ModelPackageName=housing.steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert (package["ModelPackageVersion"], package["ModelApprovalStatus"]) == (1, "PendingManualApproval")
    assert package["CustomerMetadataProperties"] == {"rmse": "1.5"}
    assert package["MetadataProperties"] == {"GeneratedBy": housing.arn}
    artifact = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert artifact == f"s3://{BUCKET}/models/{job_arn.rpartition('/')[2]}/output/model.tar.gz"
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=job_arn)["Tags"]}
    assert tags["sagemaker:pipeline-step-name"] == "Train"


def test_unchanged_steps_are_taken_from_the_cache_and_a_bad_model_is_rejected(
    housing: Any, pipelines: Pipelines
) -> None:
    run = pipelines.run("housing", Rmse="7.5")
    assert run.status == "Failed"
    for name in ("Prepare", "Train"):
        assert run.steps[name]["CacheHitResult"] == {"SourcePipelineExecutionArn": housing.arn}
        assert run.steps[name]["Metadata"] == housing.steps[name]["Metadata"]
    assert "CacheHitResult" not in run.steps["Evaluate"]
    assert run.steps["Reject"]["StepStatus"] == "Failed"
    assert run.reason("Reject") == "rmse is 7.5"
    assert "Register" not in run.steps
    described = pipelines.client.describe_pipeline_execution(PipelineExecutionArn=run.arn)
    assert described["FailureReason"] == "Step failure: One or multiple steps failed."


def test_the_events_of_an_execution(bus: Any, housing: Any, pipelines: Pipelines) -> None:
    arn = pipelines.start("housing", Approval="Approved")
    assert pipelines.ended(arn).status == "Succeeded"
    statuses = bus.details(
        "SageMaker Model Building Pipeline Execution Status Change", wanted=2, pipelineExecutionArn=arn
    )
    assert [detail["currentPipelineExecutionStatus"] for detail in statuses] == ["Executing", "Succeeded"]
    assert statuses[1]["previousPipelineExecutionStatus"] == "Executing"
    assert statuses[1]["executionEndTime"].endswith("Z")
    kind = "SageMaker Model Building Pipeline Execution Step Status Change"
    # By status: what follows at once may arrive first.
    steps = bus.details(kind, wanted=3, pipelineExecutionArn=arn, stepName="Evaluate")
    evaluated = {detail["currentStepStatus"]: detail for detail in steps}
    assert (len(steps), evaluated.keys()) == (3, {"Starting", "Executing", "Succeeded"})
    assert "/pipelines-" in evaluated["Succeeded"]["metadata"]["processingJob"]["arn"]
    steps = bus.details(kind, wanted=2, pipelineExecutionArn=arn, stepName="Train")
    trained = {detail["currentStepStatus"]: detail for detail in steps}
    assert (len(steps), trained.keys()) == (2, {"Starting", "Succeeded"})
    assert trained["Succeeded"]["cacheHitResult"] == {"sourcePipelineExecutionArn": housing.arn}
    approved = {"ModelPackageGroupName": "housing", "ModelApprovalStatus": "Approved"}
    package = bus.details("SageMaker Model Package State Change", wanted=1, **approved)[0]
    assert package["ModelPackageStatus"] == "Completed"
    assert package["ModelPackageArn"].endswith(f"/housing/{package['ModelPackageVersion']}")
    job = bus.details("SageMaker Processing Job State Change", wanted=1, ProcessingJobStatus="Completed")[0]
    assert job["ProcessingEndTime"] > 1_600_000_000_000, "milliseconds"


@pytest.mark.parametrize(
    ("action", "resource", "failing"),
    [
        ("sagemaker:CreateProcessingJob", "processing-job/pipelines-", "Prepare"),
        ("sagemaker:AddTags", "processing-job/pipelines-", "Prepare"),
        ("iam:PassRole", f"{ROLES}/job", "Prepare"),
        ("s3:GetObject", "arn:aws:s3:::artifacts/runs/", "Gate"),
        ("sagemaker:CreateModelPackageGroup", "model-package-group/housing", "Register"),
        ("sagemaker:CreateModelPackage", "model-package/housing/", "Register"),
    ],
)
def test_a_missing_grant_fails_its_step_and_is_named(
    cloud: Any, pipelines: Pipelines, s3: Any, action: str, resource: str, failing: str
) -> None:
    name = "no-" + action.replace(":", "-")
    statements = [{**item, "Action": [a for a in item["Action"] if a != action]} for item in PIPELINE_POLICY]
    role = create_role(cloud, name, [item for item in statements if item["Action"]])
    pipelines.create(name, whole(s3), PARAMETERS, role=role)
    run = pipelines.run(name)
    assert run.status == "Failed"
    assert [item for item, shown in run.steps.items() if shown["StepStatus"] == "Failed"] == [failing]
    for part in (f"assumed-role/{name}/", f"not authorized to perform: {action} on resource: ", resource):
        assert part in run.reason(failing)
    cloud.reset_calls()


def test_a_failing_job_fails_its_step_with_the_end_of_its_log(pipelines: Pipelines, s3: Any) -> None:
    pipelines.create("broken", [step("Break", "Processing", processing(s3, "raise KeyError('price')"))])
    run = pipelines.run("broken")
    assert run.reason("Break").endswith("KeyError: 'price', exit code: 1")


def test_independent_steps_run_in_parallel_and_dependent_ones_in_order(pipelines: Pipelines, s3: Any) -> None:
    sleep = processing(s3, "import time; time.sleep(0.6)")
    steps = [step(name, "Processing", sleep) for name in ("A", "B")]
    steps.append(step("C", "Processing", processing(s3, "pass"), DependsOn=["A", "B"]))
    pipelines.create("parallel", steps)
    run = pipelines.run("parallel")
    assert run.steps["A"]["StartTime"] < run.steps["B"]["EndTime"]
    assert run.steps["B"]["StartTime"] < run.steps["A"]["EndTime"]
    assert run.steps["C"]["StartTime"] >= max(run.steps[name]["EndTime"] for name in "AB")


def test_the_same_token_starts_one_execution(pipelines: Pipelines) -> None:
    pipelines.create("once", [step("End", "Fail", {"ErrorMessage": "end"})])

    def start(token: str) -> str:
        return pipelines.client.start_pipeline_execution(PipelineName="once", ClientRequestToken=token)[
            "PipelineExecutionArn"
        ]

    first = start("t" * 32)
    assert (start("t" * 32), start("u" * 32) != first) == (first, True)
    assert len(pipelines.client.list_pipeline_executions(PipelineName="once")["PipelineExecutionSummaries"]) == 2


def test_an_execution_can_be_stopped_and_retried(pipelines: Pipelines, s3: Any, tmp_path: Path) -> None:
    wait = "import os, pathlib, time; time.sleep(0 if pathlib.Path(os.environ['FLAG']).exists() else 30)"
    flag = tmp_path / "flag"
    arguments = processing(s3, wait, Environment={"FLAG": str(flag)})
    pipelines.create(
        "stopped",
        [
            step("First", "Processing", processing(s3, "pass")),
            step("Wait", "Processing", arguments, DependsOn=["First"]),
        ],
    )
    arn = pipelines.start("stopped")
    listed = pipelines.client.list_pipeline_execution_steps
    until(
        lambda: any(
            item["StepName"] == "Wait" and item["StepStatus"] == "Executing"
            for item in listed(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        )
    )
    pipelines.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    stopped = pipelines.ended(arn)
    assert (stopped.status, stopped.steps["Wait"]["StepStatus"]) == ("Stopped", "Stopped")
    flag.touch()
    pipelines.client.retry_pipeline_execution(PipelineExecutionArn=arn)
    again = pipelines.ended(arn)
    assert again.status == "Succeeded"
    assert again.steps["First"]["StartTime"] == stopped.steps["First"]["StartTime"]


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("handler.py", source)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def champion(cloud: Any) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = create_role(cloud, "function", [], trust=trust)
    code = "def handler(event, context):\n    return {'rmse': event['base'] * 2}\n"
    function = cloud.client("lambda").create_function(
        FunctionName="champion",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role,
        Code={"ZipFile": zipped(code)},
    )
    return str(function["FunctionArn"])


def lambda_steps(function: str, **members: Any) -> list[dict[str, Any]]:
    outputs = [{"OutputName": "rmse", "OutputType": "Float"}]
    rmse = {"Get": "Steps.Champion.OutputParameters['rmse']"}
    conditions = [{"Type": "GreaterThan", "LeftValue": rmse, "RightValue": 5}]
    fail = step("TooBad", "Fail", {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["rmse is", rmse]}}})
    return [
        step("Champion", "Lambda", {"base": 4}, FunctionArn=function, OutputParameters=outputs, **members),
        step("Compare", "Condition", {"Conditions": conditions, "IfSteps": [fail], "ElseSteps": []}),
    ]


def test_a_lambda_step_gives_its_outputs_to_a_condition(pipelines: Pipelines, champion: str) -> None:
    pipelines.create("lambda", lambda_steps(champion))
    run = pipelines.run("lambda")
    assert run.steps["Champion"]["Metadata"]["Lambda"]["OutputParameters"] == [{"Name": "rmse", "Value": "8"}]
    assert run.reason("TooBad") == "rmse is 8"


def test_a_lambda_that_may_not_be_invoked_is_named(cloud: Any, pipelines: Pipelines, champion: str) -> None:
    role = create_role(cloud, "no-invoke", [])
    pipelines.create("no-invoke", lambda_steps(champion), role=role)
    reason = pipelines.run("no-invoke").reason("Champion")
    for part in ("assumed-role/no-invoke/", "lambda:InvokeFunction", champion):
        assert part in reason


def test_a_throttled_call_is_tried_again(cloud: Any, pipelines: Pipelines, champion: str) -> None:
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 20, "BackoffRate": 1.0, "MaxAttempts": 50}
    pipelines.create("throttled", lambda_steps(champion, RetryPolicies=[policy]))
    function = cloud.client("lambda")
    function.put_function_concurrency(FunctionName="champion", ReservedConcurrentExecutions=0)
    arn = pipelines.start("throttled")
    listed = pipelines.client.list_pipeline_execution_steps
    until(lambda: any(item["AttemptCount"] > 1 for item in listed(PipelineExecutionArn=arn)["PipelineExecutionSteps"]))
    function.delete_function_concurrency(FunctionName="champion")
    assert pipelines.ended(arn).steps["Champion"]["StepStatus"] == "Succeeded"


def test_a_definition_is_checked_when_a_pipeline_is_created(sagemaker: Any, roles: dict[str, str]) -> None:
    body = json.dumps(document([step("Call", "Lambda", {})]))
    with pytest.raises(ClientError, match=r"ValidationException.*step Call: FunctionArn is missing"):
        sagemaker.create_pipeline(PipelineName="bad", PipelineDefinition=body, RoleArn=roles["pipeline"])


def test_pipelines_and_executions_are_described_and_listed(sagemaker: Any, housing: Any, pipelines: Pipelines) -> None:
    pipeline = sagemaker.describe_pipeline(PipelineName="housing")
    assert pipeline["PipelineStatus"] == "Active" and json.loads(pipeline["PipelineDefinition"])["Steps"]
    assert "housing" in [item["PipelineName"] for item in sagemaker.list_pipelines()["PipelineSummaries"]]
    executions = sagemaker.list_pipeline_executions(PipelineName="housing", SortOrder="Ascending")
    assert executions["PipelineExecutionSummaries"][0]["PipelineExecutionArn"] == housing.arn
    started = pipelines.start("housing", Rmse="9")
    parameters = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=started)
    assert parameters["PipelineParameters"] == [{"Name": "Rmse", "Value": "9"}]
    definition = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=housing.arn)
    assert definition["PipelineDefinition"] == pipeline["PipelineDefinition"]


def test_a_pipeline_that_is_not_there(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match=r"ResourceNotFound.*pipeline/nobody' does not exist"):
        sagemaker.start_pipeline_execution(PipelineName="nobody")
