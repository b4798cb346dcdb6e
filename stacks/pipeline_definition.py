"""The SageMaker pipeline of a model as a document of schema 2020-12-01. Pure: contract and inputs in, dict out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract import Contract

SCHEMA = "2020-12-01"
CACHE_FOR = "P30D"
# /opt/ml is the folder of a job's container; the modules in the two zip files are found through PYTHONPATH.
PROCESSING = "/opt/ml/processing"
SPLITS = ("train", "validation", "test")

# Script mode installs the shipped code with pip wherever a container starts. With these it asks no package index, and
# needs no network: the code depends on nothing that the image does not have. pip reads the second one backwards.
OFFLINE: Mapping[str, str] = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}

Json = Any


@dataclass(frozen=True)
class Roles:
    """ARNs of the roles that the jobs run as."""

    prepare: str
    train: str
    evaluate: str


@dataclass(frozen=True)
class CodeFile:
    """A zip file of modules in S3. `name` is the file name that it has in the container."""

    uri: str
    name: str


@dataclass(frozen=True)
class Code:
    """`source` is the URI of the tar.gz that the training toolkit unpacks: train.py, inference.py, contract."""

    steps: CodeFile
    library: CodeFile
    source: str


@dataclass(frozen=True)
class Compute:
    """Image and instances of the jobs. `transform_instance` is that of the batches that a model predicts."""

    image: str
    processing_instance: str
    transform_instance: str
    training_instance: str
    volume_gb: int
    timeout_seconds: int
    # ARN of a KMS key for volumes and outputs, and VpcConfig of the jobs.
    key: str | None = None
    vpc: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True)
class PipelineInputs:
    """Everything that the contract does not say. Any string but `job_prefix` may be a CDK token.

    `job_prefix` is what the names of jobs start with: mlops-dev-. Without one SageMaker calls the jobs of every
    pipeline in the account pipelines-..., and no policy could tell those of two environments apart.
    """

    artifact_bucket: str
    package_group: str
    job_prefix: str
    approval: str
    # ARN of the function that keeps an artifact where nobody writes over it.
    keep_function: str
    roles: Roles
    code: Code
    compute: Compute


def get(path: str) -> Json:
    return {"Get": path}


def parameter(name: str) -> Json:
    return get(f"Parameters.{name}")


def join(separator: str, *values: Json) -> Json:
    return {"Std:Join": {"On": separator, "Values": list(values)}}


def json_get(step: str, property_file: str, path: str) -> Json:
    return {"Std:JsonGet": {"PropertyFile": get(f"Steps.{step}.PropertyFiles.{property_file}"), "Path": path}}


def output_of(step: str, name: str) -> Json:
    """S3 URI of a processing output."""
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")


def definition(contract: Contract, inputs: PipelineInputs) -> dict[str, Json]:
    """Prepare, Train, Evaluate, then Gate decides between Keep and Register, nothing (Unchanged), and Reject.

    Where nobody can tell whether a version is worse than the champion, RegisterForApproval leaves it to a person.
    """
    return {
        "Version": SCHEMA,
        "Metadata": {},
        "Parameters": [
            {"Name": "DataSetUri", "Type": "String"},
            {"Name": "RunId", "Type": "String"},
            {"Name": "ChampionUri", "Type": "String"},
            {"Name": "ChampionVersion", "Type": "String", "DefaultValue": "none"},
            {"Name": "CodeCommit", "Type": "String", "DefaultValue": "unknown"},
            # Of the data file: which of two versions is the newer. Without them a version counts from its registration.
            {"Name": "UploadedAt", "Type": "String", "DefaultValue": "unknown"},
            {"Name": "UploadSequencer", "Type": "String", "DefaultValue": "0"},
            {"Name": "CacheScope", "Type": "String", "DefaultValue": "shared"},
            {
                "Name": "ApprovalStatus",
                "Type": "String",
                "DefaultValue": inputs.approval,
                "EnumValues": ["Approved", "PendingManualApproval", "Rejected"],
            },
        ],
        "Steps": [
            _prepare(contract, inputs),
            _train(contract, inputs),
            _evaluate(contract, inputs),
            _gate(contract, inputs),
        ],
    }


def _prepare(contract: Contract, inputs: PipelineInputs) -> dict[str, Json]:
    arguments = _processing(
        contract,
        inputs,
        step="prepare",
        role=inputs.roles.prepare,
        module="training_preprocessing",
        arguments={
            "dataset": f"{PROCESSING}/dataset",
            "output": f"{PROCESSING}/output",
            "contract-hash": contract.hash,
        },
        sources={"dataset": parameter("DataSetUri")},
        outputs={name: f"{PROCESSING}/output/{name}" for name in (*SPLITS, "context")},
    )
    # Caching cannot be switched off for one execution: what counts for a hit has to differ. The next steps read what
    # this one writes, and find nothing of theirs in the cache when it runs.
    arguments["Environment"]["CACHE_SCOPE"] = parameter("CacheScope")
    return {"Name": "Prepare", "Type": "Processing", "Arguments": arguments, "CacheConfig": _cache(), **_retries()}


def _train(contract: Contract, inputs: PipelineInputs) -> dict[str, Json]:
    compute, training = inputs.compute, contract.training
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": inputs.code.source,
        "rounds": str(training.rounds),
        "early_stopping_rounds": str(training.early_stopping_rounds),
        "seed": str(training.seed),
        "refit": str(training.refit).lower(),
        **{name: str(value) for name, value in sorted(training.parameters.items())},
    }
    arguments = {
        # No MetricDefinitions: SageMaker counts this image among its own algorithms and refuses a job that brings them,
        # in script mode too.
        "AlgorithmSpecification": {"TrainingImage": compute.image, "TrainingInputMode": "File"},
        "RoleArn": inputs.roles.train,
        "InputDataConfig": [_channel(name) for name in ("train", "validation", "context")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{inputs.artifact_bucket}/{contract.name}/trained", **_key(compute)},
        "ResourceConfig": {
            "InstanceType": compute.training_instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": compute.volume_gb,
            **_key(compute, "VolumeKmsKeyId"),
        },
        **_vpc(compute),
        "StoppingCondition": {"MaxRuntimeInSeconds": compute.timeout_seconds},
        "ProfilerConfig": {"DisableProfiler": True},
        "Environment": dict(OFFLINE),
        "HyperParameters": hyperparameters,
        "TrainingJobName": f"{inputs.job_prefix}train",
    }
    return {"Name": "Train", "Type": "Training", "Arguments": arguments, "CacheConfig": _cache(), **_retries()}


def _evaluate(contract: Contract, inputs: PipelineInputs) -> dict[str, Json]:
    arguments = _processing(
        contract,
        inputs,
        step="evaluation",
        role=inputs.roles.evaluate,
        module="evaluate",
        arguments={name: f"{PROCESSING}/{name}" for name in ("model", "test", "context", "champion")}
        | {"output": f"{PROCESSING}/evaluation"},
        sources={
            "model": get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
            "test": output_of("Prepare", "test"),
            "context": output_of("Prepare", "context"),
            "champion": parameter("ChampionUri"),
        },
        outputs={"evaluation": f"{PROCESSING}/evaluation"},
    )
    report = {"PropertyFileName": "EvaluationReport", "OutputName": "evaluation", "FilePath": "evaluation.json"}
    # Not cached: every execution leaves a report of its own.
    return {"Name": "Evaluate", "Type": "Processing", "Arguments": arguments, "PropertyFiles": [report], **_retries()}


def _gate(contract: Contract, inputs: PipelineInputs) -> dict[str, Json]:
    message = join("", f"{contract.name} was not registered: ", _evaluated("gate.reason"))
    reject = {"Name": "Reject", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    # The champion once more: there is nothing to register, and nothing failed.
    unchanged = _decision("Unchanged", "gate.decision", "unchanged", then=[], otherwise=[reject])
    waiting = _register(contract, inputs, step="RegisterForApproval", approval="PendingManualApproval")
    normal = _register(contract, inputs, step="Register", approval=parameter("ApprovalStatus"))
    approval = _decision("Approval", "gate.approval", "person", then=[waiting], otherwise=[normal])
    kept = [_keep(contract, inputs), approval]
    return _decision("Gate", "gate.decision", "register", then=kept, otherwise=[unchanged])


def _decision(name: str, path: str, word: str, *, then: list[Json], otherwise: list[Json]) -> dict[str, Json]:
    arguments = {
        "Conditions": [{"Type": "Equals", "LeftValue": _evaluated(path), "RightValue": word}],
        "IfSteps": then,
        "ElseSteps": otherwise,
    }
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def _evaluated(path: str) -> Json:
    return json_get("Evaluate", "EvaluationReport", path)


def _keep(contract: Contract, inputs: PipelineInputs) -> dict[str, Json]:
    """A training job writes where it may write again: what is registered is a copy, under its digest."""
    arguments = {
        "model": contract.name,
        "run_id": parameter("RunId"),
        "artifact": get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
        "sha256": _evaluated("registry.artifact_sha256"),
    }
    outputs = [{"OutputName": name, "OutputType": "String"} for name in ("artifact", "artifact_version")]
    return {
        "Name": "Keep",
        "Type": "Lambda",
        "Arguments": arguments,
        "FunctionArn": inputs.keep_function,
        "OutputParameters": outputs,
    }


def _kept(name: str) -> Json:
    return get(f"Steps.Keep.OutputParameters['{name}']")


def _register(contract: Contract, inputs: PipelineInputs, *, step: str, approval: Json) -> dict[str, Json]:
    evaluation = join("/", output_of("Evaluate", "evaluation"), "evaluation.json")
    container = {
        "Image": inputs.compute.image,
        "ModelDataUrl": _kept("artifact"),
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            **OFFLINE,
        },
    }
    arguments = {
        "ModelPackageGroupName": inputs.package_group,
        "ModelPackageDescription": _evaluated("gate.reason"),
        "ModelApprovalStatus": approval,
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": evaluation}}},
        "CustomerMetadataProperties": {
            "run_id": parameter("RunId"),
            "contract_hash": contract.hash,
            "data_set_uri": parameter("DataSetUri"),
            "evaluation_uri": evaluation,
            "contract_uri": join("/", output_of("Evaluate", "evaluation"), "contract.json"),
            "code_commit": parameter("CodeCommit"),
            # What the gate's approval rests on: whoever deploys asks whether that is the champion still.
            "champion_version": parameter("ChampionVersion"),
            "registered_as": approval,
            "uploaded_at": parameter("UploadedAt"),
            "upload_sequencer": parameter("UploadSequencer"),
            # The name of the archive is the digest of what it holds.
            "code_uri": inputs.code.source,
            "artifact_version": _kept("artifact_version"),
            # A metadata property is a text of at most 256 characters: the evaluation has them ready.
            **{
                name: _evaluated(f"registry.{name}")
                for name in ("source_version", "metric", "metric_value", "champion_verdict", "artifact_sha256")
            },
        },
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["application/json", "text/csv"],
            # A batch is answered in CSV.
            "SupportedResponseMIMETypes": ["application/json", "text/csv"],
            "SupportedRealtimeInferenceInstanceTypes": [contract.serving.instance_type],
            "SupportedTransformInstanceTypes": [inputs.compute.transform_instance],
        },
    }
    # There is no job to lack capacity: only the API call is tried again.
    return {"Name": step, "Type": "RegisterModel", "Arguments": arguments, "RetryPolicies": [_RETRY_CALLS]}


def _processing(
    contract: Contract,
    inputs: PipelineInputs,
    *,
    step: str,
    role: str,
    module: str,
    arguments: Mapping[str, str],
    sources: Mapping[str, Json],
    outputs: Mapping[str, str],
) -> dict[str, Json]:
    """A job that runs a module of the code zip. `sources` and `outputs`: name -> S3 URI, name -> folder."""
    code, compute = inputs.code, inputs.compute
    files = {"code": code.steps, "library": code.library}
    modules = ":".join(f"{PROCESSING}/{name}/{file.name}" for name, file in files.items())
    sources = {**sources, **{name: file.uri for name, file in files.items()}}
    root = f"s3://{inputs.artifact_bucket}/{contract.name}"
    return {
        "ProcessingJobName": f"{inputs.job_prefix}{step}",
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": compute.processing_instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": compute.volume_gb,
                **_key(compute, "VolumeKmsKeyId"),
            }
        },
        "AppSpecification": {
            "ImageUri": compute.image,
            "ContainerEntrypoint": ["python3", "-m", module],
            "ContainerArguments": [text for name, value in arguments.items() for text in (f"--{name}", value)],
        },
        "Environment": {"PYTHONPATH": modules},
        "RoleArn": role,
        "ProcessingInputs": [_input(name, uri) for name, uri in sources.items()],
        "ProcessingOutputConfig": {
            "Outputs": [_output(name, folder, root=root, step=step) for name, folder in outputs.items()],
            **_key(compute),
        },
        # SageMaker copies inputs and outputs itself; the code has no business on a network.
        "NetworkConfig": {"EnableNetworkIsolation": True, **_vpc(compute)},
        "StoppingCondition": {"MaxRuntimeInSeconds": compute.timeout_seconds},
    }


def _key(compute: Compute, member: str = "KmsKeyId") -> dict[str, Json]:
    return {member: compute.key} if compute.key else {}


def _vpc(compute: Compute) -> dict[str, Json]:
    return {"VpcConfig": dict(compute.vpc)} if compute.vpc else {}


def _input(name: str, uri: Json) -> dict[str, Json]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{PROCESSING}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _output(name: str, folder: str, *, root: str, step: str) -> dict[str, Json]:
    target = [root, get("Execution.PipelineExecutionId"), step]
    if name != step:
        target.append(name)
    return {
        "OutputName": name,
        "AppManaged": False,
        "S3Output": {"S3Uri": join("/", *target), "LocalPath": folder, "S3UploadMode": "EndOfJob"},
    }


def _channel(name: str) -> dict[str, Json]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": output_of("Prepare", name),
        "S3DataDistributionType": "FullyReplicated",
    }
    content = "application/json" if name == "context" else "application/x-parquet"
    return {"ChannelName": name, "ContentType": content, "DataSource": {"S3DataSource": source}}


def _cache() -> dict[str, Json]:
    return {"Enabled": True, "ExpireAfter": CACHE_FOR}


def _retry(exceptions: Sequence[str], interval: int) -> dict[str, Json]:
    return {
        "ExceptionType": list(exceptions),
        "IntervalSeconds": interval,
        "BackoffRate": 2.0,
        "MaxAttempts": 3,
    }


_RETRY_CALLS = _retry(["Step.SERVICE_FAULT", "Step.THROTTLING"], 5)
_RETRY_JOBS = _retry(["SageMaker.JOB_INTERNAL_ERROR"], 60)
# A quota that is used up, or instances that AWS has not, are no failure: a step asks again every five minutes, for the
# ten days that SageMaker lets it.
_WAIT_FOR_ROOM: dict[str, Json] = {
    "ExceptionType": ["SageMaker.RESOURCE_LIMIT", "SageMaker.CAPACITY_ERROR"],
    "IntervalSeconds": 300,
    "BackoffRate": 1.0,
    "ExpireAfterMin": 14_400,
}


def _retries() -> dict[str, Json]:
    return {"RetryPolicies": [_RETRY_CALLS, _RETRY_JOBS, _WAIT_FOR_ROOM]}
