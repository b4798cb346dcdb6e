"""A small AWS in which the real deploy_model and verify_deployment run: a registry, one endpoint, a queue and a clock.

SageMaker's part refuses what SageMaker refuses, and every change of a model package is an event, as on AWS. Nothing
happens by itself: a test delivers events, and says when the endpoint is through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tracking.order import Order, order_of

GROUP = "mlops-dev-california-housing"
ARN = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}"
START = datetime(2026, 1, 2, tzinfo=UTC)
TIME = re.compile(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
Json = dict[str, Any]


def refusal(code: str, message: str, operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def invalid(message: str) -> ClientError:
    return refusal("ValidationException", message)


@dataclass
class World:
    """`faulty` versions cannot be served for a reason of their own: at CreateModel, or by their golden rows.

    `broken`: code and message with which SageMaker refuses to change the endpoint, until it is mended. `outage`: the
    reason for which a fleet does not come up. `writes`: who changed which version, and how.
    """

    versions: dict[int, Json] = field(default_factory=dict)
    models: dict[str, Json] = field(default_factory=dict)
    configs: dict[str, Json] = field(default_factory=dict)
    endpoint: Json | None = None
    pending: str | None = None
    no_artifact: set[int] = field(default_factory=set)
    wrong_rows: set[int] = field(default_factory=set)
    broken: tuple[str, str] | None = None
    outage: str = ""
    now: datetime = START
    queue: list[Json] = field(default_factory=list)
    changed: list[Json] = field(default_factory=list)
    # What arrived before, to arrive once more: of the registry and of the endpoint.
    delivered: list[Json] = field(default_factory=list)
    told: list[Json] = field(default_factory=list)
    writes: list[tuple[str, int, str, str]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    # Trainings that were requested.
    asked: list[Json] = field(default_factory=list)
    writer: str = "person"

    def tick(self, seconds: float = 1.0) -> None:
        self.now += timedelta(seconds=seconds)

    def add(self, number: int, approval: str = "PendingManualApproval", *, uploaded: int | None = None) -> None:
        """`uploaded`: the place of its upload among all of them; by default versions are registered in that order."""
        moment = START + timedelta(minutes=number if uploaded is None else uploaded) - timedelta(days=1)
        self.versions[number] = {
            "ModelPackageArn": f"{ARN}/{number}",
            "ModelPackageVersion": number,
            "ModelPackageGroupName": GROUP,
            "ModelApprovalStatus": approval,
            "CreationTime": START + timedelta(minutes=number),
            "CustomerMetadataProperties": {
                "evaluation_uri": f"s3://artifact/{number}/evaluation.json",
                "uploaded_at": moment.isoformat(),
            },
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"s3://artifact/{number}/model.tar.gz"}]},
        }

    def live(self) -> int | None:
        """The version that answers."""
        if self.endpoint is None or self.endpoint["EndpointStatus"] in ("Creating", "Failed"):
            return None
        return self.version_of(self.endpoint["EndpointConfigName"])

    def version_of(self, config: str) -> int:
        model = self.models[self.configs[config]["ProductionVariants"][0]["ModelName"]]
        return int(model["PrimaryContainer"]["ModelPackageName"].rsplit("/", 1)[1])

    def register(self, number: int, *, compared: str, uploaded: int | None = None) -> None:
        """As the pipeline does it where the gate alone decides. `compared`: "none", or "" of an older pipeline."""
        self.add(number, "Approved", uploaded=uploaded)
        told = {"run_id": f"{number:016x}", "registered_as": "Approved", "champion_version": compared}
        metadata = self.versions[number]["CustomerMetadataProperties"]
        metadata |= {name: value for name, value in told.items() if value}
        detail = {"ModelPackageGroupName": GROUP, "ModelPackageVersion": number, "ModelApprovalStatus": "Approved"}
        detail["ModelPackageArn"] = f"{ARN}/{number}"
        self.queue.append({"detail": detail, "time": self.now.replace(microsecond=0).isoformat()})

    def newest(self) -> int | None:
        """Of the approved versions."""
        approved = [item for item in self.versions.values() if item["ModelApprovalStatus"] == "Approved"]
        newest = max(approved, key=order_of, default=None)
        return int(newest["ModelPackageVersion"]) if newest else None

    def order(self, number: int) -> Order:
        return order_of(self.versions[number])

    def recorded(self, number: int) -> str:
        return str(self.versions[number]["CustomerMetadataProperties"].get("deployment_state", ""))

    def approval(self, number: int) -> str:
        return str(self.versions[number]["ModelApprovalStatus"])

    def likeness(self) -> str:
        """Equal for worlds in which the same can happen: times count by their order alone."""
        facts = {name: value for name, value in self.__dict__.items() if name not in ("writes", "counted", "writer")}
        text = json.dumps(facts, default=lambda item: item.isoformat() if isinstance(item, datetime) else sorted(item))
        times = sorted(set(TIME.findall(text)))
        ranks = {time: str(rank) for rank, time in enumerate(times)}
        return TIME.sub(lambda at: ranks[at[0]], text)

    def settle(self) -> None:
        """The change of the endpoint ends, and tells so."""
        if self.endpoint is None or self.pending is None:
            return
        self.tick()
        created = self.endpoint["EndpointStatus"] == "Creating"
        self.endpoint["LastModifiedTime"] = self.now
        if self.outage:
            self.endpoint |= {"EndpointStatus": "Failed" if created else "InService", "FailureReason": self.outage}
        else:
            self.endpoint |= {"EndpointStatus": "InService", "EndpointConfigName": self.pending}
        self.pending = None
        self.changed.append({"detail": {"EndpointName": GROUP}})


def client(methods: Mapping[str, Callable[..., Any]], **more: Any) -> Any:
    return SimpleNamespace(**methods, **more)


@dataclass(eq=False)
class SageMaker:
    """The operations that the functions call."""

    world: World
    described: int = 0

    def get_paginator(self, _name: str) -> Any:
        return SimpleNamespace(paginate=lambda **request: [self.list_model_packages(**request)])

    def list_model_packages(self, **request: Any) -> Json:
        known = sorted(self.world.versions.values(), key=lambda item: item["CreationTime"], reverse=True)
        wanted = request.get("ModelApprovalStatus")
        return {"ModelPackageSummaryList": [v for v in known if wanted in (None, v["ModelApprovalStatus"])]}

    def describe_model_package(self, *, ModelPackageName: str) -> Json:  # noqa: N803  (AWS's names)
        self.described += 1
        found = self.world.versions[int(ModelPackageName.rsplit("/", 1)[1])]
        return {**found, "CustomerMetadataProperties": dict(found["CustomerMetadataProperties"])}

    def update_model_package(self, *, ModelPackageArn: str, **change: Any) -> None:  # noqa: N803
        world, number = self.world, int(ModelPackageArn.rsplit("/", 1)[1])
        found, fields = world.versions[number], []
        if "ModelApprovalStatus" in change:
            found["ModelApprovalStatus"] = change["ModelApprovalStatus"]
            fields.append("ModelApprovalStatus")
        metadata = dict(found["CustomerMetadataProperties"])
        for name in change.get("CustomerMetadataPropertiesToRemove", ()):
            metadata.pop(name, None)
        metadata |= change.get("CustomerMetadataProperties", {})
        assert all(0 < len(value) <= 256 for value in metadata.values())
        if metadata != found["CustomerMetadataProperties"]:
            fields.append("CustomerMetadataProperties")
        found["CustomerMetadataProperties"] = metadata
        found["LastModifiedTime"] = world.now
        state = metadata.get("deployment_state", "")
        world.writes.append((world.writer, number, found["ModelApprovalStatus"], state))
        detail = {
            "ModelPackageArn": ModelPackageArn,
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": number,
            "ModelApprovalStatus": found["ModelApprovalStatus"],
            "UpdatedModelPackageFields": fields,
        }
        # EventBridge keeps whole seconds.
        time = world.now.replace(microsecond=0).isoformat()
        if found["ModelApprovalStatus"] != "PendingManualApproval":
            world.queue.append({"detail": detail, "time": time})

    def describe_endpoint(self, *, EndpointName: str) -> Json:  # noqa: N803
        if self.world.endpoint is None or EndpointName != GROUP:
            raise invalid(f'Could not find endpoint "{EndpointName}".')
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": self.world.pending}} if self.world.pending else {}
        return {**self.world.endpoint, **pending}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> Json:  # noqa: N803
        if EndpointConfigName not in self.world.configs:
            raise invalid("Could not find endpoint configuration.")
        return self.world.configs[EndpointConfigName]

    def describe_model(self, *, ModelName: str) -> Json:  # noqa: N803
        if ModelName not in self.world.models:
            raise invalid("Could not find model.")
        return self.world.models[ModelName]

    def create_model(self, **request: Any) -> None:
        number = int(request["PrimaryContainer"]["ModelPackageName"].rsplit("/", 1)[1])
        if self.world.approval(number) != "Approved":
            raise invalid(f"Model package {number} is not approved for deployment")
        if number in self.world.no_artifact:
            raise invalid(f"Could not find model data at s3://artifact/{number}/model.tar.gz.")
        self.world.models[request["ModelName"]] = request

    def create_endpoint_config(self, **request: Any) -> None:
        self.world.configs[request["EndpointConfigName"]] = request

    def create_endpoint(self, **request: Any) -> None:
        if self.world.endpoint is not None:
            raise invalid("Cannot create already existing endpoint.")
        self._begin(request["EndpointConfigName"], "Creating")

    def update_endpoint(self, **request: Any) -> None:
        endpoint = self.world.endpoint
        assert endpoint is not None
        if endpoint["EndpointStatus"] != "InService":
            raise invalid("Cannot update in-progress endpoint.")
        before, after = (
            self._capacity(name) for name in (endpoint["EndpointConfigName"], request["EndpointConfigName"])
        )
        if "InstanceType" in before and "ServerlessConfig" in after:
            raise invalid("Updating a real-time endpoint to a serverless endpoint is not supported.")
        self._begin(request["EndpointConfigName"], "Updating")

    def _capacity(self, config: str) -> Json:
        variant: Json = self.world.configs[config]["ProductionVariants"][0]
        return variant

    def _begin(self, config: str, status: str) -> None:
        if self.world.broken is not None:
            raise refusal(*self.world.broken)
        self.world.tick()
        before = self.world.endpoint or {"EndpointName": GROUP, "EndpointConfigName": config, "LastModifiedTime": START}
        self.world.endpoint = {**before, "EndpointStatus": status}
        self.world.endpoint.pop("FailureReason", None)
        self.world.pending = config

    def delete_endpoint(self, *, EndpointName: str) -> None:  # noqa: N803
        assert EndpointName == GROUP
        if self.world.pending:
            raise invalid("Cannot delete in-progress endpoint.")
        self.world.endpoint = None


class _Missing(Exception):  # noqa: N818
    pass


def _golden(world: World) -> Any:
    """Golden rows of every version; what the endpoint answers is right, unless the live version is a wrong one."""

    def get_object(*, Key: str, **_: Any) -> Json:  # noqa: N803
        golden = {"instances": [{"a": 1}], "predictions": [1.0], "tolerance": 1e-6}
        assert Key.endswith("golden.json")
        return {"Body": SimpleNamespace(read=lambda: json.dumps(golden).encode())}

    def head_object(*, Key: str, **_: Any) -> Json:  # noqa: N803
        if int(Key.split("/", maxsplit=1)[0]) in world.no_artifact:
            raise refusal("404", "Not Found")
        return {}

    return client(
        {"get_object": get_object, "head_object": head_object}, exceptions=SimpleNamespace(NoSuchKey=_Missing)
    )


def _runtime(world: World) -> Any:
    def invoke_endpoint(**_: Any) -> Json:
        value = 9.0 if world.live() in world.wrong_rows else 1.0
        body = json.dumps({"predictions": [{"value": value}]}).encode()
        return {"Body": SimpleNamespace(read=lambda: body)}

    return client({"invoke_endpoint": invoke_endpoint}, exceptions=SimpleNamespace(ModelError=_Missing))


def _scaling() -> Any:
    """No endpoint is scaled."""
    return client({"describe_scalable_targets": lambda **_: {"ScalableTargets": []}})


def clients(world: World) -> dict[str, Any]:
    """By the names that the functions' modules have for them."""

    def invoke(*, Payload: bytes, **_: Any) -> None:  # noqa: N803
        world.changed.append(json.loads(Payload))

    def put_events(*, Entries: list[Json]) -> Json:  # noqa: N803
        (entry,) = Entries
        assert (entry["Source"], entry["DetailType"]) == ("mlops.dev", "Training Requested")
        world.asked.append(json.loads(entry["Detail"]))
        return {"FailedEntryCount": 0}

    def put_metric_data(*, MetricData: list[Json], **_: Any) -> None:  # noqa: N803
        world.counted.append(MetricData[0]["MetricName"])

    return {
        "sagemaker": SageMaker(world),
        "s3": _golden(world),
        "runtime": _runtime(world),
        "autoscaling": _scaling(),
        "functions": client({"invoke": invoke}),
        "bus": client({"put_events": put_events}),
        "cloudwatch": client({"put_metric_data": put_metric_data}),
        "sns": client({"publish": lambda **_: None}),
    }
