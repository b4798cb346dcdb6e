"""Batch transform jobs: the files below an S3 prefix through a model's server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import urllib3

from localcloud.sagemaker import models, s3io
from localcloud.sagemaker.container import Workspace
from localcloud.sagemaker.faults import unsupported
from localcloud.sagemaker.hosting import ModelServer, Unhealthy
from localcloud.sagemaker.job import Job, JobFailed, Kind

STARTUP_SECONDS = 60.0
Json = dict[str, Any]


def check(request: Json) -> None:
    source = request["TransformInput"]
    if source["DataSource"]["S3DataSource"]["S3DataType"] != "S3Prefix":
        raise unsupported("A transform input that is not an S3Prefix")
    if source.get("CompressionType", "None") != "None":
        raise unsupported(f"CompressionType {source['CompressionType']} of a transform input")
    if source.get("SplitType", "None") not in ("None", "Line"):
        raise unsupported(f"SplitType {source['SplitType']} of a transform input")
    processing = {
        key: value for key, value in request.get("DataProcessing", {}).items() if (key, value) not in _NO_PROCESSING
    }
    if processing:
        raise unsupported(f"DataProcessing {', '.join(sorted(processing))} of a transform job")
    if request["TransformResources"]["InstanceCount"] != 1:
        raise unsupported("A transform job of more than one instance")
    models.find(request["ModelName"])


_NO_PROCESSING = (("JoinSource", "None"), ("InputFilter", "$"), ("OutputFilter", "$"))


def run(job: Job) -> None:
    served = models.served_container(models.find(job.record["ModelName"]))
    environment = {**served.environment, "SAGEMAKER_BATCH": "true", **job.record.get("Environment", {})}
    container = replace(served, environment=environment)
    inputs, outputs = job.workspace.folder / "input", job.workspace.folder / "output"
    s3io.download(job.role, job.record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"], inputs)
    server = ModelServer(container, Workspace.create(f"{job.name}/container"), job.log_stream())
    try:
        server.start(STARTUP_SECONDS)
        for path in sorted(item for item in inputs.rglob("*") if item.is_file()):
            relative = path.relative_to(inputs)
            _transform(job, server, path, outputs / relative.with_name(f"{relative.name}.out"))
    except Unhealthy as error:
        raise JobFailed(f"AlgorithmError: The container {error}") from error
    finally:
        server.stop()
    s3io.upload(job.role, outputs, job.record["TransformOutput"]["S3OutputPath"])


def _transform(job: Job, server: ModelServer, source: Path, target: Path) -> None:
    output = job.record["TransformOutput"]
    headers = {
        "Content-Type": job.record["TransformInput"].get("ContentType", "application/octet-stream"),
        "Accept": output.get("Accept", "*/*"),
    }
    answers = []
    for body in _bodies(job.record, source.read_bytes()):
        job.phase("Transforming")
        answers.append(_ask(server, body, headers, source.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    if output.get("AssembleWith", "None") == "Line":
        target.write_bytes(b"".join(answer.rstrip(b"\n") + b"\n" for answer in answers))
    else:
        target.write_bytes(b"".join(answers))


def _ask(server: ModelServer, body: bytes, headers: dict[str, str], name: str) -> bytes:
    try:
        answer = server.invoke(body, headers)
    except urllib3.exceptions.HTTPError as error:
        raise JobFailed(f"AlgorithmError: the container did not answer for {name}: {error}") from error
    if answer.status != 200:
        text = answer.data.decode("utf-8", errors="replace")
        raise JobFailed(f"ClientError: {name}: the container answered {answer.status}: {text}")
    return answer.data


def _bodies(record: Json, content: bytes) -> Iterator[bytes]:
    """The requests that a file becomes: the whole file, its lines, or as many lines as fit."""
    if record["TransformInput"].get("SplitType", "None") == "None":
        yield content
        return
    lines = [line for line in content.splitlines() if line]
    if record.get("BatchStrategy", "MultiRecord") == "SingleRecord":
        yield from lines
        return
    limit, size = record["MaxPayloadInMB"] * (1 << 20), 0
    batch: list[bytes] = []
    for line in lines:
        if batch and size + len(line) + 1 > limit:
            yield b"\n".join(batch) + b"\n"
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield b"\n".join(batch) + b"\n"


def _defaults(request: Json) -> Json:
    return {"MaxPayloadInMB": 6, "RoleArn": models.find(request["ModelName"])["ExecutionRoleArn"]}


TRANSFORM = Kind("Transform", run=run, check=check, defaults=_defaults)
