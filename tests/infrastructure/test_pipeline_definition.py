"""The definition of a model's pipeline: a right request for each step, and nothing that leads nowhere."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract import Contract, load
from stacks import bundles
from stacks.pipeline_definition import OFFLINE, Code, CodeFile, Compute, PipelineInputs, Roles, definition
from tests.contracts import MODELS
from tests.infrastructure.definition_check import flatten, problems
from tests.infrastructure.templates import StackId, Template, readable
from tests.unit.lambdas.loading import load_function
from tracking.order import SEQUENCER, UPLOADED_AT
from tracking.place import Place

ROLE = "arn:aws:iam::111122223333:role/"
INPUTS = PipelineInputs(
    artifact_bucket="artifacts",
    package_group="mlops-dev-california-housing",
    job_prefix="mlops-dev-",
    approval="Approved",
    keep_function="arn:aws:lambda:eu-west-1:111122223333:function:keep",
    roles=Roles(prepare=f"{ROLE}prepare", train=f"{ROLE}train", evaluate=f"{ROLE}evaluate"),
    code=Code(
        steps=CodeFile(uri="s3://assets/steps.zip", name="steps.zip"),
        library=CodeFile(uri="s3://assets/library.zip", name="library.zip"),
        source="s3://assets/source.tar.gz",
    ),
    compute=Compute(
        image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        processing_instance="ml.m5.large",
        transform_instance="ml.m5.2xlarge",
        training_instance="ml.m5.xlarge",
        volume_gb=30,
        timeout_seconds=3600,
    ),
)


@pytest.fixture(scope="module")
def contract(contracts: dict[str, Contract]) -> Contract:
    return contracts["california_housing"]


@pytest.fixture
def document(contract: Contract) -> dict[str, Any]:
    return copy.deepcopy(definition(contract, INPUTS))


def step_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in flatten(document["Steps"]) if step["Name"] == name)


def test_every_step_is_a_right_request(document: dict[str, Any]) -> None:
    assert problems(document) == []


def test_steps_in_order(document: dict[str, Any]) -> None:
    steps = [(step["Name"], step["Type"]) for step in flatten(document["Steps"])]
    assert steps == [
        ("Prepare", "Processing"),
        ("Train", "Training"),
        ("Evaluate", "Processing"),
        ("Gate", "Condition"),
        ("Keep", "Lambda"),
        ("Approval", "Condition"),
        ("RegisterForApproval", "RegisterModel"),
        ("Register", "RegisterModel"),
        ("Unchanged", "Condition"),
        ("Reject", "Fail"),
    ]


def test_training_brings_no_metric_definitions(document: dict[str, Any]) -> None:
    """SageMaker refuses them for its own images, and sagemaker-xgboost is one."""
    specification = step_of(document, "Train")["Arguments"]["AlgorithmSpecification"]
    assert specification.keys() == {"TrainingImage", "TrainingInputMode"}


def test_jobs_have_names_of_their_environment(contract: Contract) -> None:
    """SageMaker takes the name for a prefix, of 38 characters at most, and appends ids to it."""
    longest = f"mlops-{'e' * 10}-"
    document = definition(contract, replace(INPUTS, job_prefix=longest))
    names = {
        step["Name"]: name
        for step in flatten(document["Steps"])
        for member, name in step["Arguments"].items()
        if member.endswith("JobName")
    }
    assert names == {"Prepare": f"{longest}prepare", "Train": f"{longest}train", "Evaluate": f"{longest}evaluation"}
    assert max(map(len, names.values())) <= 38


def wrong_key(document: dict[str, Any]) -> None:
    step_of(document, "Train")["Arguments"]["InstanceType"] = "ml.m5.large"


def wrong_type(document: dict[str, Any]) -> None:
    step_of(document, "Train")["Arguments"]["HyperParameters"]["rounds"] = 600


def missing_key(document: dict[str, Any]) -> None:
    del step_of(document, "Evaluate")["Arguments"]["RoleArn"]


def unknown_output(document: dict[str, Any]) -> None:
    channels = step_of(document, "Train")["Arguments"]["InputDataConfig"]
    uri = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['trian'].S3Output.S3Uri"}
    channels[0]["DataSource"]["S3DataSource"]["S3Uri"] = uri


def unknown_property_file(document: dict[str, Any]) -> None:
    step_of(document, "Evaluate")["PropertyFiles"][0]["PropertyFileName"] = "Report"


def unused_parameter(document: dict[str, Any]) -> None:
    document["Parameters"].append({"Name": "Forgotten", "Type": "String"})


@pytest.mark.parametrize("step", ["Prepare", "Train", "Evaluate"])
def test_a_step_waits_ten_days_for_a_quota(document: dict[str, Any], step: str) -> None:
    waiting = [p for p in step_of(document, step)["RetryPolicies"] if "SageMaker.RESOURCE_LIMIT" in p["ExceptionType"]]
    assert waiting == [
        {
            "ExceptionType": ["SageMaker.RESOURCE_LIMIT", "SageMaker.CAPACITY_ERROR"],
            "IntervalSeconds": 300,
            "BackoffRate": 1.0,
            "ExpireAfterMin": 14_400,
        }
    ]


def unknown_exception(document: dict[str, Any]) -> None:
    step_of(document, "Train")["RetryPolicies"][0]["ExceptionType"] = ["Step.OVERLOAD"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_key, 'Unknown parameter in input: "InstanceType"'),
        (wrong_type, "Invalid type for parameter HyperParameters.rounds"),
        (missing_key, 'Missing required parameter in input: "RoleArn"'),
        (unknown_output, "Outputs['trian'].S3Output.S3Uri: leads nowhere"),
        (unknown_property_file, "PropertyFiles.EvaluationReport: leads nowhere"),
        (unused_parameter, "parameter Forgotten is not used"),
        (unknown_exception, "unknown exception in ['Step.OVERLOAD']"),
    ],
)
def test_the_check_finds_mistakes(document: dict[str, Any], spoil: Any, message: str) -> None:
    spoil(document)
    assert message in "\n".join(problems(document))


def test_modules_are_found_where_their_files_are_put(document: dict[str, Any]) -> None:
    for name in ("Prepare", "Evaluate"):
        arguments = step_of(document, name)["Arguments"]
        places = [source["S3Input"] for source in arguments["ProcessingInputs"]]
        folders = {str(place["S3Uri"]): place["LocalPath"] for place in places}
        paths = arguments["Environment"]["PYTHONPATH"].split(":")
        assert paths == [
            f"{folders['s3://assets/steps.zip']}/steps.zip",
            f"{folders['s3://assets/library.zip']}/library.zip",
        ]
        assert (
            len(arguments["Environment"]["PYTHONPATH"].replace("steps", "h" * 64).replace("library", "h" * 64)) <= 256
        )


@pytest.mark.parametrize("name", ["Prepare", "Evaluate"])
def test_module_of_a_step_exists_and_its_folders_are_those_of_the_job(document: dict[str, Any], name: str) -> None:
    arguments = step_of(document, name)["Arguments"]
    specification = arguments["AppSpecification"]
    python, option, module = specification["ContainerEntrypoint"]
    assert (python, option) == ("python3", "-m")
    assert (bundles.PIPELINE / f"{module}.py").exists()
    given = dict(zip(*[iter(specification["ContainerArguments"])] * 2, strict=True))
    inputs = {i["S3Input"]["LocalPath"] for i in arguments["ProcessingInputs"]}
    outputs = {o["S3Output"]["LocalPath"] for o in arguments["ProcessingOutputConfig"]["Outputs"]}
    for option, value in given.items():
        if option == "--output":
            assert all(folder.startswith(value) for folder in outputs)
        elif option != "--contract-hash":
            assert value in inputs


def test_train_gets_every_hyperparameter_as_text(document: dict[str, Any], contract: Contract) -> None:
    parameters = step_of(document, "Train")["Arguments"]["HyperParameters"]
    assert parameters["sagemaker_program"] == "train.py"
    assert parameters["sagemaker_submit_directory"] == "s3://assets/source.tar.gz"
    assert parameters["rounds"] == str(contract.training.rounds)
    assert parameters["eta"] == str(contract.training.parameters["eta"])
    assert parameters["refit"] == "true"
    assert set(parameters) == {
        *("sagemaker_program", "sagemaker_submit_directory", "rounds", "early_stopping_rounds", "seed", "refit"),
        *contract.training.parameters,
    }


def test_a_refit_is_left_out_in_the_words_of_the_training_script(contract: Contract) -> None:
    document = definition(replace(contract, training=replace(contract.training, refit=False)), INPUTS)
    assert step_of(document, "Train")["Arguments"]["HyperParameters"]["refit"] == "false"


def test_nothing_asks_a_package_index(document: dict[str, Any]) -> None:
    settings = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    assert step_of(document, "Train")["Arguments"]["Environment"] == settings
    (container,) = step_of(document, "Register")["Arguments"]["InferenceSpecification"]["Containers"]
    assert settings.items() <= container["Environment"].items()
    names = ("RESOURCE_PREFIX", "STAGE", "MODEL_ROLE_ARN", "VERIFY_FUNCTION", "DEPLOYMENT_QUEUE_URL")
    shared = load_function("deploy_model", {**dict.fromkeys(names, ""), "LATE_SECONDS": "600"})
    assert settings == shared.logic.OFFLINE == OFFLINE


def test_register_says_where_the_version_comes_from(document: dict[str, Any], contract: Contract) -> None:
    arguments = step_of(document, "Register")["Arguments"]
    metadata = arguments["CustomerMetadataProperties"]
    assert metadata["run_id"] == {"Get": "Parameters.RunId"}
    assert metadata["data_set_uri"] == {"Get": "Parameters.DataSetUri"}
    assert metadata["contract_hash"] == contract.hash
    assert metadata["code_commit"] == {"Get": "Parameters.CodeCommit"}
    assert metadata["champion_version"] == {"Get": "Parameters.ChampionVersion"}
    assert metadata["registered_as"] == {"Get": "Parameters.ApprovalStatus"}
    waiting = step_of(document, "RegisterForApproval")["Arguments"]["CustomerMetadataProperties"]
    assert waiting["registered_as"] == "PendingManualApproval"
    assert metadata[UPLOADED_AT] == {"Get": "Parameters.UploadedAt"}
    assert metadata[SEQUENCER] == {"Get": "Parameters.UploadSequencer"}
    assert arguments["ModelPackageDescription"] == from_report("gate.reason")
    assert metadata["code_uri"] == INPUTS.code.source
    for name in ("metric", "metric_value", "champion_verdict", "source_version", "artifact_sha256"):
        assert metadata[name] == from_report(f"registry.{name}")
    assert metadata["evaluation_uri"] == arguments["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    folder = metadata["evaluation_uri"]["Std:Join"]["Values"][0]
    assert metadata["contract_uri"] == {"Std:Join": {"On": "/", "Values": [folder, "contract.json"]}}


def test_an_evaluation_is_where_the_execution_says(document: dict[str, Any], contract: Contract) -> None:
    """The API and the command line know it from the id of the execution alone."""
    outputs = step_of(document, "Evaluate")["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    (written,) = [item["S3Output"]["S3Uri"]["Std:Join"] for item in outputs if item["OutputName"] == "evaluation"]
    known = {"Get": "Execution.PipelineExecutionId"}
    uri = written["On"].join("abc123" if value == known else value for value in written["Values"])
    place = Place(lambda _: None, "mlops-dev-", "processed", "etl", INPUTS.artifact_bucket)
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/mlops-dev-california-housing/execution/abc123"
    assert place.evaluation_uri(contract.name, arn) == uri


def test_what_is_registered_is_the_copy_of_what_was_evaluated(document: dict[str, Any]) -> None:
    keep, register = step_of(document, "Keep"), step_of(document, "Register")["Arguments"]
    assert keep["Arguments"]["artifact"] == {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    assert keep["Arguments"]["sha256"] == from_report("registry.artifact_sha256")
    (container,) = register["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == {"Get": "Steps.Keep.OutputParameters['artifact']"}
    version = register["CustomerMetadataProperties"]["artifact_version"]
    assert version == {"Get": "Steps.Keep.OutputParameters['artifact_version']"}


def test_a_version_declares_how_it_is_used(document: dict[str, Any], contract: Contract) -> None:
    """Batches, too: transform jobs on their own instances, answered in CSV."""
    assert {
        name: value
        for name, value in step_of(document, "Register")["Arguments"]["InferenceSpecification"].items()
        if name != "Containers"
    } == {
        "SupportedContentTypes": ["application/json", "text/csv"],
        "SupportedResponseMIMETypes": ["application/json", "text/csv"],
        "SupportedRealtimeInferenceInstanceTypes": [contract.serving.instance_type],
        "SupportedTransformInstanceTypes": ["ml.m5.2xlarge"],
    }


def test_gate_registers_only_on_the_word_register(document: dict[str, Any]) -> None:
    gate = step_of(document, "Gate")["Arguments"]
    decision = from_report("gate.decision")
    assert gate["Conditions"] == [{"Type": "Equals", "LeftValue": decision, "RightValue": "register"}]
    assert [step["Name"] for step in gate["IfSteps"]] == ["Keep", "Approval"]


def test_a_version_that_nobody_compared_waits_for_a_person_in_every_stage(document: dict[str, Any]) -> None:
    approval, decision = step_of(document, "Approval")["Arguments"], from_report("gate.approval")
    assert approval["Conditions"] == [{"Type": "Equals", "LeftValue": decision, "RightValue": "person"}]
    (waiting,), (normal,) = approval["IfSteps"], approval["ElseSteps"]
    assert (waiting["Name"], normal["Name"]) == ("RegisterForApproval", "Register")
    status = [step["Arguments"].pop("ModelApprovalStatus") for step in (waiting, normal)]
    assert status == ["PendingManualApproval", {"Get": "Parameters.ApprovalStatus"}]
    told = [step["Arguments"]["CustomerMetadataProperties"].pop("registered_as") for step in (waiting, normal)]
    assert told == status
    assert waiting["Arguments"] == normal["Arguments"]


def test_an_unchanged_model_ends_the_pipeline_without_a_failure(document: dict[str, Any]) -> None:
    unchanged = step_of(document, "Unchanged")["Arguments"]
    decision = from_report("gate.decision")
    assert unchanged["Conditions"] == [{"Type": "Equals", "LeftValue": decision, "RightValue": "unchanged"}]
    assert (unchanged["IfSteps"], [step["Name"] for step in unchanged["ElseSteps"]]) == ([], ["Reject"])


def from_report(path: str) -> dict[str, Any]:
    file = {"Get": "Steps.Evaluate.PropertyFiles.EvaluationReport"}
    return {"Std:JsonGet": {"PropertyFile": file, "Path": path}}


def test_a_first_step_of_another_scope_is_not_taken_from_the_cache(document: dict[str, Any]) -> None:
    """The environment counts for a hit, and what it writes is the input of the other cached steps."""
    environment = step_of(document, "Prepare")["Arguments"]["Environment"]
    assert environment["CACHE_SCOPE"] == {"Get": "Parameters.CacheScope"}
    assert [step["Name"] for step in flatten(document["Steps"]) if "CacheConfig" in step] == ["Prepare", "Train"]
    uris = [
        channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in step_of(document, "Train")["Arguments"]["InputDataConfig"]
    ]
    assert all(uri["Get"].startswith("Steps.Prepare.ProcessingOutputConfig") for uri in uris)


def test_cached_steps_have_no_input_that_differs_between_executions(document: dict[str, Any]) -> None:
    for step in flatten(document["Steps"]):
        if "CacheConfig" in step:
            keyed = [step["Arguments"].get(key) for key in ("ProcessingInputs", "InputDataConfig", "HyperParameters")]
            assert "Execution." not in json.dumps(keyed)


@pytest.mark.parametrize("model", ["california_housing", "breast_cancer"])
@pytest.mark.parametrize(("stage", "approval"), [("dev", "Approved"), ("prod", "PendingManualApproval")])
def test_deployed_definition(templates: dict[StackId, Template], stage: str, approval: str, model: str) -> None:
    pipeline = templates[stage, "training"].of_model("AWS::SageMaker::Pipeline", model)
    document = json.loads(readable(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))
    assert problems(document) == []
    assert pipeline["PipelineName"] == f"mlops-{stage}-{model.replace('_', '-')}"
    assert step_of(document, "Register")["Arguments"]["ModelPackageGroupName"] == pipeline["PipelineName"]
    assert next(p for p in document["Parameters"] if p["Name"] == "ApprovalStatus")["DefaultValue"] == approval
    images = {
        step_of(document, "Train")["Arguments"]["AlgorithmSpecification"]["TrainingImage"],
        *(step_of(document, n)["Arguments"]["AppSpecification"]["ImageUri"] for n in ("Prepare", "Evaluate")),
        step_of(document, "Register")["Arguments"]["InferenceSpecification"]["Containers"][0]["Image"],
    }
    assert len(images) == 1
    assert images.pop().endswith(".dkr.ecr.<AWS::Region>.<AWS::URLSuffix>/sagemaker-xgboost:3.2-0")


def test_a_comment_in_the_contract_changes_no_pipeline(contract: Contract, tmp_path: Path) -> None:
    """An equal definition is an equal pipeline: no update, and the cache of its steps stays."""
    text = (MODELS / "california_housing" / "model.toml").read_text()
    (tmp_path / "model.toml").write_text(f"# Another comment.\n\n{text}\n")
    assert digest(load(tmp_path / "model.toml")) == digest(contract)


def test_a_new_parameter_changes_the_pipeline(contract: Contract) -> None:
    training = replace(contract.training, rounds=contract.training.rounds + 1)
    assert digest(replace(contract, training=training)) != digest(contract)


def digest(contract: Contract) -> str:
    return hashlib.sha256(json.dumps(definition(contract, INPUTS)).encode()).hexdigest()
