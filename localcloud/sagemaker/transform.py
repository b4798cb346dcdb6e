"""Batch transform jobs: the files below an S3 prefix through a model's server."""

import contextvars
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import urllib3

from localcloud.sagemaker import models, s3io
from localcloud.sagemaker.batching import DEFAULT_PAYLOAD_MB, Batch, BatchError, Format
from localcloud.sagemaker.container import Workspace
from localcloud.sagemaker.csvfilter import FilterError
from localcloud.sagemaker.faults import invalid, unsupported
from localcloud.sagemaker.hosting import ModelServer, Unhealthy
from localcloud.sagemaker.job import Job, JobFailed, Kind

STARTUP_SECONDS = 60.0
INVOCATION_SECONDS = 600
LARGEST_TOTAL_MB = 100
CSV = "text/csv"
Json = dict[str, Any]


def check(request: Json) -> None:
    source = request["TransformInput"]
    if source["DataSource"]["S3DataSource"]["S3DataType"] != "S3Prefix":
        raise unsupported("A transform input that is not an S3Prefix")
    if source.get("CompressionType", "None") != "None":
        raise unsupported(f"CompressionType {source['CompressionType']} of a transform input")
    if source.get("SplitType", "None") not in ("None", "Line"):
        raise unsupported(f"SplitType {source['SplitType']} of a transform input")
    if request["TransformResources"]["InstanceCount"] != 1:
        raise unsupported("A transform job of more than one instance")
    payload, parallel = request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB), request.get("MaxConcurrentTransforms", 0)
    if payload * parallel > LARGEST_TOTAL_MB:
        raise invalid(
            f"MaxConcurrentTransforms ({parallel}) * MaxPayloadInMB ({payload}) must not exceed {LARGEST_TOTAL_MB}"
        )
    _check_processing(request)
    if models.served_container(models.find(request["ModelName"])).multi_model:
        raise unsupported("A transform job of a multi-model container")


def _check_processing(request: Json) -> None:
    try:
        asked = Format.of(request)
    except FilterError as error:
        raise invalid(f"DataProcessing: {error}") from error
    if not (asked.selected or asked.kept or asked.join):
        return
    kind = request["TransformInput"].get("ContentType")
    if kind != CSV or not asked.split:
        raise unsupported(f"DataProcessing of {kind} input, other than {CSV} split by Line,")
    if asked.join and (not asked.assemble or request["TransformOutput"].get("Accept", CSV) != CSV):
        raise invalid(f"JoinSource Input of {CSV} needs an output that is {CSV} too and assembled with Line")


def run(job: Job) -> None:
    served = models.served_container(models.find(job.record["ModelName"]))
    environment = {**served.environment, "SAGEMAKER_BATCH": "true", **job.record.get("Environment", {})}
    inputs, outputs = job.workspace.folder / "input", job.workspace.folder / "output"
    s3io.download(job.role, job.record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"], inputs)
    timeout = job.record.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", INVOCATION_SECONDS)
    server = ModelServer(
        replace(served, environment=environment),
        Workspace.create(f"{job.name}/container"),
        job.log_stream(),
        invocation_seconds=timeout,
    )
    try:
        server.start(STARTUP_SECONDS)
        for path in sorted(item for item in inputs.rglob("*") if item.is_file()):
            relative = path.relative_to(inputs)
            target = outputs / relative.with_name(f"{relative.name}.out")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                _transform(job, server, path, file)
            path.unlink()
    except Unhealthy as error:
        raise JobFailed(f"AlgorithmError: The container {error}") from error
    except BatchError as error:
        raise JobFailed(f"ClientError: {error}") from error
    finally:
        server.stop()
    s3io.upload(job.role, outputs, job.record["TransformOutput"]["S3OutputPath"])


def _transform(job: Job, server: ModelServer, source: Path, target: IO[bytes]) -> None:
    asked = Format.of(job.record)
    headers = {
        "Content-Type": job.record["TransformInput"].get("ContentType", "application/octet-stream"),
        "Accept": job.record["TransformOutput"].get("Accept", CSV if asked.join else "*/*"),
    }
    parallel = job.record.get("MaxConcurrentTransforms") or 1
    with ThreadPoolExecutor(parallel) as pool:
        for batch, answer in _answers(pool, parallel, server, asked.batches(source), headers):
            job.phase("Transforming")
            target.write(asked.output(batch, _content(answer, source.name)))


Pending = Future[urllib3.BaseHTTPResponse]


def _answers(
    pool: ThreadPoolExecutor, parallel: int, server: ModelServer, batches: Iterator[Batch], headers: dict[str, str]
) -> Iterator[tuple[Batch, Pending]]:
    """Batches with their answers, in order; no more of them under way than may be."""
    waiting: deque[tuple[Batch, Pending]] = deque()
    for batch in batches:
        if len(waiting) == parallel:
            yield waiting.popleft()
        # With account and region: a crashed server is started again by the request that finds it so.
        call = contextvars.copy_context().run
        waiting.append((batch, pool.submit(call, server.invoke, batch.body, headers)))
    yield from waiting


def _content(pending: Pending, name: str) -> bytes:
    try:
        answer = pending.result()
    except urllib3.exceptions.HTTPError as error:
        raise JobFailed(f"AlgorithmError: the container did not answer for {name}: {error}") from error
    if answer.status != 200:
        text = answer.data.decode("utf-8", errors="replace")
        raise JobFailed(f"ClientError: {name}: the container answered {answer.status}: {text}")
    return answer.data


def _defaults(request: Json) -> Json:
    return {"MaxPayloadInMB": DEFAULT_PAYLOAD_MB, "RoleArn": models.find(request["ModelName"])["ExecutionRoleArn"]}


TRANSFORM = Kind("Transform", run=run, check=check, defaults=_defaults)
