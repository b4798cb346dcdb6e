"""Processing jobs: S3 inputs in, a process, S3 outputs out."""

import json
from pathlib import Path
from typing import Any

from localcloud.sagemaker import container, images, s3io
from localcloud.sagemaker.faults import invalid, unsupported
from localcloud.sagemaker.job import Job, JobFailed, Kind
from localcloud.sagemaker.joblogs import tail_text

LOCAL_PATHS = "/opt/ml/processing"
MESSAGE_BYTES = 1024
Json = dict[str, Any]


def check(request: Json) -> None:
    if request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] != 1:
        raise unsupported("A processing job of more than one instance")
    if "ContainerEntrypoint" not in request["AppSpecification"]:
        raise unsupported("A processing job without a ContainerEntrypoint (the entrypoint of its image)")
    for item in request.get("ProcessingInputs", []):
        _check_input(item)
    for output in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" not in output:
            raise unsupported(f"Processing output {output['OutputName']} without S3Output")
        _check_path(output["S3Output"].get("LocalPath", ""), f"output {output['OutputName']}")


def _check_input(item: Json) -> None:
    name, source = item["InputName"], item.get("S3Input")
    if source is None:
        raise unsupported(f"Processing input {name} without S3Input")
    for member, wanted in (("S3DataType", "S3Prefix"), ("S3InputMode", "File"), ("S3CompressionType", "None")):
        if source.get(member, wanted) != wanted:
            raise unsupported(f"{member} {source[member]} of processing input {name}")
    _check_path(source.get("LocalPath", ""), f"input {name}")


def _check_path(path: str, what: str) -> None:
    if path != LOCAL_PATHS and not path.startswith(f"{LOCAL_PATHS}/"):
        raise invalid(f"LocalPath of processing {what} must begin with {LOCAL_PATHS}/, not '{path}'")


def run(job: Job) -> None:
    images.check_pull(job.role, job.record["AppSpecification"]["ImageUri"])
    for item in job.record.get("ProcessingInputs", []):
        job.phase("Downloading")
        source = item["S3Input"]
        s3io.download(job.role, source["S3Uri"], job.workspace.path(source["LocalPath"]))
    _write_configuration(job)
    job.phase("Processing")
    _execute(job)
    job.phase("Uploading")
    for output in job.record.get("ProcessingOutputConfig", {}).get("Outputs", []):
        _upload(job, output)


def _execute(job: Job) -> None:
    application = job.record["AppSpecification"]
    argv = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
    variables = {**job.record.get("Environment", {}), "PROCESSING_JOB_NAME": job.name, "PROCESSING_JOB_ARN": job.arn}
    result = job.execute(
        container.command(argv, job.workspace),
        env=container.environment(job.role, job.workspace, variables, isolated=_isolated(job.record)),
        cwd=job.workspace.folder,
        log=job.log_stream(),
        seconds=job.record["StoppingCondition"]["MaxRuntimeInSeconds"],
    )
    message = _exit_message(job.workspace.path("/opt/ml/output/message"))
    if message:
        job.record["ExitMessage"] = message
    if result.returncode:
        raise JobFailed(
            f"AlgorithmError: ExitMessage: {message or tail_text(result.tail)}, exit code: {result.returncode}"
        )


def _isolated(record: Json) -> bool:
    return bool(record.get("NetworkConfig", {}).get("EnableNetworkIsolation"))


def _exit_message(path: Path) -> str:
    """What the container wrote for whoever describes the job: its first kilobyte."""
    return path.read_bytes()[:MESSAGE_BYTES].decode("utf-8", errors="replace") if path.is_file() else ""


def _upload(job: Job, output: Json) -> None:
    target = output["S3Output"]
    folder = job.workspace.path(target["LocalPath"])
    if not folder.is_dir():
        raise JobFailed(
            f"ClientError: processing output {output['OutputName']}: the job wrote no folder {target['LocalPath']}"
        )
    s3io.upload(job.role, folder, target["S3Uri"])


def _write_configuration(job: Job) -> None:
    folder = job.workspace.path("/opt/ml/config")
    folder.mkdir(parents=True)
    description = {key: value for key, value in job.description().items() if not key.endswith("Time")}
    (folder / "processingjobconfig.json").write_text(json.dumps(description))
    (folder / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))


def _defaults(_request: Json) -> Json:
    return {"StoppingCondition": {"MaxRuntimeInSeconds": 86_400}}


PROCESSING = Kind("Processing", run=run, check=check, defaults=_defaults)
