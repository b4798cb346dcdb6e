"""AddTags, ListTags and DeleteTags."""

from typing import Any

from localcloud.sagemaker.store import STORE


def put(arn: str, tags: list[dict[str, str]]) -> None:
    STORE.tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})


def forget(arn: str) -> None:
    """What is deleted has no tags any more."""
    STORE.tags.pop(arn, None)


def add(request: dict[str, Any]) -> dict[str, Any]:
    put(request["ResourceArn"], request["Tags"])
    return {"Tags": _listed(request["ResourceArn"])}


def listed(request: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _listed(request["ResourceArn"])}


def delete(request: dict[str, Any]) -> dict[str, Any]:
    for key in request["TagKeys"]:
        STORE.tags.get(request["ResourceArn"], {}).pop(key, None)
    return {}


def _listed(arn: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in STORE.tags.get(arn, {}).items()]


OPERATIONS = {"AddTags": add, "ListTags": listed, "DeleteTags": delete}
