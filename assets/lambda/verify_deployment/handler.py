"""Check a changed endpoint against the registry, record the verdict, and take back a version that fails."""

from __future__ import annotations

from typing import Any

from contract import bundled
from tracking import lines
from tracking.faults import is_unreadable
from tracking.hosting import SHARED, forget_served
from tracking.place import resource_name
from tracking.resources import is_gone
from tracking.versions import newest_approved
from verify_deployment.clients import autoscaling, s3, sagemaker
from verify_deployment.endpoints import described, version_of
from verify_deployment.golden import check_golden_rows
from verify_deployment.logic import State, decide, is_live, is_open
from verify_deployment.scaling import follow
from verify_deployment.settings import SETTINGS
from verify_deployment.shared import verify_all, verify_one
from verify_deployment.verdicts import record

log = lines.logger("verify_deployment")

CONTRACTS = {resource_name(SETTINGS.resource_prefix, name): contract for name, contract in bundled().items()}
# The models of the multi-model endpoint.
SHARING = {
    group: contract
    for group, contract in CONTRACTS.items()
    if SETTINGS.shared_bucket and contract.serving.hosting == "multi-model"
}
SHARED_ENDPOINT = resource_name(SETTINGS.resource_prefix, SHARED)


@lines.invocation(log)
def handler(event: dict[str, Any], _context: object) -> dict[str, State | None]:
    """Raises what AWS answers, so that the asynchronous invocation is tried again and kept at last."""
    name, group = event["detail"]["EndpointName"], event["detail"].get("ModelPackageGroupName")
    bucket = SETTINGS.shared_bucket
    if name in CONTRACTS and name not in SHARING:
        return {"state": verify(name)}
    if name != SHARED_ENDPOINT or bucket is None:
        return {"state": None}
    if group:  # deploy_model's word that a version lies there
        return {"state": verify_one(name, group, SHARING[group], bucket)}
    verify_all(name, SHARING, bucket)
    return {"state": None}


def verify(name: str) -> State | None:
    """The verdict that was recorded of the model's newest approved version, if there was one to record."""
    package, endpoint = newest_approved(sagemaker, name), described(name)
    if package is None or endpoint is None:
        return None
    # Whatever becomes of the version: an update may have ended the scaling before SageMaker rolled it back.
    if endpoint.status == "InService" and endpoint.has_instances:
        follow(autoscaling, name, CONTRACTS[name].serving, tags=SETTINGS.tags)
    wanted = version_of(package)
    lines.about(run_id=wanted.run_id)
    if not is_open(wanted):
        return None
    verdict = decide(wanted, endpoint, artifact_gone=is_unreadable(endpoint.failure) and is_gone(s3, wanted.artifact))
    if verdict is None and is_live(wanted, endpoint):
        verdict = check_golden_rows(wanted, name)
    if verdict is None:
        log.info("Nothing to verify yet", extra={"endpoint": name, "status": endpoint.status})
        return None
    model = CONTRACTS[name].name
    if verdict.state == "deployed" and SETTINGS.shared_bucket:
        forget_served(s3, SETTINGS.shared_bucket, model)
    return record(model, wanted, verdict)
