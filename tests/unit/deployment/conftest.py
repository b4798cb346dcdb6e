"""The two functions, loaded once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.unit.deployment.fake import GROUP
from tests.unit.lambdas.loading import load_function

DEPLOY = {"RESOURCE_PREFIX": "mlops-dev-", "STAGE": "dev", "MODEL_ROLE_ARN": "role", "VERIFY_FUNCTION": "verify"}
DEPLOY |= {"LATE_SECONDS": "600", "DEPLOYMENT_QUEUE_URL": "https://deployments"}
VERIFY = {"RESOURCE_PREFIX": "mlops-dev-", "STAGE": "dev", "ALERTS_TOPIC_ARN": "topic"}


@pytest.fixture(scope="module")
def functions() -> tuple[SimpleNamespace, SimpleNamespace]:
    loaded = load_function("deploy_model", DEPLOY), load_function("verify_deployment", VERIFY)
    for function in loaded:
        contracts = function.handler.CONTRACTS
        for group in set(contracts) - {GROUP}:
            del contracts[group]
    return loaded
