"""`python app.py` on a machine without credentials or network, and what it says of a wrong model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from project import FILE, read
from stacks import bundles
from stacks.config import STAGES
from tests.contracts import MODELS
from tests.infrastructure.synthesis import Synthesis, read_templates

# Imported by every Python that starts with its folder on PYTHONPATH.
NO_NETWORK = """
import socket
def refuse(*arguments, **options):
    raise OSError("no network in this test")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


def run_app(folder: Path, *code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "JSII_"))}
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), str(folder / "none"))
    own = {"PROJECT_FILE": str(FILE)}
    environment = {**kept, **nowhere, **files, **own, "PYTHONPATH": str(folder), **variables}
    command = [sys.executable, *(code or ("app.py",))]
    return subprocess.run(command, cwd=bundles.ROOT, env=environment, capture_output=True, text=True, check=False)


def test_app_needs_no_credentials_and_no_network_and_is_reproducible(tmp_path: Path, own: Synthesis) -> None:
    """Of one environment, which the context can ask for."""
    one = STAGES[0].name
    only_one = {"CDK_CONTEXT_JSON": json.dumps({"stages": one}), "CDK_OUTDIR": str(tmp_path / "out")}
    done = run_app(tmp_path, **only_one, PYTHONHASHSEED="815", CODE_COMMIT="unknown")
    assert (done.returncode, done.stderr) == (0, "")
    stages = [replace(config, project=read(FILE).name) for config in STAGES]
    made = {key: item.document for key, item in read_templates(tmp_path / "out", stages).items()}
    assert made == {key: item.document for key, item in own.templates.items() if key[0] == one}


def test_models_whose_names_are_one_in_the_templates_fail_with_both_names(tmp_path: Path) -> None:
    source = MODELS / "breast_cancer" / "model.toml"
    for name in ("churn1", "churn_1"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(source.read_text().replace('"breast_cancer"', f'"{name}"'))
    out = str(tmp_path / "out")
    done = run_app(tmp_path, MODELS_DIR=str(tmp_path / "models"), CDK_OUTDIR=out, CODE_COMMIT="unknown")
    assert done.returncode == 1
    assert done.stderr.startswith("models/churn_1: the names churn1 and churn_1 are both Churn1")
    assert len(done.stderr.splitlines()) == 1


def test_wrong_model_fails_with_file_key_and_reason(tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path / "models")
    model = tmp_path / "models" / "california_housing" / "model.toml"
    model.write_text(model.read_text().replace("train = 0.64", "train = 0.74"))
    code = f"import pathlib, app; app.main(pathlib.Path({str(tmp_path / 'models')!r}))"
    done = run_app(tmp_path, "-c", code, CDK_OUTDIR=str(tmp_path / "out"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.partition(": ")[0].endswith("models/california_housing/model.toml")
    assert ": split" in last
    assert "1" in last.rpartition(": ")[2]
    assert not (tmp_path / "out").exists()
