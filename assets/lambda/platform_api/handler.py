"""Answer the GET requests of the REST API: models, runs, versions, monitoring."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from contract import Contract, bundled
from platform_api import catalogue, monitoring, rundata, runs, versions
from platform_api.records import Records
from rest.admission import admit
from rest.handling import handle, json_response, model_of, refuse_unknown, resource_of
from rest.problems import unavailable
from tracking.callers import SIGNED, Caller, Callers, Use, known_callers
from tracking.place import Place

log = logging.getLogger("platform_api")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)

BUSY = ("ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded")
# S3 signs links with the newer signature, for the bucket's own region, only when asked to.
CONFIGS = {"s3": Config(signature_version="s3v4", s3={"addressing_style": "virtual"})}
DEFAULT = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Settings:
    """`origins`: the web origins whose pages may call the API. `api_keys`: None where callers sign with IAM."""

    resource_prefix: str
    processed_bucket: str
    workflow: str
    artifact_bucket: str
    shared_bucket: str | None
    api_keys: str | None
    origins: tuple[str, ...]
    job_seconds: int


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    processed_bucket=os.environ["PROCESSED_BUCKET"],
    workflow=os.environ["WORKFLOW"],
    artifact_bucket=os.environ["ARTIFACT_BUCKET"],
    shared_bucket=os.environ.get("SHARED_BUCKET"),
    api_keys=os.environ.get("API_KEYS"),
    origins=tuple(filter(None, os.environ.get("CORS_ORIGINS", "").split(","))),
    job_seconds=int(os.environ["JOB_TIMEOUT_SECONDS"]),
)
CONTRACTS = bundled()
_making = threading.Lock()
_clients: dict[str, Any] = {}


def client(service: str) -> Any:
    """Made when it is needed: most requests need one or two. boto3's session is not made for threads."""
    with _making:
        if service not in _clients:
            _clients[service] = boto3.client(service, config=DEFAULT.merge(CONFIGS.get(service, Config())))
        return _clients[service]


PLACE = Place(
    client=client,
    prefix=SETTINGS.resource_prefix,
    processed_bucket=SETTINGS.processed_bucket,
    workflow=SETTINGS.workflow,
    artifact_bucket=SETTINGS.artifact_bucket,
    shared_bucket=SETTINGS.shared_bucket,
    job_seconds=SETTINGS.job_seconds,
)
RECORDS = Records(PLACE)


def _find_caller() -> Callable[[str], Caller | None]:
    """By the id of the API key."""
    if SETTINGS.api_keys is None:
        return lambda _: SIGNED
    return Callers(known_callers(SETTINGS.api_keys), _record, unavailable=ClientError).of


def _record(key: str) -> str | None:
    """Who may not list a bucket is told AccessDenied of what is not there."""
    try:
        answer = client("s3").get_object(Bucket=SETTINGS.artifact_bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise
    return str(answer["Body"].read().decode())


find_caller = _find_caller()

Document = Mapping[str, Any]


class Route(NamedTuple):
    """What answers below /models/<model>, what a key must be for, and the parameters that its query may have."""

    answer: Callable[[Contract, dict[str, Any]], Document]
    use: Use | None = "read"
    query: tuple[str, ...] = ()


OF_MODEL: Mapping[str, Route] = {
    "": Route(lambda contract, _: catalogue.detail(RECORDS, contract), use=None),
    "/runs": Route(lambda contract, event: runs.newest(RECORDS, contract, event), query=("limit", "before")),
    "/runs/{run_id}": Route(lambda contract, event: runs.one(RECORDS, contract, event["pathParameters"]["run_id"])),
    "/runs/{run_id}/rejects": Route(
        lambda contract, event: rundata.rejected(RECORDS, contract, event), query=("limit", "after")
    ),
    "/runs/{run_id}/data": Route(lambda contract, event: rundata.data(RECORDS, contract, event), query=("split",)),
    "/versions": Route(lambda contract, _: versions.all_of(RECORDS, contract)),
    "/versions/{version}": Route(
        lambda contract, event: versions.one(RECORDS, contract, event["pathParameters"]["version"])
    ),
    "/monitoring": Route(
        lambda contract, event: monitoring.of(RECORDS, contract, event, others=CONTRACTS), query=("hours",)
    ),
}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return handle(event, answer, log=log, origins=SETTINGS.origins)


def answer(event: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    try:
        return json_response(document_of(resource_of(event), event, facts))
    except ClientError as error:
        if error.response["Error"]["Code"] not in BUSY:
            raise
        raise unavailable("AWS answers too many requests at this moment. Try again in a moment.") from error


def document_of(resource: str, event: dict[str, Any], facts: dict[str, Any]) -> Document:
    if resource == "/models":
        caller = admit(event, facts, find_caller, model=None, use=None)
        refuse_unknown(event)
        shown = {name: contract for name, contract in CONTRACTS.items() if caller.has(name)}
        return catalogue.all_of(RECORDS, shown)
    contract = model_of(resource, CONTRACTS)
    facts["model"] = contract.name
    route = OF_MODEL[resource.removeprefix(f"/models/{contract.name}")]
    admit(event, facts, find_caller, model=contract.name, use=route.use)
    refuse_unknown(event, *route.query)
    return route.answer(contract, event)
