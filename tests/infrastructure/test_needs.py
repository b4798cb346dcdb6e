"""What an environment asks of an account: the sum of its contracts and its configuration."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from contract import Contract
from stacks import bundles
from stacks.config import STAGES, Alerting, Concurrency
from stacks.constructs.xgboost_image import ACCOUNTS
from stacks.needs import BOOTSTRAP_VERSION, QUALIFIER, needs
from stacks.regions import SERVERLESS
from tests.example import DEV, PROD
from tests.infrastructure.templates import StackId, Template

OWN = STAGES[0].name
TOTAL = "Maximum total concurrency that can be allocated across all serverless endpoints"


def asked(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Least and wanted by the quota's name."""
    return {item["quota"]: (item["least"], item["wanted"]) for item in found["quotas"]}


def served(contract: Contract, **serving: Any) -> Contract:
    return replace(contract, serving=replace(contract.serving, **serving))


def test_the_shipped_models_use_all_that_a_new_account_has(contracts: dict[str, Contract]) -> None:
    found = needs(DEV, contracts)
    assert asked(found) == {
        TOTAL: (10, 10),
        "ml.m5.large for processing job usage": (1, 2),
        "ml.m5.large for training job usage": (1, 2),
        "ml.m5.large for transform job usage": (1, 2),
        "Max task DPUs per account": (2, 6),
        "Max concurrent job runs per account": (1, 3),
    }
    assert found["quotas"][0]["why"] == "max_concurrency of breast_cancer (5), california_housing (5)"
    assert found["serverless_regions"] == sorted(SERVERLESS)


def test_workers_of_glue_are_counted_in_dpus(contracts: dict[str, Contract]) -> None:
    glue = replace(DEV.glue, worker_type="G.4X", workers=3, concurrent_runs=2)
    assert asked(needs(replace(DEV, glue=glue), contracts))["Max task DPUs per account"] == (12, 24)


def test_instances_are_needed_twice_while_an_endpoint_is_updated(contracts: dict[str, Contract]) -> None:
    first, second = contracts.values()
    scaled = served(first, mode="realtime", instance_count=1, min_instances=2, max_instances=4)
    found = needs(PROD, {"a": scaled, "b": served(second, mode="realtime", instance_count=3)})
    assert asked(found)["ml.m5.large for endpoint usage"] == (2 + 3, 4 + 3 + 4)
    assert TOTAL not in asked(found)
    assert found["serverless_regions"] is None
    # dev serves all of them without instances.
    assert asked(needs(DEV, {"a": scaled}))[TOTAL] == (5, 5)


def test_models_that_share_an_endpoint_share_its_instances(contracts: dict[str, Contract]) -> None:
    sharing = {
        name: served(contract, mode="realtime", hosting="multi-model", instance_count=2, instance_type="ml.c5.large")
        for name, contract in contracts.items()
    }
    assert asked(needs(PROD, sharing))["ml.c5.large for endpoint usage"] == (2, 4)


def test_what_is_switched_off_is_not_needed(contracts: dict[str, Contract]) -> None:
    config = replace(DEV, alerting=Alerting(alarms=False), concurrency=Concurrency(predict=20))
    found = needs(config, contracts)
    assert (found["event_log"], found["reserved"]) == (False, {"predict": 20})


def test_serverless_endpoints_are_in_regions_of_the_image() -> None:
    assert len(SERVERLESS) == len(set(SERVERLESS)) == 21
    assert set(SERVERLESS) < set(ACCOUNTS)


def test_the_bootstrap_is_the_one_that_the_templates_ask_for(templates: dict[StackId, Template]) -> None:
    """Each template refuses an older one itself, once it is deployed."""
    for template in templates.values():
        told = json.dumps(template.document.get("Rules", {}))
        assert re.findall(r"CDK bootstrap stack version (\d+) required", told) == [str(BOOTSTRAP_VERSION)]
        assert template.document["Parameters"]["BootstrapVersion"]["Default"] == f"/cdk-bootstrap/{QUALIFIER}/version"


@pytest.mark.parametrize(
    ("stage", "code", "words"),
    [(OWN, 0, f'"stage": "{OWN}"'), ("nowhere", 1, f"there is no environment 'nowhere': use {OWN}")],
)
def test_as_a_command(stage: str, code: int, words: str) -> None:
    command = [sys.executable, "-m", "stacks.needs", stage]
    done = subprocess.run(command, cwd=bundles.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, words in (done.stderr if code else done.stdout)) == (code, True)
