"""What the steps of a pipeline do, each as the pipeline's role: its permissions are checked call by call."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import platform
from localcloud.sagemaker import conditions, jobs, models, registry, shapes
from localcloud.sagemaker.job import Job
from localcloud.sagemaker.naming import arn, name_of
from localcloud.sagemaker.processing import PROCESSING
from localcloud.sagemaker.s3io import PRINCIPAL
from localcloud.sagemaker.stepcalls import RETRIED_CODES, RETRIED_REASONS, Call, StepFailed, StepStopped
from localcloud.sagemaker.steptypes import STEP_TYPES
from localcloud.sagemaker.training import TRAINING
from localcloud.sagemaker.transform import TRANSFORM

Json = dict[str, Any]
KINDS = {kind.name: kind for kind in (PROCESSING, TRAINING, TRANSFORM)}


def run_job(call: Call) -> None:
    """Processing, Training and Transform steps: create the job, wait for it, show its description."""
    kind, name = KINDS[call.step["Type"]], call.new_name()
    key, job_arn = f"{kind.name}Job", arn(kind.resource, name)
    request = {**call.arguments, f"{key}Name": name, "Tags": _tags(call)}
    passed = [("iam:PassRole", request["RoleArn"])] if "RoleArn" in request else []

    def create() -> Job:
        shapes.check_request(f"Create{key}", request)
        return jobs.create(kind, request)

    # Pipelines tag what they create: AWS asks for AddTags within the create call.
    job: Job = call.invoke(
        f"Create{key}", create, (f"sagemaker:Create{key}", job_arn), ("sagemaker:AddTags", job_arn), *passed
    )
    call.shown.metadata[key] = {"Arn": job_arn}
    call.execution.change_step(call.shown, "Executing")
    if call.execution.stopping.is_set():
        job.stop()
    job.finished.wait()
    call.invoke(f"Describe{key}", lambda: None, (f"sagemaker:Describe{key}", job_arn))
    call.shown.attributes.update(job.description())
    _require_success(call, job)


def _require_success(call: Call, job: Job) -> None:
    if job.status == "Completed":
        return
    if job.status == "Stopped" and call.execution.stopping.is_set():
        raise StepStopped
    ended = f"ClientError: Job {job.name} ended Stopped: {job.record.get('SecondaryStatus', 'its time ran out')}"
    reason = job.record.get("FailureReason", ended)
    raise StepFailed(reason, RETRIED_REASONS.get(reason.partition(":")[0]))


def _tags(call: Call) -> list[dict[str, str]]:
    own = {"sagemaker:pipeline-execution-arn": call.execution.arn, "sagemaker:pipeline-step-name": call.shown.name}
    return [*call.arguments.get("Tags", []), *({"Key": key, "Value": value} for key, value in own.items())]


def create_model(call: Call) -> None:
    name = call.new_name()
    request = {**call.arguments, "ModelName": name, "Tags": _tags(call)}
    model_arn, role = arn("model", name), request.get("ExecutionRoleArn")
    passed = [("iam:PassRole", role)] if role else []

    def create() -> None:
        shapes.check_request("CreateModel", request)
        models.create(request)

    call.invoke("CreateModel", create, ("sagemaker:CreateModel", model_arn), ("sagemaker:AddTags", model_arn), *passed)
    call.shown.metadata["Model"] = {"Arn": model_arn}
    call.shown.attributes.update(models.describe({"ModelName": name}))


def register_model(call: Call) -> None:
    """A version in the group, which is created when it is not there: AWS calls CreateModelPackageGroup in any case."""
    request = {"MetadataProperties": {"GeneratedBy": call.execution.arn}, **call.arguments}
    group = name_of(request.get("ModelPackageGroupName", ""))
    if group:
        group_arn = arn("model-package-group", group)
        permissions = [(f"sagemaker:{action}", group_arn) for action in ("CreateModelPackageGroup", "AddTags")]
        call.invoke("CreateModelPackageGroup", lambda: _ensure_group(group), *permissions)
    package = f"{group}/{registry.next_version(group)}" if group else str(request.get("ModelPackageName"))

    def create() -> str:
        shapes.check_request("CreateModelPackage", request)
        for container in request.get("InferenceSpecification", {}).get("Containers", []):
            models.check_access(call.execution.role, container["Image"], container.get("ModelDataUrl", ""))
        return str(registry.create_package(request)["ModelPackageArn"])

    package_arn = call.invoke(
        "CreateModelPackage", create, ("sagemaker:CreateModelPackage", arn("model-package", package))
    )
    call.shown.metadata["RegisterModel"] = {"Arn": package_arn}
    described = call.invoke(
        "DescribeModelPackage",
        lambda: registry.describe_package({"ModelPackageName": package_arn}),
        ("sagemaker:DescribeModelPackage", package_arn),
    )
    call.shown.attributes.update(described)


def _ensure_group(name: str) -> None:
    try:
        registry.create_group({"ModelPackageGroupName": name})
    except platform.OperationError:
        registry.group(name)  # it exists, which is what was wanted


def invoke_lambda(call: Call) -> None:
    """Arguments are the event; the declared OutputParameters are read from what the function returns."""
    function = call.step["FunctionArn"]
    session = platform.role_session(
        call.execution.role, f"sagemaker-pipeline-{call.execution.id}"[:64], service=PRINCIPAL
    )
    try:
        client: Any = platform.client(session, "lambda")
        answer = client.invoke(FunctionName=function, Payload=json.dumps(call.arguments).encode())
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else "ServiceException"
        raise StepFailed(
            f"ClientError: Failed to invoke lambda:InvokeFunction. Error Details: {error}", RETRIED_CODES.get(code)
        ) from error
    text = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise StepFailed(f"ClientError: Lambda function {function} failed ({answer['FunctionError']}): {text}")
    outputs = _lambda_outputs(call, json.loads(text or "null"))
    shown = [{"Name": name, "Value": str(value)} for name, value in outputs.items()]
    call.shown.metadata["Lambda"] = {"Arn": function, "OutputParameters": shown}
    call.shown.attributes["OutputParameters"] = outputs


def _lambda_outputs(call: Call, returned: Any) -> Json:
    names = [output["OutputName"] for output in call.step.get("OutputParameters", ())]
    without = [name for name in names if not isinstance(returned, dict) or name not in returned]
    if without:
        raise StepFailed(f"ClientError: Lambda function {call.step['FunctionArn']} returned no {', '.join(without)}")
    return {name: returned[name] for name in names}


def decide(call: Call) -> None:
    """A Condition step: all of its conditions must hold."""
    try:
        outcome = all(conditions.holds(condition) for condition in call.arguments["Conditions"])
    except conditions.ConditionFault as fault:
        raise StepFailed(f"ClientError: {fault}") from fault
    call.shown.metadata["Condition"] = {"Outcome": str(outcome)}
    call.shown.attributes["Outcome"] = str(outcome)


def fail(call: Call) -> None:
    message = str(call.arguments["ErrorMessage"])
    call.shown.metadata["Fail"] = {"ErrorMessage": message}
    raise StepFailed(message)


EXECUTORS: Mapping[str, Callable[[Call], None]] = {
    **dict.fromkeys(KINDS, run_job),
    "Model": create_model,
    "RegisterModel": register_model,
    "Lambda": invoke_lambda,
    "Condition": decide,
    "Fail": fail,
}
assert EXECUTORS.keys() == STEP_TYPES.keys()
