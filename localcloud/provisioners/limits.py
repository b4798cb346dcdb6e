"""Quotas of AWS that MiniStack does not keep: what is over one is refused, as it would be there."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1, eventbridge
from ministack.services.cloudformation import provisioners

from localcloud.provisioners.handlers import Created, Properties

HOOKS = (
    ("ministack.services.apigateway_v1", "_resources"),
    ("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("ministack.services.eventbridge", "_event_pattern_error"),
)

PATTERN_CHARACTERS = 2048
ROLE_POLICY_CHARACTERS = 10_240
MANAGED_POLICY_CHARACTERS = 6_144
VARIABLES_BYTES = 4_096
WIDGETS = 500
API_RESOURCES = 300

Check = Callable[[Properties], None]


def _pattern(told: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    def event_pattern_error(pattern: Any) -> str | None:
        if isinstance(pattern, str) and len(pattern) > PATTERN_CHARACTERS:
            return f"it has {len(pattern)} characters, and {PATTERN_CHARACTERS} are allowed"
        return told(pattern)

    return event_pattern_error


def _rule(properties: Properties) -> None:
    pattern = properties.get("EventPattern")
    text = pattern if isinstance(pattern, str) else json.dumps(pattern or "", separators=(",", ":"))
    if len(text) > PATTERN_CHARACTERS:
        raise ValueError(
            f"Event pattern is not valid. Reason: it has {len(text)} characters, and {PATTERN_CHARACTERS} are allowed"
        )


def _policy(most: int, of: str) -> Check:
    def check(properties: Properties) -> None:
        # White space does not count.
        size = len(json.dumps(properties.get("PolicyDocument"), separators=(",", ":"), ensure_ascii=False))
        if size > most:
            raise ValueError(f"LimitExceeded: Maximum policy size of {most} bytes exceeded for {of}: it has {size}")

    return check


def _function(properties: Properties) -> None:
    variables: Mapping[str, Any] = (properties.get("Environment") or {}).get("Variables") or {}
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > VARIABLES_BYTES:
        raise ValueError(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit: {size} bytes"
        )


def _dashboard(properties: Properties) -> None:
    count = len(json.loads(properties.get("DashboardBody") or "{}").get("widgets", []))
    if count > WIDGETS:
        raise ValueError(f"The dashboard has {count} widgets, and {WIDGETS} are allowed")


def _api_resource(properties: Properties) -> None:
    if len(apigateway_v1._resources.get(properties.get("RestApiId"), ())) >= API_RESOURCES:
        raise ValueError("LimitExceededException: Maximum number of Resources for this API has been reached: 300")


def _before(resource_type: str, check: Check) -> None:
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers.get("update")

    def checked_create(logical_id: str, properties: Properties, stack: str) -> Created:
        check(properties)
        created: Created = create(logical_id, properties, stack)
        return created

    def checked_update(physical_id: str, old: Properties, new: Properties, *more: Any) -> Created:
        assert update is not None
        check(new)
        updated: Created = update(physical_id, old, new, *more)
        return updated

    handlers["create"] = checked_create
    if update and resource_type != "AWS::ApiGateway::Resource":
        handlers["update"] = checked_update


def install() -> None:
    eventbridge._event_pattern_error = _pattern(eventbridge._event_pattern_error)
    for resource_type, check in (
        ("AWS::Events::Rule", _rule),
        ("AWS::IAM::Policy", _policy(ROLE_POLICY_CHARACTERS, "a role's own policies")),
        ("AWS::IAM::ManagedPolicy", _policy(MANAGED_POLICY_CHARACTERS, "a managed policy")),
        ("AWS::Lambda::Function", _function),
        ("AWS::CloudWatch::Dashboard", _dashboard),
        ("AWS::ApiGateway::Resource", _api_resource),
    ):
        _before(resource_type, check)
