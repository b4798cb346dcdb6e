"""AWS's own toolkit installs our training source where there is no package index, as it does in the XGBoost image."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from stacks import bundles
from stacks.pipeline_definition import OFFLINE

TOOLKIT = "sagemaker-containers==2.8.6.post2"
# What the modules of the toolkit import that are at work here.
NEEDS = ("boto3", "flask", "inotify_simple", "numpy", "protobuf", "psutil", "retrying", "six", "werkzeug")
NOWHERE = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}
# Python 3.10 took the alias away that the published toolkit uses, and the image's copy of it does not.
INSTALL = """
import collections, collections.abc, sys
collections.Mapping = collections.abc.Mapping
from sagemaker_containers import _files, _modules
archive, folder = sys.argv[1:]
_files.download_and_extract(archive, folder)
_modules.prepare(folder, "train")
_modules.install(folder, capture_error=True)
"""
FIND = "import importlib.util as i; print(*(bool(i.find_spec(n)) for n in ('train', 'inference', 'steps', 'contract')))"


@pytest.fixture(params=["23.2.1", "24.3.1"])
def python(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An interpreter with a version of pip and the toolkit, installed from an index.

    Without the package wheel: where it stands beside setuptools, pip 23 and 24 build in the old way, and ask nobody.
    """
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    for packages in ([f"pip=={request.param}", "setuptools==80.9.0"], [*NEEDS], ["--no-deps", TOOLKIT]):
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(command, check=True, stderr=subprocess.PIPE)
    return python


def installed(python: Path, folder: Path, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The toolkit's own steps before it runs a training script, with no index in reach."""
    source = bundles.build(folder).training_source.path
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    command = [str(python), "-W", "ignore", "-c", INSTALL, str(source), str(folder / "code")]
    environment = {**kept, **NOWHERE, **settings}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_training_source_is_installed_without_an_index(python: Path, tmp_path: Path) -> None:
    done = installed(python, tmp_path, OFFLINE)
    assert done.returncode == 0, done.stderr
    found = subprocess.run([str(python), "-c", FIND], cwd="/", capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True"] * 4


@pytest.mark.slow
def test_without_these_settings_it_asks_the_index_and_fails(python: Path, tmp_path: Path) -> None:
    done = installed(python, tmp_path, {})
    assert done.returncode != 0
    assert "No matching distribution found for setuptools" in done.stderr
