"""Small things that stand in for an application: roles, jobs as one-line scripts, a model server, a pipeline."""

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.host import LocalCloud

BUCKET = "artifacts"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
REPOSITORY = "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
JOBS = "arn:aws:sagemaker:us-east-1:000000000000"
ROLES = "arn:aws:iam::000000000000:role"

Json = dict[str, Any]


def allow(actions: str, *resources: str) -> Json:
    return {"Effect": "Allow", "Action": actions.split(), "Resource": list(resources)}


JOB_POLICY = [
    allow("s3:GetObject s3:PutObject", f"arn:aws:s3:::{BUCKET}/*"),
    allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
    allow("ecr:GetAuthorizationToken", "*"),
    allow("ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage", REPOSITORY),
    allow("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/aws/sagemaker/*"),
]
PIPELINE_POLICY = [
    allow(
        "sagemaker:CreateProcessingJob sagemaker:DescribeProcessingJob sagemaker:AddTags", f"{JOBS}:processing-job/*"
    ),
    allow("sagemaker:CreateTrainingJob sagemaker:DescribeTrainingJob sagemaker:AddTags", f"{JOBS}:training-job/*"),
    allow("sagemaker:CreateTransformJob sagemaker:DescribeTransformJob sagemaker:AddTags", f"{JOBS}:transform-job/*"),
    allow("sagemaker:CreateModel sagemaker:AddTags", f"{JOBS}:model/*"),
    allow("sagemaker:CreateModelPackageGroup sagemaker:AddTags", f"{JOBS}:model-package-group/*"),
    allow("sagemaker:CreateModelPackage sagemaker:DescribeModelPackage", f"{JOBS}:model-package/*"),
    allow("iam:PassRole", f"{ROLES}/job"),
    allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"),
    allow("ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage", REPOSITORY),
    allow("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:*"),
]


def create_role(cloud: LocalCloud, name: str, statements: list[Json], *, trust: Json = TRUST) -> str:
    iam = cloud.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return arn


def as_role(cloud: LocalCloud, name: str, statements: list[Json], service: str) -> Any:
    """A client of a service that acts as a new role."""
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = create_role(cloud, name, statements, trust={"Version": "2012-10-17", "Statement": [anybody]})
    keys = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return cloud.session().client(
        service,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def until(done: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `done` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := done():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not done after {seconds} s")


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            packed.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


INFERENCE = """
import json, os
import sagemaker_inference.errors as errors

class InputError(errors.BaseInferenceToolkitError):
    pass

def model_fn(model_dir):
    return float(open(os.path.join(model_dir, "weight.txt")).read())

def input_fn(body, content_type):
    if content_type == "text/csv":
        return [float(line) for line in body.split()]
    data = json.loads(body)
    if not isinstance(data, list):
        reason = "must be a list" + "!" * data.get("marks", 0)
        return InputError(400, json.dumps({"errors": [{"field": "instances", "reason": reason}]}), "Bad")
    return data

def predict_fn(data, model):
    if isinstance(data, InputError):
        return data
    return [model * value for value in data]

def output_fn(prediction, accept):
    if isinstance(prediction, InputError):
        if os.environ.get("SAGEMAKER_MULTI_MODEL"):
            raise prediction
        import flask
        assert flask.has_request_context()
        return flask.Response(prediction.message, status=prediction.status_code, mimetype="application/json")
    if accept == "text/csv":
        return "\\n".join(map(str, prediction)) + "\\n"
    return json.dumps({"predictions": prediction, "version": os.environ.get("MODEL_VERSION")})
"""


SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def settled(sagemaker: Any, name: str) -> dict[str, Any]:
    """An endpoint as soon as no change of it is under way."""

    def now() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    described: dict[str, Any] = until(now)
    return described


def ask(runtime: Any, name: str, body: Any, **members: Any) -> Any:
    answer = runtime.invoke_endpoint(
        EndpointName=name, Body=json.dumps(body), **{"ContentType": "application/json", **members}
    )
    return json.loads(answer["Body"].read())


def model_archive(weight: float, inference: str = INFERENCE) -> bytes:
    return archive({"weight.txt": str(weight), "code/inference.py": inference})


def processing(
    s3: Any, script: str, *, inputs: Json | None = None, outputs: Json | None = None, **members: Any
) -> Json:
    """Arguments of a processing job that runs a Python program given as text; it finds /opt/ml in variable ML."""
    key = f"scripts/{hashlib.sha256(script.encode()).hexdigest()[:12]}.py"
    s3.put_object(Bucket=BUCKET, Key=key, Body=script.encode())
    file = f"/opt/ml/processing/code/{key.rpartition('/')[2]}"
    sources = {**(inputs or {}), "code": f"s3://{BUCKET}/{key}"}
    return {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
        },
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", file]},
        "RoleArn": f"{ROLES}/job",
        "ProcessingInputs": [_input(name, uri) for name, uri in sources.items()],
        "ProcessingOutputConfig": {"Outputs": [_output(name, uri) for name, uri in (outputs or {}).items()]},
        **members,
        "Environment": {"ML": "/opt/ml", **members.get("Environment", {})},
    }


def _input(name: str, uri: Any) -> Json:
    path = f"/opt/ml/processing/{name}"
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def _output(name: str, uri: Any) -> Json:
    target = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}


def training(*, channels: Json, source: str, **hyperparameters: str) -> Json:
    return {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:rmse", "Regex": r"validation-rmse:([0-9.]+)"}],
        },
        "RoleArn": f"{ROLES}/job",
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": source,
            **hyperparameters,
        },
    }


def step(name: str, kind: str, arguments: Json, **members: Any) -> Json:
    return {"Name": name, "Type": kind, "Arguments": arguments, **members}


def document(steps: list[Json], parameters: list[Json] | None = None) -> Json:
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters or [], "Steps": steps}


@dataclass(frozen=True)
class Ended:
    """An execution that has ended."""

    arn: str
    status: str
    steps: dict[str, Json]

    def reason(self, name: str) -> str:
        return str(self.steps[name].get("FailureReason", ""))


class Pipelines:
    """Creates pipelines, starts them and waits for their end."""

    def __init__(self, cloud: LocalCloud, role: str) -> None:
        self.client = cloud.client("sagemaker")
        self._role = role

    def create(self, name: str, steps: list[Json], parameters: list[Json] | None = None, *, role: str = "") -> None:
        definition = json.dumps(document(steps, parameters))
        self.client.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role or self._role)

    def start(self, name: str, **parameters: str) -> str:
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        return str(
            self.client.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]
        )

    def ended(self, arn: str) -> Ended:
        def status() -> str:
            found = self.client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            return found if found in ("Succeeded", "Failed", "Stopped") else ""

        reached = until(status)
        steps = self.client.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return Ended(arn, reached, {item["StepName"]: item for item in steps})

    def run(self, name: str, **parameters: str) -> Ended:
        return self.ended(self.start(name, **parameters))
