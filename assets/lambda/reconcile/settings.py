"""The function's environment, read once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Settings:
    """What there is to look at, and where what was missed is started. `late`: events come sooner, as a rule."""

    resource_prefix: str
    stage: str
    raw_bucket: str
    processed_bucket: str
    artifact_bucket: str
    workflow: str
    upload_queue: str
    batch_queue: str
    start_training: str
    finish_batch: str
    late: timedelta


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    stage=os.environ["STAGE"],
    raw_bucket=os.environ["RAW_BUCKET"],
    processed_bucket=os.environ["PROCESSED_BUCKET"],
    artifact_bucket=os.environ["ARTIFACT_BUCKET"],
    workflow=os.environ["WORKFLOW"],
    upload_queue=os.environ["UPLOAD_QUEUE_URL"],
    batch_queue=os.environ["BATCH_QUEUE_URL"],
    start_training=os.environ["START_TRAINING"],
    finish_batch=os.environ["FINISH_BATCH"],
    late=timedelta(seconds=int(os.environ["LATE_SECONDS"])),
)
