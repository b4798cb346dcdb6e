"""Compare from time to time what is there with what should have followed from it, and start what is missing, once.

Every event may be lost, and nothing tells of it. What was started here goes the way of the event: to the same queue, or
to the same function. Endpoints are looked at by deploy_model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from contract import Contract, bundled
from reconcile import batches, datasets, uploads
from reconcile.clients import cloudwatch, s3
from reconcile.progress import Progress, read, write
from reconcile.settings import SETTINGS
from tracking import lines
from tracking.losses import count_lost

log = lines.logger("reconcile")

CONTRACTS = bundled()
Look = Callable[[Progress, datetime, Mapping[str, Contract]], tuple[Progress, int]]
LOOKS: Mapping[str, Look] = {module.NAME: module.look for module in (uploads, datasets, batches)}


@lines.invocation(log)
def handler(_event: object, _context: object) -> dict[str, int]:
    """How many of each kind were started. Raises what kept one of the looks from its end; the others are done."""
    until = datetime.now(UTC) - SETTINGS.late
    progress, started = read(s3, SETTINGS.processed_bucket), {}
    failed: ClientError | None = None
    for name, look in LOOKS.items():
        try:
            progress, started[name] = look(progress, until, CONTRACTS)
        except ClientError as error:
            log.exception("Look not finished", extra={"look": name})
            failed = error
    write(s3, SETTINGS.processed_bucket, progress)
    if number := sum(started.values()):
        count_lost(cloudwatch, prefix=SETTINGS.resource_prefix, stage=SETTINGS.stage, number=number)
    if failed:
        raise failed
    return started
