"""predict finds the version that a model of the multi-model endpoint answers from."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.shared_endpoint import (
    BUCKET,
    GROUP,
    MODEL,
    SHARED,
    expect_live,
)

ENVIRONMENT = {
    "RESOURCE_PREFIX": "mlops-prod-",
    "MODEL_TIMEOUT_SECONDS": "25",
    "RUNTIME_URL": "https://runtime.sagemaker.eu-west-1.amazonaws.com",
}


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The module, and a clock that the test moves."""
    module = load_function("predict", {**ENVIRONMENT, "SHARED_BUCKET": BUCKET}).addresses
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return SimpleNamespace(module=module, clock=clock)


def test_a_switch_is_seen_after_two_seconds_and_asked_for_no_sooner(addresses: SimpleNamespace) -> None:
    with Stubber(addresses.module.s3) as s3:
        expect_live(s3, 6)
        first = addresses.module.address_of(MODEL)
        addresses.clock.now += 1.9
        assert addresses.module.address_of(MODEL) == first
        addresses.clock.now += 0.2
        expect_live(s3, 7)
        assert addresses.module.address_of(MODEL).version == "7"
        s3.assert_no_pending_responses()
    assert (first.endpoint, first.target, first.version) == (SHARED, f"{MODEL}/6-0.tar.gz", "6")


def test_an_address_is_kept_while_s3_does_not_answer(addresses: SimpleNamespace) -> None:
    with Stubber(addresses.module.s3) as s3:
        s3.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(ClientError, match="SlowDown"):
            addresses.module.address_of(MODEL)
        expect_live(s3, 6)
        known = addresses.module.address_of(MODEL)
        addresses.clock.now += 2.1
        s3.add_client_error("get_object", "SlowDown", http_status_code=503)
        assert addresses.module.address_of(MODEL) == known
        addresses.clock.now += 2.1
        expect_live(s3, 7)
        assert addresses.module.address_of(MODEL).version == "7"
        s3.assert_no_pending_responses()


def test_reading_an_address_leaves_the_model_its_time(addresses: SimpleNamespace) -> None:
    config = addresses.module.s3.meta.config
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    assert longest + float(ENVIRONMENT["MODEL_TIMEOUT_SECONDS"]) <= 29


def test_a_model_that_the_shared_endpoint_does_not_know_has_its_own(addresses: SimpleNamespace) -> None:
    with Stubber(addresses.module.s3) as s3:
        expect_live(s3, None)
        address = addresses.module.address_of(MODEL)
        assert (address.endpoint, address.target, address.version) == (GROUP, None, None)
        addresses.module.address_of(MODEL)
        s3.assert_no_pending_responses()


def test_the_version_that_was_asked_is_the_one_that_is_named() -> None:
    """A container of many models knows no version."""
    function = load_function("predict", ENVIRONMENT)
    contract = function.handler.CONTRACTS[MODEL]
    answer = json.dumps({"predictions": [{"value": 1.0}], "run_id": "r", "model_version": None}).encode()
    made = function.logic.answer_of(answer, contract=contract, expected=1, request_id="r", version="6")
    assert (made["model_version"], made["run_id"]) == ("6", "r")
