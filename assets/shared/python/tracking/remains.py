"""What is left of a version: its artifact, and the records that its evaluation wrote. Anybody may delete an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracking.artifacts import Artifact, is_gone

# Beside each other, in the folder of the evaluation.
RECORDS = ("evaluation.json", "golden.json", "contract.json", "report.html")


def lost_records(s3: Any, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the records that are gone. A version without a contract of its own kept fewer from the start: none.

    `metadata`: of its package. Raises ClientError for what may not be read: S3 tells of absence to those who may list.
    """
    if "contract_uri" not in metadata:
        return ()
    folder = metadata["contract_uri"].rpartition("/")[0]
    return tuple(name for name in RECORDS if is_gone(s3, Artifact(f"{folder}/{name}")))


def way_back(run_id: str) -> str:
    """The command that makes again what is lost of a version of the run."""
    return f"mlops retry {run_id} --fresh"
