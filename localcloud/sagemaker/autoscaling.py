"""Application Auto Scaling of endpoint variants: targets and policies are checked and kept, nothing is scaled here."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud import iam, platform
from localcloud.ministack import others
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.naming import now, random_id
from localcloud.sagemaker.store import STORE

NAMESPACE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
_RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
Json = dict[str, Any]


def _variant(request: Json) -> tuple[str, str]:
    """Endpoint and variant of a request. Raises ValidationException for other services and dimensions."""
    if request["ServiceNamespace"] != NAMESPACE or request["ScalableDimension"] != DIMENSION:
        raise invalid(
            f"{request['ScalableDimension']} of {request['ServiceNamespace']} is not supported by the local "
            f"Application Auto Scaling, only {DIMENSION}"
        )
    match = _RESOURCE.fullmatch(request["ResourceId"])
    if match is None:
        raise invalid(f"Invalid resource ID {request['ResourceId']}: endpoint/<name>/variant/<name> is expected")
    return match["endpoint"], match["variant"]


def register(request: Json) -> Json:
    name, variant = _variant(request)
    key, wanted = request["ResourceId"], request.get("Tags", {})
    _check_endpoint(name, variant)
    with STORE.lock:
        known = STORE.scalable_targets.get(key, {})
        if known and wanted:
            raise invalid(f"{key} is registered already: TagResource adds tags to a scalable target that is there")
        target = {**known, **{member: value for member, value in request.items() if member != "Tags"}}
        for member in ("MinCapacity", "MaxCapacity"):
            if member not in target:
                raise invalid(f"{member} is required to register a new scalable target")
        if target["MinCapacity"] > target["MaxCapacity"]:
            raise invalid("Minimum capacity must be less than or equal to maximum capacity")
        target.setdefault("CreationTime", now())
        target.setdefault(
            "ScalableTargetARN", platform.arn("application-autoscaling", f"scalable-target/{random_id(36)}")
        )
        STORE.scalable_targets[key] = target
        if wanted:
            STORE.tags[target["ScalableTargetARN"]] = dict(wanted)
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def _check_endpoint(name: str, variant: str) -> None:
    endpoint = STORE.endpoints.get(name)
    if endpoint is None or endpoint.live is None:
        raise invalid(f'Could not find endpoint "{platform.arn("sagemaker", f"endpoint/{name}")}" in service.')
    if variant not in [item.name for item in endpoint.live.variants]:
        raise invalid(f"Endpoint {name} has no variant {variant}")
    if endpoint.live.serverless:
        raise invalid(f"Variant {variant} of endpoint {name} is serverless: it has no instances to scale")


def _registered(request: Json) -> Json:
    _variant(request)
    target: Json | None = STORE.scalable_targets.get(request["ResourceId"])
    if target is None:
        raise platform.OperationError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {request['ServiceNamespace']}, resource ID: "
            f"{request['ResourceId']}, scalable dimension: {request['ScalableDimension']}",
        )
    return target


def deregister(request: Json) -> Json:
    target = _registered(request)
    with STORE.lock:
        del STORE.scalable_targets[request["ResourceId"]]
        STORE.tags.pop(target["ScalableTargetARN"], None)
        for key in [key for key in STORE.scaling_policies if key[0] == request["ResourceId"]]:
            del STORE.scaling_policies[key]
    return {}


def put_policy(request: Json) -> Json:
    _registered(request)
    key = request["ResourceId"], request["PolicyName"]
    kinds = {
        "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
        "StepScaling": "StepScalingPolicyConfiguration",
    }
    with STORE.lock:
        known = STORE.scaling_policies.get(key, {})
        kind = request.get("PolicyType") or known.get("PolicyType", "StepScaling")
        if kind not in kinds:
            raise invalid(f"PolicyType {kind} is not supported by the local Application Auto Scaling")
        policy = {**known, **request, "PolicyType": kind}
        if kinds[kind] not in policy:
            raise invalid(f"{kinds[kind]} is required for policy type {kind}")
        identity = f"scalingPolicy:{random_id(36)}:resource/sagemaker/{key[0]}:policyName/{key[1]}"
        policy.setdefault("PolicyARN", platform.arn("autoscaling", identity))
        policy.setdefault("CreationTime", now())
        STORE.scaling_policies[key] = {**policy, "Alarms": []}
    return {"PolicyARN": policy["PolicyARN"], "Alarms": []}


def delete_policy(request: Json) -> Json:
    _registered(request)
    if STORE.scaling_policies.pop((request["ResourceId"], request["PolicyName"]), None) is None:
        raise platform.OperationError(
            "ObjectNotFoundException", f"No scaling policy {request['PolicyName']} of {request['ResourceId']}"
        )
    return {}


def arn_of(request: Mapping[str, Any]) -> str | None:
    """The scalable target that a request is about, when it is registered."""
    target = STORE.scalable_targets.get(str(request.get("ResourceId")))
    return target["ScalableTargetARN"] if target else None


def _tagged(arn: str) -> dict[str, str]:
    if arn not in [target["ScalableTargetARN"] for target in STORE.scalable_targets.values()]:
        raise platform.OperationError("ResourceNotFoundException", f"There is no scalable target {arn}")
    return STORE.tags.setdefault(arn, {})


def tag(request: Json) -> Json:
    _tagged(request["ResourceARN"]).update(request["Tags"])
    return {}


def untag(request: Json) -> Json:
    for key in request["TagKeys"]:
        _tagged(request["ResourceARN"]).pop(key, None)
    return {}


def _collected_tags() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """ARN and tags of each, for conditions on aws:ResourceTag."""
    for target in list(STORE.scalable_targets.values()):
        tags = STORE.tags.get(target["ScalableTargetARN"], {})
        yield target["ScalableTargetARN"], [{"Key": key, "Value": value} for key, value in tags.items()]


def _listed(records: Callable[[], list[Json]], result: str, filters: Mapping[str, str]) -> Callable[[Json], Json]:
    """A Describe operation; `filters` maps its list members to the records' members."""

    def describe(request: Json) -> Json:
        found = [item for item in records() if item["ServiceNamespace"] == request["ServiceNamespace"]]
        for member, field in filters.items():
            found = [item for item in found if item[field] in request.get(member, [item[field]])]
        if request.get("ResourceId"):
            found = [item for item in found if item["ResourceId"] == request["ResourceId"]]
        return {result: found}

    return describe


OPERATIONS: Mapping[str, Callable[[Json], Json]] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "DescribeScalableTargets": _listed(
        lambda: list(STORE.scalable_targets.values()), "ScalableTargets", {"ResourceIds": "ResourceId"}
    ),
    "ListTagsForResource": lambda request: {"Tags": dict(_tagged(request["ResourceARN"]))},
    "TagResource": tag,
    "UntagResource": untag,
    "PutScalingPolicy": put_policy,
    "DeleteScalingPolicy": delete_policy,
    "DescribeScalingPolicies": _listed(
        lambda: list(STORE.scaling_policies.values()), "ScalingPolicies", {"PolicyNames": "PolicyName"}
    ),
}


def check_update(endpoint_name: str, current: Json, config: Json) -> None:
    """Raise ValidationException when an update removes a variant that is scaled, or changes its instances."""
    new = {variant["VariantName"]: variant.get("InstanceType") for variant in config["ProductionVariants"]}
    changed = [
        variant["VariantName"]
        for variant in current["ProductionVariants"]
        if f"endpoint/{endpoint_name}/variant/{variant['VariantName']}" in STORE.scalable_targets
        and new.get(variant["VariantName"]) != variant.get("InstanceType")
    ]
    if changed:
        raise invalid(
            f'The variant(s) "[{", ".join(changed)}]" must be deregistered as scalable targets with AutoScaling before '
            "they can be removed or have their instance type updated."
        )


def install() -> None:
    iam.numbered["application-autoscaling"] = arn_of
    others.collect_tags("application-autoscaling", _collected_tags)
    platform.json_target_service(
        "application-autoscaling",
        target_prefix="AnyScaleFrontendService.",
        operations=OPERATIONS,
        botocore_service="application-autoscaling",
    )
