"""The definition is the one that the SageMaker SDK builds for the same steps, but for the differences listed here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contract import Contract
from stacks.pipeline_definition import OFFLINE, definition
from tests.infrastructure.definition_check import flatten
from tests.infrastructure.test_pipeline_definition import INPUTS

SCRIPT = Path(__file__).parent / "parity" / "build_with_sdk.py"
PYTHON = os.environ.get("PARITY_PYTHON")


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="PARITY_PYTHON names no interpreter with the SageMaker SDK")
def test_definition_is_what_the_sdk_builds(contracts: dict[str, Contract]) -> None:
    contract = contracts["california_housing"]
    made = definition(contract, INPUTS)
    assert normalised(made) == normalised(built_by_sdk(contract, made))


def built_by_sdk(contract: Contract, made: dict[str, Any]) -> dict[str, Any]:
    train = next(step for step in flatten(made["Steps"]) if step["Name"] == "Train")
    facts = {
        "model": contract.name,
        "contract_hash": contract.hash,
        "hyperparameters": train["Arguments"]["HyperParameters"],
        "offline": dict(OFFLINE),
        "keep_function": INPUTS.keep_function,
        "code_uri": INPUTS.code.source,
        "serving_instance": contract.serving.instance_type,
        "transform_instance": INPUTS.compute.transform_instance,
        "artifact_bucket": INPUTS.artifact_bucket,
        "package_group": INPUTS.package_group,
        "job_prefix": INPUTS.job_prefix,
        "approval": INPUTS.approval,
        "prepare_role": INPUTS.roles.prepare,
        "train_role": INPUTS.roles.train,
        "evaluate_role": INPUTS.roles.evaluate,
        "steps_uri": INPUTS.code.steps.uri,
        "steps_name": INPUTS.code.steps.name,
        "library_uri": INPUTS.code.library.uri,
        "library_name": INPUTS.code.library.name,
        **vars(INPUTS.compute),
    }
    command = [str(PYTHON), "-W", "ignore", str(SCRIPT)]
    done = subprocess.run(command, input=json.dumps(facts), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return document


def normalised(document: dict[str, Any]) -> dict[str, Any]:
    """Without what the SDK writes where nothing is set, and with its name for the step of `register`."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    assert copy.pop("PipelineExperimentConfig", None) is None
    for step in flatten(copy["Steps"]):
        step["Name"] = step["Name"].removesuffix("-RegisterModel")
        arguments = step["Arguments"]
        assert arguments.pop("SkipModelValidation", "None") == "None"
        for metric in ("Bias", "Explainability"):
            assert arguments.get("ModelMetrics", {}).pop(metric, {}) == {}
    return copy
