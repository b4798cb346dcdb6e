"""What somebody deleted of a version, and the command that makes it again."""

from __future__ import annotations

from cli.target import Target
from tracking.artifacts import Artifact, is_gone
from tracking.remains import lost_records, way_back
from tracking.versions import ModelVersion


def what_is_lost(target: Target, version: ModelVersion) -> str:
    """A sentence; "" when nothing is. Of a version that somebody registered by hand, only what the platform keeps."""
    s3, metadata = target.client("s3"), version.metadata
    artifact = Artifact(version.artifact, version=metadata.get("artifact_version", ""))
    ours = version.artifact.startswith(f"s3://{target.place.artifact_bucket}/")
    names = [*(["its artifact"] if ours and is_gone(s3, artifact) else []), *lost_records(s3, metadata)]
    if not names:
        return ""
    return f"Of version {version.number} is lost: {', '.join(names)}. Made again by: {way_back(metadata['run_id'])}"
