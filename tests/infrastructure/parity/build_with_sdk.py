"""The same pipeline as the SageMaker SDK (v2) defines it: a JSON of facts on stdin, the definition on stdout.

Runs in an environment of its own that holds the SDK and nothing of this project, without credentials and network.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"

import boto3
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.network import NetworkConfig
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionEquals
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.pipeline_definition_config import PipelineDefinitionConfig
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep

FACTS: dict[str, Any] = json.load(sys.stdin)
PROCESSING = "/opt/ml/processing"

session = PipelineSession(
    boto_session=boto3.Session("none", "none", region_name="eu-west-1"), default_bucket=FACTS["artifact_bucket"]
)
data_set = ParameterString("DataSetUri")
run_id = ParameterString("RunId")
champion = ParameterString("ChampionUri")
commit = ParameterString("CodeCommit", default_value="unknown")
champion_version = ParameterString("ChampionVersion", default_value="none")
uploaded_at = ParameterString("UploadedAt", default_value="unknown")
sequencer = ParameterString("UploadSequencer", default_value="0")
cache_scope = ParameterString("CacheScope", default_value="shared")
approval = ParameterString(
    "ApprovalStatus", default_value=FACTS["approval"], enum_values=["Approved", "PendingManualApproval", "Rejected"]
)
cache = CacheConfig(enable_caching=True, expire_after="P30D")
retry_calls = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=5,
    backoff_rate=2.0,
    max_attempts=3,
)
retry_jobs = SageMakerJobStepRetryPolicy(
    exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR],
    interval_seconds=60,
    backoff_rate=2.0,
    max_attempts=3,
)
wait_for_room = SageMakerJobStepRetryPolicy(
    exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT, SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
    interval_seconds=300,
    backoff_rate=1.0,
    expire_after_mins=14400,
)


def processor(role: str, module: str, *, step: str, env: dict[str, Any] | None = None) -> Processor:
    paths = [f"{PROCESSING}/code/{FACTS['steps_name']}", f"{PROCESSING}/library/{FACTS['library_name']}"]
    return Processor(
        role=role,
        base_job_name=f"{FACTS['job_prefix']}{step}",
        image_uri=FACTS["image"],
        instance_count=1,
        instance_type=FACTS["processing_instance"],
        entrypoint=["python3", "-m", module],
        volume_size_in_gb=FACTS["volume_gb"],
        max_runtime_in_seconds=FACTS["timeout_seconds"],
        env={"PYTHONPATH": ":".join(paths), **(env or {})},
        network_config=NetworkConfig(enable_network_isolation=True),
        sagemaker_session=session,
    )


def source(name: str, uri: Any) -> ProcessingInput:
    return ProcessingInput(source=uri, destination=f"{PROCESSING}/{name}", input_name=name)


def output(name: str, folder: str, *path: str) -> ProcessingOutput:
    root = f"s3://{FACTS['artifact_bucket']}/{FACTS['model']}"
    target = Join("/", [root, ExecutionVariables.PIPELINE_EXECUTION_ID, *path])
    return ProcessingOutput(output_name=name, source=folder, destination=target)


code = [source("code", FACTS["steps_uri"]), source("library", FACTS["library_uri"])]
prepare = ProcessingStep(
    "Prepare",
    step_args=processor(
        FACTS["prepare_role"], "training_preprocessing", step="prepare", env={"CACHE_SCOPE": cache_scope}
    ).run(
        inputs=[source("dataset", data_set), *code],
        outputs=[
            output(name, f"{PROCESSING}/output/{name}", "prepare", name)
            for name in ("train", "validation", "test", "context")
        ],
        arguments=[
            *("--dataset", f"{PROCESSING}/dataset"),
            *("--output", f"{PROCESSING}/output"),
            *("--contract-hash", FACTS["contract_hash"]),
        ],
    ),
    cache_config=cache,
    retry_policies=[retry_calls, retry_jobs, wait_for_room],
)
prepared = prepare.properties.ProcessingOutputConfig.Outputs

estimator = Estimator(
    base_job_name=f"{FACTS['job_prefix']}train",
    image_uri=FACTS["image"],
    role=FACTS["train_role"],
    instance_count=1,
    instance_type=FACTS["training_instance"],
    volume_size=FACTS["volume_gb"],
    max_run=FACTS["timeout_seconds"],
    output_path=f"s3://{FACTS['artifact_bucket']}/{FACTS['model']}/trained",
    hyperparameters=FACTS["hyperparameters"],
    environment=FACTS["offline"],
    disable_profiler=True,
    debugger_hook_config=False,
    sagemaker_session=session,
)
types = {
    "train": "application/x-parquet",
    "validation": "application/x-parquet",
    "context": "application/json",
}
train = TrainingStep(
    "Train",
    step_args=estimator.fit(
        {name: TrainingInput(s3_data=prepared[name].S3Output.S3Uri, content_type=kind) for name, kind in types.items()}
    ),
    cache_config=cache,
    retry_policies=[retry_calls, retry_jobs, wait_for_room],
)
artifacts = train.properties.ModelArtifacts.S3ModelArtifacts

report = PropertyFile("EvaluationReport", output_name="evaluation", path="evaluation.json")
evaluate = ProcessingStep(
    "Evaluate",
    step_args=processor(FACTS["evaluate_role"], "evaluate", step="evaluation").run(
        inputs=[
            source("model", artifacts),
            source("test", prepared["test"].S3Output.S3Uri),
            source("context", prepared["context"].S3Output.S3Uri),
            source("champion", champion),
            *code,
        ],
        outputs=[output("evaluation", f"{PROCESSING}/evaluation", "evaluation")],
        arguments=[
            *("--model", f"{PROCESSING}/model"),
            *("--test", f"{PROCESSING}/test"),
            *("--context", f"{PROCESSING}/context"),
            *("--champion", f"{PROCESSING}/champion"),
            *("--output", f"{PROCESSING}/evaluation"),
        ],
    ),
    property_files=[report],
    retry_policies=[retry_calls, retry_jobs, wait_for_room],
)
evaluated = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
evaluation = Join("/", [evaluated, "evaluation.json"])


def from_report(path: str) -> JsonGet:
    return JsonGet(step_name=evaluate.name, property_file=report, json_path=path)


keep = LambdaStep(
    "Keep",
    lambda_func=Lambda(function_arn=FACTS["keep_function"], session=session),
    inputs={
        "model": FACTS["model"],
        "run_id": run_id,
        "artifact": artifacts,
        "sha256": from_report("registry.artifact_sha256"),
    },
    outputs=[LambdaOutput(name, LambdaOutputTypeEnum.String) for name in ("artifact", "artifact_version")],
)
model = Model(
    image_uri=FACTS["image"],
    model_data=keep.properties.Outputs["artifact"],
    role=FACTS["train_role"],
    env={
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        **FACTS["offline"],
    },
    sagemaker_session=session,
)


def register(step: str, status: Any) -> ModelStep:
    return ModelStep(
        step,
        step_args=model.register(
            content_types=["application/json", "text/csv"],
            response_types=["application/json", "text/csv"],
            inference_instances=[FACTS["serving_instance"]],
            transform_instances=[FACTS["transform_instance"]],
            model_package_group_name=FACTS["package_group"],
            approval_status=status,
            customer_metadata_properties={
                "run_id": run_id,
                "contract_hash": FACTS["contract_hash"],
                "data_set_uri": data_set,
                "evaluation_uri": evaluation,
                "contract_uri": Join("/", [evaluated, "contract.json"]),
                "code_commit": commit,
                "champion_version": champion_version,
                "registered_as": status,
                "uploaded_at": uploaded_at,
                "upload_sequencer": sequencer,
                "code_uri": FACTS["code_uri"],
                "artifact_version": keep.properties.Outputs["artifact_version"],
                **{
                    name: from_report(f"registry.{name}")
                    for name in ("source_version", "metric", "metric_value", "champion_verdict", "artifact_sha256")
                },
            },
            description=from_report("gate.reason"),
            model_metrics=ModelMetrics(
                model_statistics=MetricsSource(s3_uri=evaluation, content_type="application/json")
            ),
        ),
        retry_policies=[retry_calls],
    )


reject = FailStep(
    "Reject", error_message=Join("", [f"{FACTS['model']} was not registered: ", from_report("gate.reason")])
)
unchanged = ConditionStep(
    "Unchanged",
    conditions=[ConditionEquals(from_report("gate.decision"), "unchanged")],
    if_steps=[],
    else_steps=[reject],
)
how = ConditionStep(
    "Approval",
    conditions=[ConditionEquals(from_report("gate.approval"), "person")],
    if_steps=[register("RegisterForApproval", "PendingManualApproval")],
    else_steps=[register("Register", approval)],
)
gate = ConditionStep(
    "Gate",
    conditions=[ConditionEquals(from_report("gate.decision"), "register")],
    if_steps=[keep, how],
    else_steps=[unchanged],
)
pipeline = Pipeline(
    FACTS["package_group"],
    parameters=[data_set, run_id, champion, champion_version, commit, uploaded_at, sequencer, cache_scope, approval],
    steps=[prepare, train, evaluate, gate],
    pipeline_experiment_config=None,
    # Names of jobs start with what the steps have for one.
    pipeline_definition_config=PipelineDefinitionConfig(use_custom_job_prefix=True),
    sagemaker_session=session,
)
sys.stdout.write(pipeline.definition())
