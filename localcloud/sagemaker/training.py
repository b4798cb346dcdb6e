"""Training jobs in script mode: code and channels in, a process, model.tar.gz out."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.process import LogSink
from localcloud.sagemaker import archives, container, images, s3io, scriptmode
from localcloud.sagemaker.faults import unsupported
from localcloud.sagemaker.job import Job, JobFailed, JobStopped, Kind
from localcloud.sagemaker.joblogs import tail_text
from localcloud.sagemaker.naming import now

Json = dict[str, Any]


@dataclass
class Metrics:
    """Passes log lines on and keeps the last value of each metric that a regular expression finds in them."""

    definitions: Sequence[Json]
    log: LogSink
    values: dict[str, Json] = field(default_factory=dict)

    def __call__(self, lines: Sequence[str]) -> None:
        for definition in self.definitions:
            for line in lines:
                if match := re.search(definition["Regex"], line):
                    self._keep(definition["Name"], match[1])
        self.log(lines)

    def _keep(self, name: str, text: str) -> None:
        try:
            self.values[name] = {"MetricName": name, "Value": float(text), "Timestamp": now()}
        except ValueError:
            return  # AWS ignores what is no number


def check(request: Json) -> None:
    if request.get("ResourceConfig", {}).get("InstanceCount", 1) != 1:
        raise unsupported("A training job of more than one instance")
    specification = request.get("AlgorithmSpecification", {})
    if "TrainingImage" not in specification:
        raise unsupported("A training job without a TrainingImage")
    settings = request.get("HyperParameters", {})
    if "sagemaker_program" not in settings and "ContainerEntrypoint" not in specification:
        raise unsupported(
            "A training job without hyperparameter sagemaker_program (script mode) or a ContainerEntrypoint"
        )
    for channel in request.get("InputDataConfig", []):
        _check_channel(channel, specification.get("TrainingInputMode", "File"))


def _check_channel(channel: Json, default_mode: str) -> None:
    name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
    mode = channel.get("InputMode", default_mode)
    if source is None or source["S3DataType"] != "S3Prefix":
        raise unsupported(f"Channel {name} without an S3DataSource of type S3Prefix")
    if mode == "Pipe":
        raise unsupported(f"InputMode {mode} of channel {name}")
    if channel.get("CompressionType", "None") != "None":
        raise unsupported(f"CompressionType {channel['CompressionType']} of channel {name}")


def run(job: Job) -> None:
    images.check_pull(job.role, job.record["AlgorithmSpecification"]["TrainingImage"])
    job.phase("Downloading")
    channels = _download_channels(job)
    settings = scriptmode.decode(job.record.get("HyperParameters", {}))
    argv, variables = _program(job, settings, channels)
    for folder in ("model", "output/data"):
        (job.workspace.folder / folder).mkdir(parents=True, exist_ok=True)
    job.phase("Training")
    try:
        _execute(job, argv, variables)
    except JobStopped:
        _upload(job)  # what was trained until then is kept
        raise
    job.phase("Uploading")
    _upload(job)


def _download_channels(job: Job) -> list[str]:
    names = []
    for channel in job.record.get("InputDataConfig", []):
        names.append(channel["ChannelName"])
        folder = job.workspace.path(f"/opt/ml/input/data/{channel['ChannelName']}")
        s3io.download(job.role, channel["DataSource"]["S3DataSource"]["S3Uri"], folder)
    return names


def _program(job: Job, settings: Json, channels: list[str]) -> tuple[list[str], dict[str, str]]:
    """Command and variables of the container."""
    files = scriptmode.configuration(job.record)
    folder = job.workspace.path("/opt/ml/input/config")
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    base = {
        **job.record.get("Environment", {}),
        "SAGEMAKER_JOB_NAME": job.name,
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
    }
    specification = job.record["AlgorithmSpecification"]
    if "sagemaker_program" not in settings:
        return [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])], base
    code = _unpack_code(job, str(settings.get("sagemaker_submit_directory", "")))
    own = scriptmode.own(settings)
    variables = scriptmode.variables(
        program=str(settings["sagemaker_program"]),
        hyperparameters=own,
        channels=channels,
        job_name=job.name,
        configuration=files,
    )
    argv = ["python3", str(code / str(settings["sagemaker_program"])), *scriptmode.arguments(own)]
    return argv, {**base, **variables, "PYTHONPATH": f"{code}:{base.get('PYTHONPATH', '')}".strip(":")}


def _unpack_code(job: Job, source: str) -> Path:
    """The folder of the script: an archive in S3 that the role may read, or a path of the container."""
    if not source.startswith("s3://"):
        return job.workspace.path(source or "/opt/ml/code")
    code = job.workspace.path("/opt/ml/code")
    archive = job.workspace.folder / "sourcedir.tar.gz"
    s3io.fetch(s3io.client(job.role), s3io.Location.parse(source), archive)
    archives.unpack(archive, code)
    archive.unlink()
    return code


def _code(job: Job) -> Path:
    folder = job.workspace.path("/opt/ml/code")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _execute(job: Job, argv: list[str], variables: dict[str, str]) -> None:
    metrics = Metrics(job.record["AlgorithmSpecification"].get("MetricDefinitions", []), job.log_stream())
    result = job.execute(
        container.command(argv, job.workspace),
        env=container.environment(
            job.role, job.workspace, variables, isolated=bool(job.record.get("EnableNetworkIsolation"))
        ),
        cwd=_code(job),
        log=metrics,
        seconds=job.record["StoppingCondition"]["MaxRuntimeInSeconds"],
    )
    job.record["FinalMetricDataList"] = list(metrics.values.values())
    if result.returncode:
        failure = job.workspace.path("/opt/ml/output/failure")
        text = failure.read_text(errors="replace")[:700] if failure.is_file() else ""
        reason = text or f"ExecuteUserScriptError: {tail_text(result.tail)}"
        raise JobFailed(f"AlgorithmError: {reason}, exit code: {result.returncode}")


def _upload(job: Job) -> None:
    output = s3io.Location.parse(job.record["OutputDataConfig"]["S3OutputPath"]).child(f"{job.name}/output")
    ml, seconds = job.workspace.folder, now() - job.record["TrainingStartTime"]
    packed = ml / "packed"
    archives.pack(ml / "model", packed / "model.tar.gz")
    if any((ml / "output/data").iterdir()):
        archives.pack(ml / "output/data", packed / "output.tar.gz")
    s3io.upload(job.role, packed, output.uri)
    job.record["ModelArtifacts"] = {"S3ModelArtifacts": output.child("model.tar.gz").uri}
    job.record |= {"TrainingTimeInSeconds": int(seconds) + 1, "BillableTimeInSeconds": int(seconds) + 1}


def _defaults(request: Json) -> Json:
    output = s3io.Location.parse(request["OutputDataConfig"]["S3OutputPath"])
    artifacts = output.child(f"{request['TrainingJobName']}/output/model.tar.gz").uri
    return {
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        "ModelArtifacts": {"S3ModelArtifacts": artifacts},
        "SecondaryStatus": "Starting",
    }


TRAINING = Kind("Training", run=run, check=check, defaults=_defaults)
