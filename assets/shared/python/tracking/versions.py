"""The model registry: versions with their lineage, and which of them answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from weakref import WeakKeyDictionary

from tracking.artifacts import UnservableError, artifact_of
from tracking.hosting import SHARED, Served, read_served
from tracking.order import Order, order_of
from tracking.place import Place, project_of
from tracking.resources import found
from tracking.states import APPROVED, Facts, State, state_of

# What the registry takes in a metadata value: 1 to 256 letters, digits, spaces and _ . : / = + - @
_FOREIGN = re.compile(r"[^\w .:/=+\-@]+")
MAX_METADATA = 256
# What it takes as the description of an approval.
MAX_DESCRIPTION = 1024
# Of versions that were described before, by client, ARN and registration: a group that was made anew numbers its
# versions anew. An order never changes, and after a burst each decision is between hundreds.
_orders: WeakKeyDictionary[Any, dict[tuple[str, datetime], Order]] = WeakKeyDictionary()
# What is recorded of a deployment on its way; a version that begins anew has none of it.
BOOKKEEPING = (
    "deployment_state",
    "deployment_reason",
    "deployment_seen",
    "deployment_attempts",
    "deployment_recorded_at",
    "deployment_champion",
    "deployment_evaluation_asked_at",
)
# States of an endpoint that answers nobody: it never came up, or goes.
SILENT = ("Creating", "Failed", "OutOfService", "Deleting")


@dataclass(frozen=True)
class ModelVersion:
    """A version in the registry. `metadata` is its lineage and what became of its deployment.

    `wanted`, `answered` and `successor` as in tracking.states.Facts: what the others are tells of this one, too.
    `gate_reason` says why the gate let it in, `description` why it was approved or rejected.
    """

    number: int
    arn: str
    approval: str
    description: str
    created: datetime
    artifact: str
    live: bool
    metadata: Mapping[str, str]
    gate_reason: str = ""
    wanted: bool = False
    answered: bool = False
    successor: bool = False

    @property
    def order(self) -> Order:
        """The greater one of two versions is the newer."""
        return Order.of(self.metadata, created=self.created, number=self.number)

    @property
    def state(self) -> State:
        return state_of(
            Facts(
                self.approval,
                self.metadata.get("deployment_state", ""),
                live=self.live,
                wanted=self.wanted,
                answered=self.answered,
                successor=self.successor,
            )
        )

    @property
    def deployment(self) -> str:
        """As people read it."""
        return str(self.state)

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        for name in ("wanted", "answered", "successor"):
            del document[name]
        return {**document, "created": self.created.isoformat(), "deployment": self.deployment}


@dataclass(frozen=True)
class _Others:
    """ARNs: of the version that answers, and of the newest approved one; "" where there is none."""

    live: str
    wanted: str


def versions(place: Place, model: str) -> list[ModelVersion]:
    """Every version of the model, the highest number first."""
    sagemaker = place.client("sagemaker")
    arns = [summary["ModelPackageArn"] for summary in summaries(sagemaker, place.resource_name(model))]
    with ThreadPoolExecutor(8) as pool:
        described = list(pool.map(lambda arn: sagemaker.describe_model_package(ModelPackageName=arn), arns))
    # Last: a version is recorded as deployed after it answers.
    wanted = max((item for item in described if item["ModelApprovalStatus"] == APPROVED), key=order_of, default=None)
    others = _Others(live_package(place, model), wanted["ModelPackageArn"] if wanted else "")
    return sorted((_version(package, others) for package in described), key=lambda item: item.number, reverse=True)


def find_version(place: Place, model: str, number: int) -> ModelVersion | None:
    """One version; None when the model has no such."""
    sagemaker = place.client("sagemaker")
    known = list(summaries(sagemaker, place.resource_name(model)))
    arn = next((item["ModelPackageArn"] for item in known if item["ModelPackageArn"].endswith(f"/{number}")), None)
    if arn is None:
        return None
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    chosen = [item for item in known if item["ModelApprovalStatus"] == APPROVED]
    newest = _newest(sagemaker, sorted(chosen, key=lambda item: item["CreationTime"], reverse=True))
    return _version(described, _Others(live_package(place, model), newest["ModelPackageArn"] if newest else ""))


def live_version(place: Place, model: str) -> ModelVersion | None:
    """The version that answers now; None when there is no endpoint, or one of a version that the registry lost."""
    live = live_package(place, model)
    sagemaker = place.client("sagemaker")
    package = found(sagemaker.describe_model_package, ModelPackageName=live) if live else None
    if package is None:
        return None
    newest = newest_approved(sagemaker, place.resource_name(model))
    return _version(package, _Others(live, newest["ModelPackageArn"] if newest else ""))


def newest_approved(sagemaker: Any, group: str) -> dict[str, Any] | None:
    """The package that the endpoint should serve, the champion, as described; None while no version is approved.

    Newest is that of the latest upload: what was uploaded first may be registered last.
    """
    return _newest(sagemaker, approved(sagemaker, group))


def champion_of(sagemaker: Any, group: str, number: int, order: Order) -> dict[str, Any] | None:
    """The newest approved one of those that this version comes after, by registration and by upload."""
    before = (summary for summary in approved(sagemaker, group) if summary["ModelPackageVersion"] < number)
    return _newest(sagemaker, before, older_than=order)


def approved(sagemaker: Any, group: str) -> Iterator[dict[str, Any]]:
    """Summaries of the approved versions, the last registered first.

    SageMaker may filter a page after it took it, to nothing.
    """
    return summaries(sagemaker, group, ModelApprovalStatus=APPROVED)


def summaries(sagemaker: Any, group: str, **only: str) -> Iterator[dict[str, Any]]:
    """Of all versions, the last registered first, or of those that `only` names as ListModelPackages does."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, **only, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        yield from page["ModelPackageSummaryList"]


def _newest(
    sagemaker: Any, listed: Iterable[Mapping[str, Any]], *, older_than: Order | None = None
) -> dict[str, Any] | None:
    """Of summaries, the last registered first. They do not say when the upload was: descriptions do.

    Only those are described that were registered after the newest one's upload, as none of the others can be newer, and
    each once.
    """
    known = _orders.setdefault(sagemaker, {})
    newest: tuple[Order, str] | None = None
    described: dict[str, dict[str, Any]] = {}
    for summary in listed:
        if newest is not None and summary["CreationTime"] < newest[0].uploaded:
            break
        arn = summary["ModelPackageArn"]
        key = arn, summary["CreationTime"]
        if key not in known:
            described[arn] = sagemaker.describe_model_package(ModelPackageName=arn)
            known[key] = order_of(described[arn])
        order = known[key]
        if (older_than is None or order < older_than) and (newest is None or order > newest[0]):
            newest = order, arn
    if newest is None:
        return None
    return described.get(newest[1]) or dict(sagemaker.describe_model_package(ModelPackageName=newest[1]))


def live_package(place: Place, model: str) -> str:
    """ARN of the version that answers now, "" when there is no endpoint, or one that answers nobody."""
    sagemaker = place.client("sagemaker")
    shared = served_by_shared(place, model)
    if shared and answers(found(sagemaker.describe_endpoint, EndpointName=place.resource_name(SHARED))):
        return shared.package
    endpoint = found(sagemaker.describe_endpoint, EndpointName=place.resource_name(model))
    return served_package(sagemaker, endpoint["EndpointConfigName"]) if endpoint and answers(endpoint) else ""


def answers(endpoint: Mapping[str, Any] | None) -> bool:
    """Whether requests to an endpoint, as described, are answered: also by the old fleet while it changes."""
    return endpoint is not None and endpoint["EndpointStatus"] not in SILENT


def served_by_shared(place: Place, model: str) -> Served | None:
    """What the multi-model endpoint was switched to; None for a model that it does not serve."""
    return read_served(place.client("s3"), place.shared_bucket, model) if place.shared_bucket else None


def served_package(sagemaker: Any, config_name: str) -> str:
    """ARN of the model package behind an endpoint configuration, "" where that or its model was deleted by hand."""
    config = found(sagemaker.describe_endpoint_config, EndpointConfigName=config_name)
    name = config["ProductionVariants"][0]["ModelName"] if config else ""
    model = found(sagemaker.describe_model, ModelName=name) if name else None
    if model is None:
        return ""
    container = model.get("PrimaryContainer") or model["Containers"][0]
    return str(container.get("ModelPackageName", ""))


def archive_of(package: Mapping[str, Any]) -> str:
    """URI of the artifact. Anybody may register a version, also one that nothing can serve: it is listed too."""
    try:
        return artifact_of(package).uri
    except UnservableError:
        return ""


Trouble = Literal["DeploymentFailures", "RejectedServing"]


def count(cloudwatch: Any, trouble: Trouble, *, model: str, stage: str, prefix: str) -> None:
    """One more; an alarm watches each metric. Each environment has a namespace: policies know nothing narrower.

    DeploymentFailures: a version is approved and not live. RejectedServing: one is live and rejected, and none is
    approved.
    """
    dimensions = [{"Name": "Model", "Value": model}, {"Name": "Stage", "Value": stage}]
    metric = {"MetricName": trouble, "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace=f"{project_of(prefix, stage)}/{stage}", MetricData=[metric])


def metadata_value(text: str) -> str:
    """The text as the registry takes it; SageMaker's own reasons hold anything."""
    return " ".join(_FOREIGN.sub(" ", text).split())[:MAX_METADATA] or "-"


def description_value(text: str) -> str:
    """The text as the registry takes it for the description of an approval: one line that can be seen."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(seen.split())[:MAX_DESCRIPTION]


def _version(package: Mapping[str, Any], others: _Others) -> ModelVersion:
    return ModelVersion(
        number=package["ModelPackageVersion"],
        arn=package["ModelPackageArn"],
        approval=package["ModelApprovalStatus"],
        description=package.get("ApprovalDescription", ""),
        created=package["CreationTime"],
        artifact=archive_of(package),
        live=package["ModelPackageArn"] == others.live,
        metadata=package.get("CustomerMetadataProperties", {}),
        wanted=package["ModelPackageArn"] == others.wanted,
        answered=bool(others.live),
        successor=bool(others.wanted),
        gate_reason=package.get("ModelPackageDescription", ""),
    )
