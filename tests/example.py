"""The application that tests are about: models and environments of their own, whatever stands in models/ and STAGES.

Copies of what ships, so that neither another model nor another setting of a fork changes an expected value.
What is true of any fork is tested in tests/infrastructure/test_own.py.
"""

from __future__ import annotations

import stacks  # noqa: F401  (lets aws_cdk find Node, so it stands first)

# isort: split
from aws_cdk.aws_logs import RetentionDays

from stacks.config import Alerting, GlueCapacity, Jobs, StageConfig, Throttle

DEV = StageConfig(
    name="dev",
    protected=False,
    approval="Approved",
    log_retention=RetentionDays.TWO_WEEKS,
    throttle=Throttle(requests_per_second=10, burst=20, requests_per_day=10_000),
    glue=GlueCapacity(worker_type="G.1X", workers=2, concurrent_runs=3, timeout_minutes=30),
    jobs=Jobs(
        processing_instance="ml.m5.large",
        training_instance="ml.m5.large",
        transform_instance="ml.m5.large",
        volume_gb=30,
        timeout_seconds=3600,
    ),
    serving_mode="serverless",
)

PROD = StageConfig(
    name="prod",
    protected=True,
    approval="PendingManualApproval",
    log_retention=RetentionDays.ONE_YEAR,
    throttle=Throttle(requests_per_second=50, burst=100, requests_per_day=1_000_000),
    glue=GlueCapacity(worker_type="G.1X", workers=2, concurrent_runs=5, timeout_minutes=120),
    jobs=Jobs(
        processing_instance="ml.m5.large",
        training_instance="ml.m5.xlarge",
        transform_instance="ml.m5.xlarge",
        volume_gb=50,
        timeout_seconds=4 * 3600,
    ),
    alerting=Alerting(encrypted=True),
)

STAGES = (DEV, PROD)
