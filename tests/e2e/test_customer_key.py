"""A whole run in an environment that is encrypted with a key of its own: every role may use it where it has to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import api, local
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.records import example
from tracking.logs import log_tail

pytestmark = pytest.mark.slow

APP = """
from dataclasses import replace
import app
from tests.contracts import MODELS
from tests.example import DEV
app.main(MODELS, stages=(replace(DEV, customer_key=True),))
"""


def synth(out: Path, models: Path, stage: str) -> Path:
    environment = {
        **os.environ,
        "MODELS_DIR": str(models),
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({"stages": stage}),
    }
    subprocess.run([sys.executable, "-c", APP], cwd=local.ROOT, env=environment, check=True)
    return out


def test_a_run_goes_through_and_leaves_nothing_unencrypted(
    monkeypatch: pytest.MonkeyPatch, rows_file: Callable[..., Path]
) -> None:
    monkeypatch.setattr(local, "synth", synth)
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch()) as here:
        platform = Platform(here)
        run = platform.run(rows_file(seed=5))
        assert run.state == "live", run.reason
        (prediction,) = api.predict(here.target, model=MODEL, instances=[example(MODEL)])["predictions"]
        assert prediction["value"] > 0
        # Glue gives encrypted logs groups of their own: the run's last lines are found there.
        (etl,) = [step for step in run.steps if step.log_group.startswith("/aws-glue/")]
        assert "-role/" in etl.log_group
        assert log_tail(here.target.place, etl) != ()
        calls = here.cloud.calls()
        assert calls["denied"] == []
        users = {role for role, counts in calls["roles"].items() if "kms:Decrypt" in counts["actions"]}
        for name in ("PreProcessing", "Prepare", "Train", "Evaluate", "Model"):
            assert [role for role in users if f"-{name}Role" in role], (name, users)
        s3 = here.target.client("s3")
        for output in ("ProcessedBucketName", "ArtifactBucketName"):
            bucket = here.target.output(output)
            keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
            plain = [key for key in keys if "SSEKMSKeyId" not in s3.head_object(Bucket=bucket, Key=key)]
            assert (bool(keys), plain) == (True, [])
