"""What cannot be provisioned is refused by its name: unknown types, and custom resources that would never answer."""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack import cloudformation, functions
from localcloud.ministack.cloudformation import Created
from localcloud.provisioners import audit

CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")


def _validating(validate: Callable[..., None]) -> Callable[..., None]:
    def validate_template(template: Mapping[str, Any], *more: Any, **named: Any) -> None:
        try:
            validate(template, *more, **named)
        except ValueError as error:
            unknown = _unknown(template) if "Unrecognized resource types" in str(error) else ""
            raise ValueError(f"{error} {unknown}".rstrip()) from error

    return validate_template


def _unknown(template: Mapping[str, Any]) -> str:
    resources = {name: str(one.get("Type")) for name, one in (template.get("Resources") or {}).items()}
    found = [f"{name} ({kind})" for name, kind in sorted(resources.items()) if not _known(kind)]
    return f"The local cloud has no provisioner for {', '.join(found)}."


def _known(resource_type: str) -> bool:
    return cloudformation.knows(resource_type) or resource_type.startswith("Custom::")


def _provisioning(provision: Callable[..., Created]) -> Callable[..., Created]:
    def provision_resource(resource_type: str, logical_id: str, properties: dict[str, Any], stack: str) -> Created:
        if not _known(resource_type) and not resource_type.startswith("AWS::CloudFormation::"):
            raise ValueError(f"Unsupported resource type: {resource_type} ({logical_id})")
        if resource_type.startswith(CUSTOM):
            _refuse_silent_provider(resource_type, logical_id, properties)
        tracked = audit.TrackedProperties(properties)
        created = provision(resource_type, logical_id, tracked, stack)
        audit.record(resource_type, tracked)
        return created

    return provision_resource


def _refuse_silent_provider(resource_type: str, logical_id: str, properties: Mapping[str, Any]) -> None:
    """Functions of other runtimes than Python do not run here: their custom resources would wait for ever."""
    _, config, name = functions.find(str(properties.get("ServiceToken", "")))
    runtime = str((config or {}).get("Runtime", ""))
    if config and not runtime.startswith("python"):
        raise ValueError(
            f"{resource_type} ({logical_id}): its function {name} runs on {runtime}, only Python runs here"
        )


def install() -> None:
    cloudformation.wrap_validation(_validating)
    cloudformation.wrap_provisioning(_provisioning)
