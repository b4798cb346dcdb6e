"""Bucket properties that MiniStack's provisioner drops: encryption, lifecycle, ownership, logging, tags."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from localcloud.ministack import cloudformation, s3
from localcloud.ministack.cloudformation import Properties


def apply(name: str, properties: Properties, old: Properties) -> None:
    """Set what the template has, remove what it no longer has; what it never had is somebody else's."""
    for property_name, (configurations, put) in CONFIGURATIONS.items():
        if properties.get(property_name):
            put(name, properties[property_name])
        elif property_name in old:
            configurations().pop(name, None)
    if properties.get("OwnershipControls"):
        _put_ownership(name, properties["OwnershipControls"])
    _suspend_versioning(name, properties.get("VersioningConfiguration"), old.get("VersioningConfiguration"))


def _put_encryption(name: str, configuration: Mapping[str, Any]) -> None:
    root = Element("ServerSideEncryptionConfiguration", xmlns=s3.NAMESPACE)
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        element = SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault") or {}
        by_default = SubElement(element, "ApplyServerSideEncryptionByDefault")
        SubElement(by_default, "SSEAlgorithm").text = default.get("SSEAlgorithm", "AES256")
        if default.get("KMSMasterKeyID"):
            SubElement(by_default, "KMSMasterKeyID").text = default["KMSMasterKeyID"]
        SubElement(element, "BucketKeyEnabled").text = str(rule.get("BucketKeyEnabled", False)).lower()
    s3.put_encryption(name, root)


def _put_ownership(name: str, controls: Mapping[str, Any]) -> None:
    root = Element("OwnershipControls", xmlns=s3.NAMESPACE)
    for rule in controls["Rules"]:
        SubElement(SubElement(root, "Rule"), "ObjectOwnership").text = rule["ObjectOwnership"]
    s3.put_ownership(name, root)


def _put_logging(name: str, configuration: Mapping[str, Any]) -> None:
    """Kept and readable; access logs themselves are not written."""
    root = Element("BucketLoggingStatus", xmlns=s3.NAMESPACE)
    enabled = SubElement(root, "LoggingEnabled")
    SubElement(enabled, "TargetBucket").text = configuration.get("DestinationBucketName", name)
    SubElement(enabled, "TargetPrefix").text = configuration.get("LogFilePrefix", "")
    s3.put_logging(name, root)


def _suspend_versioning(name: str, new: Mapping[str, Any] | None, old: Mapping[str, Any] | None) -> None:
    """MiniStack enables versions; a bucket that had them can only suspend them."""
    status = (new or {}).get("Status")
    if status == "Suspended" or (not status and (old or {}).get("Status") == "Enabled"):
        s3.suspend_versioning(name)


def _put_lifecycle(name: str, configuration: Mapping[str, Any]) -> None:
    """Kept and readable; objects do not expire."""
    s3.lifecycles()[name] = [_rule(index, rule) for index, rule in enumerate(configuration["Rules"])]


def _put_tags(name: str, tags: Any) -> None:
    s3.tags()[name] = cloudformation.tag_map(tags)


def _rule(index: int, rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule in the members of the S3 API, from those of CloudFormation."""
    found = {
        "ID": rule.get("Id", f"rule-{index}"),
        "Status": rule["Status"],
        "Filter": _filter(rule),
        "Expiration": _expiration(rule),
        "Transitions": [_transition(one) for one in rule.get("Transitions") or []],
        "NoncurrentVersionExpiration": _noncurrent_expiration(rule),
        "NoncurrentVersionTransitions": [_noncurrent(one) for one in rule.get("NoncurrentVersionTransitions") or []],
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }
    return {member: value for member, value in found.items() if value or member == "Filter"}


def _filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    """One condition stands by itself, several stand under And."""
    single = {name: rule[name] for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule}
    tags = [dict(tag) for tag in rule.get("TagFilters") or []]
    if len(single) + len(tags) > 1:
        return {"And": {**single, "Tags": tags}}
    if tags:
        return {"Tag": tags[0]}
    return single or {"Prefix": ""}


def _expiration(rule: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "ExpirationInDays": "Days",
        "ExpirationDate": "Date",
        "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
    }
    return {member: rule[name] for name, member in names.items() if name in rule}


def _transition(transition: Mapping[str, Any]) -> dict[str, Any]:
    names = {"StorageClass": "StorageClass", "TransitionInDays": "Days", "TransitionDate": "Date"}
    return {member: transition[name] for name, member in names.items() if name in transition}


def _noncurrent(transition: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "StorageClass": "StorageClass",
        "TransitionInDays": "NoncurrentDays",
        "NewerNoncurrentVersions": "NewerNoncurrentVersions",
    }
    return {member: transition[name] for name, member in names.items() if name in transition}


def _noncurrent_expiration(rule: Mapping[str, Any]) -> dict[str, Any]:
    days = rule.get("NoncurrentVersionExpirationInDays")
    return {"NoncurrentDays": days} if days else dict(rule.get("NoncurrentVersionExpiration") or {})


# Property -> where it is kept, and what puts it there: bad values fail the stack as they fail the call.
CONFIGURATIONS: dict[str, tuple[Callable[[], MutableMapping[str, Any]], Callable[[str, Any], None]]] = {
    "BucketEncryption": (s3.encryptions, _put_encryption),
    "LifecycleConfiguration": (s3.lifecycles, _put_lifecycle),
    "LoggingConfiguration": (s3.loggings, _put_logging),
    "Tags": (s3.tags, _put_tags),
}


def install() -> None:
    # Which stack and which logical id made it stays to be read when it is retained.
    cloudformation.keep_stack_tags("AWS::S3::Bucket", "Tags")
    cloudformation.after("AWS::S3::Bucket", apply)
