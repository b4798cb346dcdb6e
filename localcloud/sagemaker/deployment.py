"""One deployment to an endpoint: a new fleet takes the traffic over in steps, or the old one keeps it."""

import logging
import time
from typing import TYPE_CHECKING, Any

from localcloud.cloudwatch import states
from localcloud.events.clock import scaled
from localcloud.sagemaker import events, fleets, variants
from localcloud.sagemaker.fleets import Fleet
from localcloud.sagemaker.guardrails import Plan, Step
from localcloud.sagemaker.naming import now

if TYPE_CHECKING:
    from localcloud.sagemaker.endpoints import Endpoint

Json = dict[str, Any]
POLL_SECONDS = 0.05
REASON_LENGTH = 1024
logger = logging.getLogger("localcloud")


class RolledBack(Exception):  # noqa: N818 - a state of the deployment
    """The deployment does not succeed; the message says why."""


class Deployment:
    """Runs in a thread of its own from Creating or Updating to InService, or to Failed without an old fleet."""

    def __init__(self, endpoint: "Endpoint", config: Json, plan: Plan) -> None:
        self._endpoint = endpoint
        self._config = config
        self._plan = plan
        self._started = now()
        self._deadline = float("inf")

    def run(self) -> None:
        endpoint = self._endpoint
        endpoint.announce()
        self._stage("Creating", lambda count: f"Launching {count} instance(s).", launched=False)
        try:
            new = self._launch()
            try:
                self._shift(new)
            except RolledBack:
                endpoint.route_to(None, 0.0)
                if endpoint.live is not None:
                    endpoint.change("RollingBack")
                new.stop()
                raise
        except RolledBack as reason:
            endpoint.record.pop("PendingDeploymentSummary", None)
            endpoint.change("InService" if endpoint.live else "Failed", FailureReason=str(reason)[:REASON_LENGTH])
            return
        old, endpoint.live = endpoint.live, new
        endpoint.route_to(None, 0.0)
        endpoint.record.pop("PendingDeploymentSummary", None)
        endpoint.change("InService", EndpointConfigName=new.config_name)
        if old is not None:
            old.stop()

    def _launch(self) -> Fleet:
        try:
            return fleets.start(self._endpoint.name, self._config)
        except variants.EXPECTED as error:
            raise RolledBack(str(error)) from error
        except Exception as error:
            logger.exception("endpoint %s", self._endpoint.name)
            raise RolledBack(f"InternalServerError: {type(error).__name__}: {error}") from error

    def _shift(self, new: Fleet) -> None:
        """Traffic step by step; an endpoint that has none yet is not in service before this ends."""
        if self._plan.timeout_seconds is not None:
            self._deadline = time.monotonic() + scaled(self._plan.timeout_seconds)
        if self._endpoint.live is None:
            return
        for step in self._plan.steps:
            self._stage("ActivatingTraffic", lambda count, at=step: f"Activating traffic on {_capacity(at, count)}.")
            self._endpoint.route_to(new, step.share)
            self._stage("Baking", lambda count, at=step: _baking(at, count))
            self._bake(step)

    def _bake(self, step: Step) -> None:
        end = time.monotonic() + scaled(step.bake_seconds)
        while True:
            if tripped := [name for name in self._plan.alarms if states.in_alarm(name)]:
                raise RolledBack(
                    "One or more alarms of the auto-rollback configuration went into the ALARM state during the "
                    f"deployment: {', '.join(tripped)}. The endpoint was rolled back to its previous configuration."
                )
            if time.monotonic() > self._deadline:
                raise RolledBack(
                    f"The deployment took longer than MaximumExecutionTimeoutInSeconds ({self._plan.timeout_seconds}). "
                    "The endpoint was rolled back to its previous configuration."
                )
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_SECONDS))

    def _stage(self, status: str, message: Any, *, launched: bool = True) -> None:
        """A secondary status of the new fleet, in PendingDeploymentSummary and as an event."""
        shown = []
        for variant in self._config["ProductionVariants"]:
            count = variant.get("InitialInstanceCount", 1)
            weight = float(variant.get("InitialVariantWeight", 1.0))
            current = {"Status": status, "StatusMessage": message(count), "StartTime": now()}
            shown.append(
                {
                    "VariantName": variant["VariantName"],
                    "CurrentWeight": weight,
                    "DesiredWeight": weight,
                    "VariantStatus": [current],
                    **_size(variant, launched),
                }
            )
        self._endpoint.record["PendingDeploymentSummary"] = {
            "EndpointConfigName": self._config["EndpointConfigName"],
            "StartTime": self._started,
            "ProductionVariants": shown,
        }
        if not any("ServerlessConfig" in variant for variant in self._config["ProductionVariants"]):
            events.deployment_changed(self._endpoint.description())


def _size(variant: Json, launched: bool) -> Json:
    if "ServerlessConfig" in variant:
        return {"DesiredServerlessConfig": variant["ServerlessConfig"]}
    count = variant.get("InitialInstanceCount", 1)
    return {"CurrentInstanceCount": count if launched else 0, "DesiredInstanceCount": count}


def _capacity(step: Step, count: int) -> str:
    if step.share == 1.0:
        return f"full capacity of {count} instance(s)"
    return f"canary capacity of {max(1, round(count * step.share))} instance(s)"


def _baking(step: Step, count: int) -> str:
    return f"Baking for {step.bake_seconds} seconds ({step.wait}) with traffic enabled on {_capacity(step, count)}."
