"""Runs that wait in a dead letter queue: what was given up of them, and its way back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from cli import dead_letters, redrive
from cli.dead_letters import Letter, Queue
from cli.target import Target
from cli.upload import run_id_of
from tracking.run import Run

_OF_RUN = re.compile(r"/run=(?P<run_id>[0-9a-f]{16})/")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class GivenUp:
    """A letter about a run. `model` and `file` are "" where it does not say them."""

    queue: Queue
    letter: Letter
    model: str
    file: str

    def told(self, run_id: str) -> str:
        return (
            f"Given up: {self.letter.about}: {self.letter.reason.rstrip('.')}. It waits in the dead letters of "
            f"{self.queue.name}. Mend the cause, then: mlops retry {run_id}"
        )


def find(target: Target, run_id: str, *, version: str = "") -> GivenUp | None:
    """What was given up of the run. `version`: end of the ARN of its model package, where it has one."""
    for queue in dead_letters.queues(target):
        if queue.waiting:
            for letter in dead_letters.look(target, queue):
                if is_about(target, letter, run_id, version=version):
                    key = _key(letter)
                    return GivenUp(queue, letter, key.partition("/")[0], "" if _OF_RUN.search(key) else key)
    return None


def seen(target: Target, run: Run) -> Run:
    """The run, which has failed when something of it was given up: nothing goes on with it by itself."""
    if run.final or run.state in ("queued", "etl"):
        return run
    found = find(target, run.run_id, version=_version(target, run))
    return run if found is None else replace(run, state="failed", reason=found.told(run.run_id))


def unknown(target: Target, run_id: str, *, model: str | None) -> Run | None:
    """A run that nothing else knows: it was given up before anything was written of it."""
    found = find(target, run_id)
    if found is None or not found.model or model not in (None, found.model):
        return None
    return Run(run_id, found.model, "failed", found.file, None, found.told(run_id), (), None, None, "", None)


def put_back(target: Target, run: Run) -> bool:
    """Send what was given up of the run where it was for. False when there is nothing, or nobody knows where to."""
    version = _version(target, run)
    found = find(target, run.run_id, version=version)
    if found is None:
        return False

    def wanted(letter: Letter) -> bool:
        return is_about(target, letter, run.run_id, version=version)

    return any(item.to for item in redrive.redrive(target, found.queue, wanted))


def is_about(target: Target, letter: Letter, run_id: str, *, version: str = "") -> bool:
    detail: dict[str, Any] = dict(dead_letters.fields_of(letter.event.get("detail")))
    if detail.get("run_id") == run_id or (version and str(detail.get("ModelPackageArn", "")).endswith(version)):
        return True
    if match := _OF_RUN.search(_key(letter)):
        return match["run_id"] == run_id
    return _is_upload_of(target, detail, run_id)


def _is_upload_of(target: Target, detail: dict[str, Any], run_id: str) -> bool:
    """Whether it is the event of a file that would be this run."""
    thing, bucket = dead_letters.fields_of(detail.get("object")), dead_letters.fields_of(detail.get("bucket"))
    model = str(thing.get("key", "")).partition("/")[0]
    if model not in target.models or not isinstance(thing.get("size"), int):
        return False

    def is_run(content: str) -> bool:
        return run_id_of(target, model=model, content=content, size=thing["size"]) == run_id

    etag = str(thing.get("etag", "")).strip('"')
    return is_run(etag) or (not _MD5.fullmatch(etag) and _content_is(target, bucket, thing, is_run))


def _content_is(target: Target, bucket: Any, thing: Any, is_run: Callable[[str], bool]) -> bool:
    """Of a file that was sent in parts, of which the event does not tell the content."""
    place = {"Bucket": str(bucket.get("name")), "Key": str(thing.get("key")), "VersionId": str(thing.get("version-id"))}
    digest = hashlib.md5(usedforsecurity=False)
    try:
        for piece in target.client("s3").get_object(**place)["Body"].iter_chunks(1 << 20):
            digest.update(piece)
    except ClientError:
        # A version that is gone is nobody's run.
        return False
    return is_run(digest.hexdigest())


def _key(letter: Letter) -> str:
    return str(dead_letters.fields_of(dead_letters.fields_of(letter.event.get("detail")).get("object")).get("key", ""))


def _version(target: Target, run: Run) -> str:
    return f"/{target.resource_name(run.model)}/{run.model_version}" if run.model_version else ""
