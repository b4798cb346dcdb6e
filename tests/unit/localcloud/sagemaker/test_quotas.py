"""Quotas of endpoints: refused with what they are, what is used and what is asked for."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.platform import OperationError
from localcloud.sagemaker import quotas
from localcloud.sagemaker.store import STORE


def serverless(concurrency: int) -> dict[str, Any]:
    return {"ProductionVariants": [{"ServerlessConfig": {"MaxConcurrency": concurrency, "MemorySizeInMB": 2048}}]}


def instances(count: int) -> dict[str, Any]:
    return {"ProductionVariants": [{"InstanceType": "ml.m5.large", "InitialInstanceCount": count}]}


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An endpoint with half of the serverless concurrency of a new account."""
    endpoint = SimpleNamespace(config=serverless(5))
    monkeypatch.setattr(STORE, "endpoints", {"a": endpoint})
    limits = {quotas.SERVERLESS: 10, "ml.m5.large for endpoint usage": 0}
    monkeypatch.setenv(quotas.VARIABLE, json.dumps(limits))
    return endpoint


def test_what_fits_is_not_refused(used: SimpleNamespace) -> None:
    quotas.check_endpoint(serverless(5))
    quotas.check_endpoint(serverless(10), instead_of=used)
    quotas.check_endpoint({"ProductionVariants": [{"InstanceType": "ml.c5.large", "InitialInstanceCount": 9}]})


def test_what_does_not_fit_is_told_with_its_numbers(used: SimpleNamespace) -> None:
    with pytest.raises(OperationError, match=r"serverless endpoints' is 10 .* utilization of 5 .* request delta of 6 "):
        quotas.check_endpoint(serverless(6))
    with pytest.raises(
        OperationError, match=r"'ml.m5.large for endpoint usage' is 0 Instances, .* delta of 2 Instances"
    ):
        quotas.check_endpoint(instances(2))


def test_without_a_setting_nothing_is_limited(used: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(quotas.VARIABLE)
    quotas.check_endpoint(instances(1000))
