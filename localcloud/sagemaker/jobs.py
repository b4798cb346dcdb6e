"""The life of a processing, training or transform job: created, run in a thread, stopped, described, listed."""

import logging
from collections.abc import Callable
from typing import Any

from localcloud import platform
from localcloud.sagemaker import archives, s3io, tags
from localcloud.sagemaker.faults import in_use, invalid
from localcloud.sagemaker.job import Job, JobFailed, JobStopped, Kind
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, now
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
logger = logging.getLogger("localcloud")


def create(kind: Kind, request: Json) -> Job:
    """Record a job and start it. Raises ResourceInUse for a name that exists."""
    name, key = request[f"{kind.name}JobName"], f"{kind.name}Job"
    kind.check(request)
    with STORE.lock:
        if (kind.name, name) in STORE.jobs:
            raise in_use(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({STORE.jobs[kind.name, name].arn})"
            )
        moment = now()
        record = {
            **kind.defaults(request),
            **{member: value for member, value in request.items() if member != "Tags"},
            f"{key}Arn": arn(kind.resource, name),
            f"{key}Status": "InProgress",
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        job = STORE.jobs[kind.name, name] = Job(kind, request, record)
    tags.put(job.arn, request.get("Tags", []))
    platform.spawn(_run, job)
    return job


def _run(job: Job) -> None:
    kind = job.kind.name
    try:
        job.change("InProgress", secondary="Starting")
        job.record[f"{kind}StartTime"] = now()
        job.kind.run(job)
        job.change("Completed")
        job.workspace.remove()
    except JobStopped as stopped:
        job.change("Stopped", secondary=stopped.secondary)
    except JobFailed as failed:
        job.change("Failed", reason=str(failed))
    except (s3io.TransferError, archives.ArchiveError, platform.AccessDenied) as error:
        job.change("Failed", reason=f"ClientError: {error}")
    except Exception as error:
        logger.exception("%s job %s", kind, job.name)
        detail = f"{type(error).__name__}: {error}"
        job.change(
            "Failed", reason=f"InternalServerError: We encountered an internal error. Please try again. {detail}"
        )
    finally:
        job.finished.set()


def find(kind: str, name: str) -> Job:
    job = STORE.jobs.get((kind, name))
    if job is None:
        # Not ResourceNotFound, which the API documents.
        if kind == "Training":
            raise invalid("Requested resource not found.")
        raise invalid(f"Could not find requested job with name: {name}")
    return job


def operations(kind: Kind) -> dict[str, Callable[[Json], Json]]:
    """Create, Describe, List and Stop of one kind of jobs."""
    key = f"{kind.name}Job"
    listing = Listing(
        operation=f"List{key}s",
        result=f"{key}Summaries",
        name=f"{key}Name",
        status=f"{key}Status",
        newest_first=kind.name == "Transform",
    )

    def stopped(request: Json) -> Json:
        platform.spawn(find(kind.name, request[f"{key}Name"]).stop)
        return {}

    return {
        f"Create{key}": lambda request: {f"{key}Arn": create(kind, request).arn},
        f"Describe{key}": lambda request: find(kind.name, request[f"{key}Name"]).description(),
        f"List{key}s": lambda request: listing.page(
            request, [j.record for (k, _), j in list(STORE.jobs.items()) if k == kind.name]
        ),
        f"Stop{key}": stopped,
    }
