"""Quotas of AWS that MiniStack does not keep: what is over one is refused, as it would be there."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack import apigateway, cloudformation, events
from localcloud.ministack.cloudformation import Properties

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
    if len(apigateway.resources(str(properties.get("RestApiId")))) >= API_RESOURCES:
        raise ValueError("LimitExceededException: Maximum number of Resources for this API has been reached: 300")


def _limit(resource_type: str, check: Check) -> None:
    def check_properties(_: str, properties: Properties) -> None:
        check(properties)

    # What is there already is no resource more.
    cloudformation.before(resource_type, check_properties, updates=resource_type != "AWS::ApiGateway::Resource")


def install() -> None:
    events.wrap_pattern_check(_pattern)
    for resource_type, check in (
        ("AWS::Events::Rule", _rule),
        ("AWS::IAM::Policy", _policy(ROLE_POLICY_CHARACTERS, "a role's own policies")),
        ("AWS::IAM::ManagedPolicy", _policy(MANAGED_POLICY_CHARACTERS, "a managed policy")),
        ("AWS::Lambda::Function", _function),
        ("AWS::CloudWatch::Dashboard", _dashboard),
        ("AWS::ApiGateway::Resource", _api_resource),
    ):
        _limit(resource_type, check)
