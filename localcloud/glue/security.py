"""Security configurations: kept, readable, and heeded in the names of log groups. Nothing is encrypted by them."""

import json

from localcloud.ministack import cloudformation, glue
from localcloud.ministack.cloudformation import Created, Properties


def create(logical_id: str, properties: Properties, stack: str) -> Created:
    """The template's S3Encryptions is the API's S3Encryption."""
    encryption = dict(properties["EncryptionConfiguration"])
    if "S3Encryptions" in encryption:
        encryption["S3Encryption"] = encryption.pop("S3Encryptions")
    name = properties["Name"]
    status, _, body = glue.create_security_configuration({"Name": name, "EncryptionConfiguration": encryption})
    if status >= 400:
        answer = json.loads(body)
        kind, message = answer.get("__type"), answer.get("message")
        raise ValueError(f"AWS::Glue::SecurityConfiguration {logical_id}: {kind}: {message}")
    return name, {}


def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    """Every property asks for another one; one of the same name is in the way."""
    return create(physical_id, new, stack)


def delete(physical_id: str, properties: Properties) -> None:
    glue.security_configurations().pop(physical_id, None)


def encrypts_logs(name: str) -> bool:
    """Whether the logs of a job with this configuration are encrypted with a key."""
    found = glue.security_configurations().get(name) or {}
    logs = (found.get("EncryptionConfiguration") or {}).get("CloudWatchEncryption") or {}
    return bool(logs.get("CloudWatchEncryptionMode", "DISABLED") != "DISABLED")


def install() -> None:
    cloudformation.register_type("AWS::Glue::SecurityConfiguration", create=create, update=update, delete=delete)
