"""Definitions of pipelines: what is refused when one is created, and what its references stand for."""

import json
from typing import Any

import pytest

from localcloud.errors import OperationError
from localcloud.sagemaker import conditions, definition, durations, graph, retries
from localcloud.sagemaker.naming import step_resource_name
from localcloud.sagemaker.parameters import declared, values
from localcloud.sagemaker.references import ReferenceFault, Scope, parse_path, resolve
from tests.unit.localcloud.sagemaker.support import IMAGE, ROLES, document, step, training

OUTPUT = "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"
RUN_ID = {"Name": "RunId", "Type": "String"}


def prepare(**members: Any) -> dict[str, Any]:
    output = {
        "S3Uri": {"Get": "Parameters.Target"},
        "LocalPath": "/opt/ml/processing/train",
        "S3UploadMode": "EndOfJob",
    }
    arguments = {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
        },
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3"]},
        "RoleArn": f"{ROLES}/job",
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": output}]},
    }
    report = {"PropertyFileName": "Report", "OutputName": "train", "FilePath": "report.json"}
    return {**step("Prepare", "Processing", arguments), "PropertyFiles": [report], **members}


def train(source: Any = None) -> dict[str, Any]:
    return step("Train", "Training", training(channels={"train": source or {"Get": OUTPUT}}, source="s3://b/c.tar.gz"))


def gate(**condition: Any) -> dict[str, Any]:
    report = {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "metrics.rmse"}
    default = {"Type": "LessThan", "LeftValue": {"Std:JsonGet": report}, "RightValue": 5}
    fail = step(
        "Reject", "Fail", {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["rmse", {"Std:JsonGet": report}]}}}
    )
    return step("Gate", "Condition", {"Conditions": [condition or default], "IfSteps": [], "ElseSteps": [fail]})


PARAMETERS = [RUN_ID, {"Name": "Target", "Type": "String", "DefaultValue": "s3://bucket/target"}]


def problems(*steps: dict[str, Any]) -> list[str]:
    return definition.problems(document(list(steps), PARAMETERS))


def test_a_right_definition_has_no_problems() -> None:
    assert problems(prepare(), train(), gate()) == []


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([prepare(Name="a b")], "step 0: Name must match"),
        ([prepare(), prepare()], "two steps are named Prepare"),
        ([prepare(Type="Tuning")], "step Prepare: type Tuning is not implemented by the local SageMaker"),
        ([prepare(Type="Prozess")], "step Prepare: unknown type Prozess"),
        ([prepare(Cache={})], "step Prepare: unknown key Cache"),
        ([prepare(DependsOn=["Nobody"])], "step Prepare: DependsOn names no step: Nobody"),
        ([prepare(DependsOn=["Prepare"])], "steps wait for each other: Prepare"),
        ([prepare(CacheConfig={"Enabled": True, "ExpireAfter": "soon"})], "'soon' is not a duration"),
        ([prepare(RetryPolicies=[{"ExceptionType": ["Step.OOPS"]}])], "unknown ExceptionType Step.OOPS"),
        ([prepare(), train({"Get": "Parameters.Nope"})], "Parameters.Nope: there is no parameter Nope"),
        ([prepare(), train({"Get": "Execution.Nope"})], "there is no execution variable Nope"),
        ([prepare(), train({"Get": "Steps.Nope.RoleArn"})], "there is no step Nope"),
        ([prepare(), train({"Get": OUTPUT.replace("'train'", "'test'")})], "Outputs has no ['test']"),
        ([prepare(), train({"Get": "Steps.Prepare.ModelArtifacts"})], "DescribeProcessingJob has no .ModelArtifacts"),
        ([prepare(), train({"Get": "Steps.Prepare[*]"})], "cannot be read at position 13"),
        ([prepare(), train({"Get": "Steps.Prepare.PropertyFiles.Nope"})], "has no such property file, only [Report]"),
        ([prepare(), gate(Type="Contains", LeftValue=1, RightValue=1)], "Conditions[0]: Type must be one of Equals"),
        ([prepare(), gate(Type="Equals", LeftValue=1)], "Equals takes exactly LeftValue, RightValue"),
        ([step("Stop", "Fail", {"Message": "x"})], "Arguments must be exactly an ErrorMessage"),
        ([step("Call", "Lambda", {}, OutputParameters=[])], "FunctionArn is missing"),
    ],
)
def test_a_wrong_definition_is_refused_with_the_place(steps: list[dict[str, Any]], expected: str) -> None:
    assert expected in "; ".join(problems(*steps))


def test_arguments_are_checked_against_the_request_of_their_operation() -> None:
    wrong = prepare()
    wrong["Arguments"]["Bogus"] = 1
    del wrong["Arguments"]["RoleArn"]
    wrong["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = {"Get": "Parameters.RunId"}
    text = "; ".join(problems(wrong))
    assert 'Unknown parameter in input: "Bogus"' in text
    assert 'Missing required parameter in input: "RoleArn"' in text
    assert "ClusterConfig.InstanceCount" in text, "a string parameter is no number"


def test_the_default_of_a_parameter_is_checked_where_it_is_used() -> None:
    parameters = [RUN_ID, {"Name": "Target", "Type": "String", "DefaultValue": "no-uri"}]
    assert any("S3Uri" in text for text in definition.problems(document([prepare()], parameters)))


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(
        OperationError, match=r"2 problem\(s\): unknown key Nodes; Version must be 2020-12-01"
    ) as caught:
        definition.parse(json.dumps({**document([prepare()], PARAMETERS), "Version": "1", "Nodes": []}))
    assert caught.value.code == "ValidationException"


def test_steps_wait_for_what_they_refer_to_and_for_their_condition() -> None:
    found = {node.name: node for node in graph.nodes([prepare(), train(), gate()])}
    assert found["Train"].needs == {"Prepare"}
    assert found["Gate"].needs == {"Prepare"}
    assert found["Reject"].gate == graph.Gate("Gate", False)


def scope(**members: Any) -> Scope:
    attributes = {
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}}]},
        "OutputParameters": {"a.b": 4},
    }
    defaults = {
        "parameters": {"RunId": "r1", "Rows": 3, "Fast": True},
        "execution": {"PipelineExecutionId": "e1"},
        "attributes": lambda name: {"Prepare": attributes}[name],
        "property_file_uri": lambda step, name: f"s3://b/{step}/{name}",
        "read_json": lambda uri: {"s3://b/Prepare/Report": {"metrics": {"r m": [{"value": 1.5}]}}}[uri],
    }
    return Scope(**{**defaults, **members})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [{"Get": "Parameters.RunId"}, 1]}, {"a": ["r1", 1]}),
        ({"Get": "Execution.PipelineExecutionId"}, "e1"),
        ({"Get": OUTPUT}, "s3://b/train"),
        ({"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs[0].OutputName"}, "train"),
        ({"Get": "Steps.Prepare.OutputParameters['a.b']"}, 4),
        (
            {"Std:Join": {"On": "/", "Values": ["x", {"Get": "Parameters.Rows"}, {"Get": "Parameters.Fast"}]}},
            "x/3/true",
        ),
        (
            {
                "Std:JsonGet": {
                    "PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"},
                    "Path": "metrics['r m'][0].value",
                }
            },
            1.5,
        ),
    ],
)
def test_references_resolve(value: Any, expected: Any) -> None:
    assert resolve(value, scope()) == expected


def test_a_reference_without_a_value_says_where_it_ended() -> None:
    with pytest.raises(ReferenceFault, match=r"step Prepare.ProcessingOutputConfig.Outputs has no \['test'\]"):
        resolve({"Get": OUTPUT.replace("'train'", "'test'")}, scope())
    with pytest.raises(ReferenceFault, match=r"s3://b/Prepare/Report has no .gate"):
        report = {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "gate.decision"}
        resolve({"Std:JsonGet": report}, scope())


@pytest.mark.parametrize("text", ["Train.RoleArn", "Steps", "Parameters['x']", 7])
def test_a_path_that_means_nothing(text: Any) -> None:
    with pytest.raises(ReferenceFault):
        parse_path(text)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Type": "Equals", "LeftValue": "a", "RightValue": "a"}, True),
        ({"Type": "Equals", "LeftValue": 1, "RightValue": 1.0}, True),
        ({"Type": "GreaterThan", "LeftValue": 2, "RightValue": 2}, False),
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": 2, "RightValue": 2}, True),
        ({"Type": "LessThan", "LeftValue": 1.5, "RightValue": 2}, True),
        ({"Type": "LessThanOrEqualTo", "LeftValue": 3, "RightValue": 2}, False),
        ({"Type": "In", "QueryValue": "b", "Values": ["a", "b"]}, True),
        ({"Type": "Not", "Expression": {"Type": "Equals", "LeftValue": 1, "RightValue": 1}}, False),
        (
            {
                "Type": "Or",
                "Conditions": [
                    {"Type": "Equals", "LeftValue": 1, "RightValue": 2},
                    {"Type": "In", "QueryValue": 1, "Values": [1]},
                ],
            },
            True,
        ),
    ],
)
def test_conditions(condition: dict[str, Any], expected: bool) -> None:
    assert conditions.problems(condition, "c") == []
    assert conditions.holds(condition) is expected


def test_values_of_different_types_are_not_compared() -> None:
    with pytest.raises(conditions.ConditionFault, match="their types differ"):
        conditions.holds({"Type": "LessThan", "LeftValue": "4", "RightValue": 5})


def test_parameters_of_an_execution() -> None:
    known, wrong = declared(
        [
            RUN_ID,
            {"Name": "Rounds", "Type": "Integer", "DefaultValue": 10},
            {"Name": "Approval", "Type": "String", "DefaultValue": "Approved", "EnumValues": ["Approved", "Rejected"]},
        ]
    )
    assert wrong == []
    assert values(known, [{"Name": "RunId", "Value": "r"}, {"Name": "Rounds", "Value": "7"}]) == {
        "RunId": "r",
        "Rounds": 7,
        "Approval": "Approved",
    }
    for given, message in (
        ({}, "Parameters [RunId] do not have default values"),
        ({"RunId": "r", "Other": "1"}, "Undefined parameters [Other]"),
        ({"RunId": "r", "Rounds": "many"}, "Invalid value 'many' for parameter Rounds"),
        ({"RunId": "r", "Approval": "Maybe"}, "one of ['Approved', 'Rejected']"),
    ):
        with pytest.raises(OperationError) as caught:
            values(known, [{"Name": name, "Value": value} for name, value in given.items()])
        assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "seconds"), [("P30D", 2_592_000), ("30d", 2_592_000), ("T16m", 960), ("30dT5h", 2_610_000), ("PT1H", 3600)]
)
def test_durations(text: str, seconds: int) -> None:
    assert durations.seconds(text) == seconds


def test_retry_intervals_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALCLOUD_TIME_SCALE", "1")
    entry = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 2, "BackoffRate": 3.0, "MaxAttempts": 2}
    known = retries.policies({"RetryPolicies": [entry]})
    assert [retries.next_wait(known, "Step.THROTTLING") for _ in range(3)] == [2.0, 6.0, None]
    assert retries.next_wait(known, "SageMaker.CAPACITY_ERROR") is None
    assert retries.next_wait(known, None) is None


def test_job_names_are_made_as_aws_makes_them() -> None:
    name = step_resource_name("4r83jejmhorv", "Train_The_Model_Of_This_Long_Name_Again")
    start, _, suffix = name.rpartition("-")
    assert start == "pipelines-4r83jejmhorv-Train-The-Model-Of-This-Long"
    assert len(suffix) == 10 and len(name) <= 63


def test_a_name_among_the_arguments_is_the_prefix_of_the_jobs_name() -> None:
    longest = "p" * 38
    for prefix in ("mlops-dev-train", longest):
        start, _, suffix = step_resource_name("4r83jejmhorv", "Train", prefix).rpartition("-")
        assert start == f"{prefix}-4r83jejmhorv"
        assert len(suffix) == 10 and len(f"{start}-{suffix}") <= 63
