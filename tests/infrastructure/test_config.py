"""A wrong value in the configuration: one line that names its key, and no Traceback."""

from __future__ import annotations

import re
from dataclasses import replace
from textwrap import dedent

import botocore
import pytest

from contract import Contract
from stacks import bundles, config, instance_types
from stacks.config import Alerting, Delivery, Network, StageConfig
from stacks.config_check import PATTERNS, RANGES, ConfigError, check, check_instances, check_names, chosen
from tests.example import DEV, PROD, STAGES

NETWORK = Network(
    subnets=("subnet-0123456789abcdef0",),
    security_groups=("sg-0123456789abcdef0",),
    availability_zone="eu-west-1a",
)


def problems(*stages: StageConfig, delivery: Delivery | None = None) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        check(stages, delivery)
    return [line.removeprefix("stacks/config.py: ") for line in str(raised.value).splitlines()]


def test_the_configuration_of_the_project_is_right() -> None:
    check(STAGES, Delivery("owner/name", (("dev",), ("prod",)), image_repository="mlops/page", cluster="apps"))
    check([replace(PROD, network=NETWORK, serving_mode="realtime", customer_key=True)], None)


@pytest.mark.parametrize(
    ("stage", "problem"),
    [
        (
            replace(DEV, throttle=replace(DEV.throttle, burst=0)),
            "STAGES[dev].throttle.burst is 0: use 1 to 5,000",
        ),
        (
            replace(DEV, alerting=Alerting(emails=("ops@example.com", "ops"))),
            "STAGES[dev].alerting.emails is ('ops@example.com', 'ops'): use e-mail addresses",
        ),
        (
            replace(DEV, alerting=Alerting(monthly_budget_usd=0)),
            "STAGES[dev].alerting.monthly_budget_usd is 0: use 1 to 10,000,000",
        ),
        (
            replace(DEV, alerting=Alerting(runbooks="docs/runbooks")),
            "STAGES[dev].alerting.runbooks is 'docs/runbooks': use a folder or an address that ends with /",
        ),
        (
            replace(DEV, throttle=replace(DEV.throttle, burst="20")),
            "STAGES[dev].throttle.burst is '20': use a whole number",
        ),
        (
            replace(DEV, glue=replace(DEV.glue, workers=True)),
            "STAGES[dev].glue.workers is True: use a whole number",
        ),
        (
            replace(DEV, glue=replace(DEV.glue, worker_type="G.3X")),
            "STAGES[dev].glue.worker_type is 'G.3X': use a worker type of Glue, such as G.1X",
        ),
        (
            replace(PROD, jobs=replace(PROD.jobs, training_instance="m5.large")),
            "STAGES[prod].jobs.training_instance is 'm5.large': SageMaker has no such type "
            f"(botocore {botocore.__version__}; a newer one may: ./dev lock --upgrade); "
            "for training jobs use ml.m5.large or ml.m5.xlarge or ml.m5.4xlarge, for example",
        ),
        (
            replace(DEV, jobs=replace(DEV.jobs, training_instance="ml.c5.large")),
            "STAGES[dev].jobs.training_instance is 'ml.c5.large': SageMaker has it for endpoints only; "
            "for training jobs use ml.c5.xlarge or ml.c5n.xlarge or ml.c5.9xlarge, for example",
        ),
        (
            replace(DEV, jobs=replace(DEV.jobs, transform_instance="ml.t3.medium")),
            "STAGES[dev].jobs.transform_instance is 'ml.t3.medium': SageMaker has it for processing jobs, "
            "training jobs only; for transform jobs use ml.m5.large, for example",
        ),
        (
            replace(PROD, approval="Maybe"),
            "STAGES[prod].approval is 'Maybe': use 'Approved' or 'PendingManualApproval'",
        ),
        (replace(DEV, log_retention=14), "STAGES[dev].log_retention is 14: use RetentionDays(...)"),
        (
            replace(DEV, name="Dev"),
            "STAGES[Dev].name is 'Dev': use 1 to 10 small letters and digits, a letter first",
        ),
        (
            replace(PROD, network=replace(NETWORK, subnets=["subnet-1"]), serving_mode="realtime"),
            "STAGES[prod].network.subnets is ['subnet-1']: use a tuple of text",
        ),
        (
            replace(PROD, network=replace(NETWORK, subnets=()), serving_mode="realtime"),
            "STAGES[prod].network.subnets is (): use ids of subnets, subnet-...",
        ),
        (
            replace(DEV, network=NETWORK),
            "STAGES[dev].serving_mode is 'serverless', and network is set: "
            "serverless endpoints run in no VPC; use 'realtime'",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write_instead(stage: StageConfig, problem: str) -> None:
    assert problems(stage) == [problem]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("ml.m5.larg", "SageMaker has no such type .*; for endpoints use ml.m5.large or "),
        (
            "ml.t3.medium",
            "SageMaker has it for processing jobs, training jobs only; for endpoints use ml.t2.medium or ",
        ),
        ("ml.what.ever", "SageMaker has no such type .*; for endpoints use ml.m5.large, for example$"),
    ],
)
def test_the_instance_type_of_a_model_is_one_for_endpoints(
    contracts: dict[str, Contract], value: str, told: str
) -> None:
    contract = contracts["california_housing"]
    wrong = replace(contract, serving=replace(contract.serving, instance_type=value))
    line = rf"^models/california_housing/model.toml: serving.instance_type is '{value}': {told}"
    with pytest.raises(ConfigError, match=line):
        check_instances([contract, wrong])
    check_instances([contract])


def test_every_use_has_a_list_of_its_own() -> None:
    lists = [frozenset(instance_types.types_for(use)) for use in instance_types.USES]
    assert len(set(lists)) == 4
    assert all("ml.m5.large" in types for types in lists)


def test_every_wrong_value_is_told_at_once() -> None:
    stage = replace(DEV, throttle=replace(DEV.throttle, burst=0), jobs=replace(DEV.jobs, volume_gb=0))
    told = problems(stage, stage, delivery=Delivery("just-a-name", (("dev",),)))
    assert [line.split(" is ")[0] for line in told] == [
        *["STAGES[dev].throttle.burst", "STAGES[dev].jobs.volume_gb"] * 2,
        "STAGES: two environments have the name 'dev'",
        "DELIVERY.repository",
    ]


@pytest.mark.parametrize(("page", "name"), [("api.md", "ACCESS"), ("ci.md", "DELIVERY"), ("network.md", "STAGES")])
def test_an_example_of_the_documentation_is_a_configuration(page: str, name: str) -> None:
    """As it would stand in stacks/config.py."""
    text = (bundles.ROOT / "docs" / page).read_text()
    (block,) = re.findall(r"^ *```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    before = {**vars(config), "STAGES": STAGES, "DELIVERY": None}
    names = dict(before)
    exec(dedent(block), names)
    assert names[name] != before.get(name)
    access = names.get("ACCESS", DEV.api)
    check([replace(stage, api=access) for stage in names["STAGES"]], names["DELIVERY"])


@pytest.mark.parametrize(
    ("accounts", "problem"),
    [
        ((("dev", "test"),), "there is no environment 'test'"),
        ((("dev",), ("prod", "dev")), "'dev' stands twice"),
        ((("dev",), ()), "an account without an environment"),
        ((), "an account without an environment"),
    ],
)
def test_the_accounts_of_the_delivery_hold_each_environment_once(
    accounts: tuple[tuple[str, ...], ...], problem: str
) -> None:
    told = problems(DEV, PROD, delivery=Delivery("owner/name", accounts))
    assert told == [f"DELIVERY.accounts is {accounts!r}: {problem}; use dev, prod, those of one account in a tuple"]


def test_an_account_that_is_no_tuple_is_told_by_its_type() -> None:
    told = problems(DEV, delivery=Delivery("owner/name", ("dev",)))  # type: ignore[arg-type]
    assert told == ["DELIVERY.accounts is ('dev',): use a tuple of a tuple of text"]


def test_two_models_that_would_be_one_to_cloudformation_are_told_by_name() -> None:
    check_names([DEV], ["churn_1", "churn_2", "churn1a", "churn"])
    with pytest.raises(ConfigError) as raised:
        check_names([DEV, PROD], ["churn1", "churn_1", "other"])
    assert str(raised.value) == (
        "models/churn_1: the names churn1 and churn_1 are both Churn1 in the templates; "
        "give one of the two another name (folder and model.name)"
    )


def test_a_version_of_a_model_finds_a_name_in_every_environment() -> None:
    """`mlops-prod-<39 letters>-99999-abcdef` has 63 characters."""
    check_names([DEV, PROD], ["m" * 39])
    with pytest.raises(ConfigError) as raised:
        check_names([DEV, PROD, replace(PROD, name="staging")], ["m" * 40, "short"])
    prod, staging = str(raised.value).splitlines()
    assert prod == (
        f"models/{'m' * 40}: mlops-prod-{'m' * 40} has 51 characters, and versions "
        "leave 50 of the 63 SageMaker takes: use at most 39 in model.name, or a shorter name for the environment prod"
    )
    assert "use at most 36 in model.name, or a shorter name for the environment staging" in staging


def test_an_environment_that_there_is_not_is_named_with_those_that_there_are() -> None:
    assert chosen(STAGES, ["prod"]) == [PROD]
    with pytest.raises(ConfigError, match="context stages: there is no environment 'test': use dev, prod"):
        chosen(STAGES, ["dev", "test"])


def test_every_rule_is_about_a_key_that_there_is() -> None:
    full = replace(PROD, network=NETWORK)
    for path in [*RANGES, *PATTERNS]:
        found: object = full if hasattr(full, path.partition(".")[0]) else Delivery("owner/name", (("dev",),))
        for part in path.split("."):
            assert hasattr(found, part), path
            found = getattr(found, part)
