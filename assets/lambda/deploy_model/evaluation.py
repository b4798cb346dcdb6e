"""What the gate approved against a version that is no longer the champion is evaluated again, against the one that is.

Of two runs at the same time the second was compared with the champion of its start. Nobody knows whether it is better
than the version of the first, which was approved meanwhile.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from contract import Contract
from deploy_model.clients import bus, cloudwatch, sagemaker
from deploy_model.events import Cause
from deploy_model.logic import Package
from deploy_model.losses import is_full
from deploy_model.registry import outdate
from deploy_model.settings import SETTINGS
from deploy_model.settled import EVALUATED
from tracking.losses import count_lost
from tracking.place import project_of
from tracking.resources import found
from tracking.states import REJECTED
from tracking.versions import champion_of, summaries

log = logging.getLogger("deploy_model")

ASKED = "deployment_evaluation_asked_at"
# How old a version may be whose evaluation a check asks for: it is registered, and taken back once its turn comes.
LOOKED_BACK = timedelta(days=3)
FEW = 5


class NotAskedError(Exception):
    """EventBridge did not take the event. SQS delivers the decision again."""


def is_outdated(group: str, contract: Contract, package: Package, cause: Cause) -> bool:
    """True of a version that is taken back for that: the event of its rejection asks for the evaluation.

    Only of one that the gate alone approved, and before anything was recorded of it. What a person approves, or asks
    to be deployed, is compared enough: in the console the event alone tells of a person.
    """
    if not package.by_gate or package.state or package.verified or not package.compared:
        return False
    if cause.update and (cause.approved == package.version or cause.rejected == package.arn):
        return False
    champion = champion_of(sagemaker, group, package.version, package.order)
    if champion is None or str(champion["ModelPackageVersion"]) == package.compared:
        return False
    outdate(package, champion["ModelPackageVersion"])
    facts = {"model": contract.name, "model_version": package.version, "compared": package.compared}
    log.info("Version outdated", extra={**facts, "champion": champion["ModelPackageVersion"]})
    return True


def evaluate_unheard(group: str, contract: Contract, cause: Cause) -> None:
    """For a check: what was taken back, and the event of that, which asks for the evaluation, is late or lost.

    Each takes a call of its own. A check looks at the newest ones, and once an hour at all that are not old.
    """
    rejected = summaries(sagemaker, group, ModelApprovalStatus=REJECTED)
    for summary in rejected if is_full(cause) else islice(rejected, FEW):
        if summary["CreationTime"] < cause.at - LOOKED_BACK:
            return
        if EVALUATED.holds(summary):
            continue
        asked = evaluate_again(contract, summary["ModelPackageArn"], until=cause.at - SETTINGS.late)
        if asked:
            count_lost(cloudwatch, prefix=SETTINGS.resource_prefix, stage=SETTINGS.stage)
        if asked is not None:
            EVALUATED.add(summary)


def evaluate_again(contract: Contract, package_arn: str, *, until: datetime | None = None) -> bool | None:
    """Ask for it when the version is one that was taken back, and nobody asked yet: then True.

    `until`: only of one that was taken back before that, None is the answer of a younger one. As often as it is asked
    for it is the same training.
    """
    described = found(sagemaker.describe_model_package, ModelPackageName=package_arn)
    metadata: dict[str, Any] = (described or {}).get("CustomerMetadataProperties", {})
    if described is None or metadata.get("deployment_state") != "outdated" or metadata.keys() & {"decided_by", ASKED}:
        return False
    if described["ModelApprovalStatus"] != REJECTED:
        return False
    if until is not None and datetime.fromisoformat(metadata["deployment_recorded_at"]) > until:
        return None
    attempt = f"champion-{metadata['deployment_champion']}"
    detail = {"model": contract.name, "run_id": metadata["run_id"], "attempt": attempt}
    entry = {
        "Source": f"{project_of(SETTINGS.resource_prefix, SETTINGS.stage)}.{SETTINGS.stage}",
        "DetailType": "Training Requested",
        "Detail": json.dumps(detail),
    }
    if bus.put_events(Entries=[entry])["FailedEntryCount"]:
        raise NotAskedError(f"EventBridge did not take the request to evaluate {package_arn} again.")
    told = {ASKED: datetime.now(UTC).isoformat(timespec="seconds")}
    sagemaker.update_model_package(ModelPackageArn=package_arn, CustomerMetadataProperties=told)
    log.info("Evaluation asked for", extra=detail)
    return True
