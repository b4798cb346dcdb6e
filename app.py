"""Synthesise every environment into cdk.out: `python app.py`, or through the CDK command line."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import stacks  # noqa: F401  (lets aws_cdk find Node, so it stands first)

# isort: split
from aws_cdk import App

from contract import ContractError, load_all
from stacks import bundles
from stacks.commit import commit_of
from stacks.config import DELIVERY, STAGES, Delivery, StageConfig
from stacks.config_check import ConfigError, check, check_instances, check_names, chosen
from stacks.constructs.acknowledge import acknowledge
from stacks.delivery import DeliveryStack
from stacks.limits import check_templates
from stacks.stage import MlopsStage

# Given to the app here as the command line gives it, so that the templates are the same without one.
CONTEXT = json.loads((bundles.ROOT / "cdk.json").read_text())["context"]


def main(
    models: Path = bundles.MODELS,
    delivery: Delivery | None = DELIVERY,
    stages: Sequence[StageConfig] = STAGES,
) -> None:
    """Context `stages` (dev,prod) says which environments; without it, all.

    CDK_VALIDATION=true checks the templates, for 3 s more.
    CODE_COMMIT names the commit that is deployed, which every model version carries; by default it is HEAD of this
    checkout. MODELS_DIR: other models than ours.
    """
    try:
        check(stages, delivery)
        contracts = load_all(os.path.relpath(models))
        check_names(stages, contracts)
        check_instances(contracts.values())
    except (ConfigError, ContractError) as error:
        sys.exit(str(error))
    app = App(
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        context=CONTEXT,
        analytics_reporting=False,
        tree_metadata=False,
        builtin_cloud_formation_validation=os.environ.get("CDK_VALIDATION") == "true",
    )
    # Ours is the check that says what to do.
    acknowledge(app, {"Annotation::@aws-cdk/core:Stack.templateSize": "stacks.limits says what to do."})
    names = app.node.try_get_context("stages")
    try:
        wanted = stages if names is None else chosen(stages, str(names).split(","))
    except ConfigError as error:
        sys.exit(str(error))
    commit = os.environ.get("CODE_COMMIT") or commit_of(bundles.ROOT)
    with TemporaryDirectory() as staging:
        packed = bundles.build(Path(staging), models=models)
        for config in wanted:
            MlopsStage(
                app,
                config=config,
                contracts=contracts,
                bundles=packed,
                commit=commit,
            )
        if delivery is not None:
            for account in delivery.accounts:
                DeliveryStack(app, config=delivery, stages=chosen(stages, account))
        made = app.synth()
    try:
        check_templates(Path(made.directory), many=all(config.many_models for config in wanted))
    except ConfigError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(os.environ.get("MODELS_DIR", bundles.MODELS)))
