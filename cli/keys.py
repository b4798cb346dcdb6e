"""API keys that are made while the platform runs: one for each caller, with a usage plan and a record of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cli.errors import CliError
from cli.target import Target
from tracking.callers import Caller, Use, record_of

# Those that the deployment makes, by the output that has their id.
OWN: Mapping[str, str] = {"page": "ApiKeyId", "cli": "CliKeyId"}
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Limits:
    """Of a usage plan; None is none."""

    requests_per_second: float | None
    burst: int | None
    requests_per_day: int | None


@dataclass(frozen=True)
class Key:
    """`caller` is None for a key whose record is gone: it is for nothing. `limits` is None without a usage plan."""

    key_id: str
    name: str
    caller: Caller | None
    limits: Limits | None
    made_by: str

    def to_json(self) -> dict[str, Any]:
        limits, caller = self.limits, self.caller
        return {
            "name": self.name,
            "id": self.key_id,
            "models": list(caller.models) if caller and caller.models else None,
            "use": caller.use if caller else None,
            "requests_per_second": limits.requests_per_second if limits else None,
            "requests_per_day": limits.requests_per_day if limits else None,
            "made_by": self.made_by,
            "works": bool(limits and caller),
        }


@dataclass(frozen=True)
class Made:
    """A new key. Its value is told this once."""

    key: Key
    value: str


def create(
    target: Target,
    name: str,
    *,
    models: tuple[str, ...] | None,
    use: Use | None,
    per_second: int | None,
    per_day: int | None,
) -> Made:
    """Raises CliError. What was made goes again when a later step fails."""
    check_keys(target)
    _check_new(target, name)
    for model in models or ():
        target.check_model(model)
    caller = Caller(name=name, models=models, use=use)
    gateway, tags = target.client("apigateway"), _tags(target, name)
    usual, stages = _usual(target)
    limits = Limits(
        requests_per_second=per_second or usual.requests_per_second,
        burst=2 * per_second if per_second else usual.burst,
        requests_per_day=per_day or usual.requests_per_day,
    )
    try:
        key = gateway.create_api_key(name=_full(target, name), enabled=True, description="mlops keys", tags=tags)
        # Before the key works: it does once it has a plan.
        _put_record(target, key["id"], caller)
        throttle = {"rateLimit": limits.requests_per_second, "burstLimit": limits.burst}
        plan = gateway.create_usage_plan(
            name=_full(target, name),
            apiStages=stages,
            throttle=throttle,
            quota={"limit": limits.requests_per_day, "period": "DAY"},
            tags=tags,
        )
        gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    except BaseException:
        remove(target, name)
        raise
    return Made(Key(key["id"], name, caller, limits, "mlops keys"), value=key["value"])


def listed(target: Target) -> list[Key]:
    """Those of the deployment first. Raises CliError where callers sign with IAM."""
    check_keys(target)
    own = [
        Key(target.output(output), name, Caller(name), _limits(target, target.output(output)), "deployment")
        for name, output in OWN.items()
    ]
    made = [
        Key(key["id"], _short(target, key), _caller(target, key["id"]), _limits(target, key["id"]), "mlops keys")
        for key in _made(target)
    ]
    return [*own, *sorted(made, key=lambda key: key.name)]


def revoke(target: Target, name: str) -> None:
    """Raises CliError for a key that there is not, and for one of the deployment."""
    check_keys(target)
    if name in OWN:
        raise CliError(
            f"The key {name} belongs to the deployment.",
            "Give it to nobody else. To have a new value, delete the key in API Gateway and deploy.",
        )
    if not remove(target, name):
        known = ", ".join(key.name for key in listed(target) if key.name not in OWN) or "none"
        raise CliError(f"There is no key {name} in {target.stage}.", f"Keys that can be revoked: {known}.")


def remove(target: Target, name: str) -> bool:
    """Everything of a key, also of one that was half made. False when there was nothing."""
    gateway, full, found = target.client("apigateway"), _full(target, name), False
    for key in _named(target, "get_api_keys", full, nameQuery=full):
        found = True
        # First: without it nobody is let in.
        gateway.delete_api_key(apiKey=key["id"])
        # Of an environment that is half gone, the records go with the bucket.
        with suppress(CliError):
            target.client("s3").delete_object(Bucket=target.output("ArtifactBucketName"), Key=record_of(key["id"]))
    for plan in _named(target, "get_usage_plans", full):
        found = True
        changes = [
            {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
            for stage in plan.get("apiStages", ())
        ]
        if changes:
            gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=changes)
        gateway.delete_usage_plan(usagePlanId=plan["id"])
    return found


def names(target: Target) -> list[str]:
    """Of all keys and plans that were made while the platform ran; for an environment that goes."""
    prefix = _full(target, "")
    found = {item["name"] for item in [*_made(target), *_plans(target, prefix)]}
    return sorted(name.removeprefix(prefix) for name in found)


def check_keys(target: Target) -> None:
    if target.page_key_id is None:
        raise CliError(
            f"The REST API of {target.stage} has no keys: its callers sign with IAM.",
            "Their policies say what they may: execute-api:Invoke on <api>/v1/POST/models/<model>/predictions, say.",
        )


def _check_new(target: Target, name: str) -> None:
    if not NAME.fullmatch(name):
        raise CliError(
            f"'{name}' is no name for a key.", "Use small letters, digits and hyphens, a letter first: app-1."
        )
    if name in (key.name for key in listed(target)):
        raise CliError(f"There is a key {name} already.", f"Choose another name, or: mlops keys revoke {name}.")


def _usual(target: Target) -> tuple[Limits, list[dict[str, str]]]:
    """What stacks/config.py says of a key, as it is deployed: limits and stage of the command's own."""
    (plan,) = target.client("apigateway").get_usage_plans(keyId=target.output(OWN["cli"]))["items"]
    stages = [{"apiId": stage["apiId"], "stage": stage["stage"]} for stage in plan["apiStages"]]
    return _limits_of(plan), stages


def _limits(target: Target, key_id: str) -> Limits | None:
    plans = target.client("apigateway").get_usage_plans(keyId=key_id)["items"]
    return _limits_of(plans[0]) if plans else None


def _limits_of(plan: Mapping[str, Any]) -> Limits:
    throttle, quota = plan.get("throttle") or {}, plan.get("quota") or {}
    return Limits(throttle.get("rateLimit"), throttle.get("burstLimit"), quota.get("limit"))


def _put_record(target: Target, key_id: str, caller: Caller) -> None:
    target.client("s3").put_object(
        Bucket=target.output("ArtifactBucketName"),
        Key=record_of(key_id),
        Body=caller.to_json().encode(),
        ContentType="application/json",
    )


def _caller(target: Target, key_id: str) -> Caller | None:
    s3 = target.client("s3")
    with suppress(s3.exceptions.NoSuchKey, ValueError):
        answer = s3.get_object(Bucket=target.output("ArtifactBucketName"), Key=record_of(key_id))
        return Caller.from_json(answer["Body"].read().decode())
    return None


def _made(target: Target) -> list[dict[str, Any]]:
    return list(_named(target, "get_api_keys", None, nameQuery=_full(target, "")))


def _plans(target: Target, prefix: str) -> Iterator[dict[str, Any]]:
    return (plan for plan in _named(target, "get_usage_plans", None) if plan["name"].startswith(prefix))


def _named(target: Target, operation: str, name: str | None, **request: Any) -> Iterator[dict[str, Any]]:
    """Ours among those of the account, by their tags: another's may have a name like ours."""
    pages = target.client("apigateway").get_paginator(operation).paginate(**request)
    for item in [item for page in pages for item in page["items"]]:
        tags = item.get("tags") or {}
        if (
            (tags.get("project"), tags.get("stage")) == (target.project, target.stage)
            and "key" in tags
            and name in (None, item["name"])
        ):
            yield item


def _tags(target: Target, name: str) -> dict[str, str]:
    return {"project": target.project, "stage": target.stage, "key": name}


def _full(target: Target, name: str) -> str:
    return f"{target.prefix}key-{name}"


def _short(target: Target, key: Mapping[str, Any]) -> str:
    return str(key["name"]).removeprefix(_full(target, ""))
