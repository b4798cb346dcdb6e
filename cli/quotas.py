"""Quotas of an account against what an environment needs: name, code, value, what to ask for and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.findings import Finding, Quota, unread
from cli.needs import Needs, QuotaNeed
from cli.target import Target

CHECK = "quota"
SERVERLESS = "serverless"
CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def quotas(target: Target, needs: Needs) -> Iterator[Finding]:
    taken = _taken_by_others(target, needs)
    if isinstance(taken, Finding):
        yield taken
        taken = Counter()
    listed: dict[str, Mapping[str, Any] | Finding] = {}
    for need in needs.quotas:
        if need.service not in listed:
            listed[need.service] = _listed(target, need.service)
            if isinstance(found := listed[need.service], Finding):
                yield found
        known = listed[need.service]
        if not isinstance(known, Finding):
            yield _finding(target, need, known.get(need.quota.lower()), taken[need.shared_with or ""])


def _listed(target: Target, service: str) -> Mapping[str, Any] | Finding:
    """Quotas by name in small letters. One that was never raised stands among the defaults alone."""
    client = target.client("service-quotas")
    found: dict[str, Mapping[str, Any]] = {}
    permissions = {
        "list_aws_default_service_quotas": "servicequotas:ListAWSDefaultServiceQuotas",
        "list_service_quotas": "servicequotas:ListServiceQuotas",
    }
    for operation, permission in permissions.items():
        try:
            for page in client.get_paginator(operation).paginate(ServiceCode=service):
                found |= {item["QuotaName"].lower(): item for item in page["Quotas"]}
        except ClientError as error:
            return unread(CHECK, f"The quotas of {service}", error, permission)
    return found


def _finding(target: Target, need: QuotaNeed, found: Mapping[str, Any] | None, taken: int) -> Finding:
    if found is None:
        told = f"Service Quotas lists no '{need.quota}' of {need.service} in this region; {need.wanted:g} needed"
        return Finding(CHECK, "unknown", told, "Look for it under a similar name in the console.")
    value, needed = float(found["Value"]), need.wanted + taken
    quota = Quota(
        service=need.service,
        name=str(found["QuotaName"]),
        code=str(found["QuotaCode"]),
        value=value,
        needed=needed,
        ask=needed,
        url=_console(target, need.service, str(found["QuotaCode"])),
    )
    others = f", and other endpoints have {taken} of it" if taken else ""
    told = f"{quota.name} ({quota.code}, {need.service}): {value:g}, needed {needed:g}: {need.why}{others}"
    if value >= needed:
        return Finding(CHECK, "good", told, quota=quota)
    return Finding(CHECK, "bad" if value < need.least + taken else "note", told, _advice(target, quota), quota)


def _advice(target: Target, quota: Quota) -> str:
    command = (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service} "
        f"--quota-code {quota.code} --desired-value {quota.ask:g} --region {target.session.region_name}"
    )
    return f"Ask for {quota.ask:g} at {quota.url} or: {command}"


def _console(target: Target, service: str, code: str) -> str:
    region = target.session.region_name
    host = CONSOLES.get(target.session.get_partition_for_region(region), CONSOLES["aws"])
    return f"https://{region}.{host}/servicequotas/home/services/{service}/quotas/{code}"


def _taken_by_others(target: Target, needs: Needs) -> Counter[str] | Finding:
    """What endpoints that are not the environment's have: instances by type, and serverless concurrency."""
    taken: Counter[str] = Counter()
    if not any(need.shared_with for need in needs.quotas):
        return taken
    sagemaker = target.client("sagemaker")
    try:
        for page in sagemaker.get_paginator("list_endpoints").paginate():
            for item in page["Endpoints"]:
                if not item["EndpointName"].startswith(target.prefix):
                    taken += _of_endpoint(sagemaker, item["EndpointName"])
    except ClientError as error:
        permissions = "sagemaker:ListEndpoints, sagemaker:DescribeEndpoint"
        return unread(CHECK, "What other endpoints take of the quotas", error, permissions)
    return taken


def _of_endpoint(sagemaker: Any, name: str) -> Counter[str]:
    """The instances that run, which scaling may have changed, and their type in the configuration."""
    found: Counter[str] = Counter()
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    running = {item["VariantName"]: item for item in endpoint.get("ProductionVariants", [])}
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    for variant in config["ProductionVariants"]:
        if "ServerlessConfig" in variant:
            found[SERVERLESS] += int(variant["ServerlessConfig"]["MaxConcurrency"])
        elif "InstanceType" in variant:
            now = running.get(variant["VariantName"], {}).get("CurrentInstanceCount")
            found[variant["InstanceType"]] += int(variant.get("InitialInstanceCount", 1) if now is None else now)
    return found
