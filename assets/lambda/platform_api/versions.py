"""GET /models/<model>/versions: the model registry, with the evaluation of each version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

from contract import Contract
from platform_api.catalogue import metric_of
from platform_api.records import Records
from rest.problems import not_found
from tracking.versions import ModelVersion, find_version, versions

DECISIONS = ("decided_by", "decision_reason", "deployment_reason")


def all_of(records: Records, contract: Contract) -> dict[str, Any]:
    found = versions(records.place, contract.name)
    with ThreadPoolExecutor(8) as pool:
        return {"versions": list(pool.map(lambda version: summary(records, version), found))}


def one(records: Records, contract: Contract, number: str) -> dict[str, Any]:
    known = number.isascii() and number.isdecimal() and len(number) < 10
    version = find_version(records.place, contract.name, int(number)) if known else None
    if version is None:
        raise not_found(f"There is no version {number[:60]!r} of {contract.name}.")
    evaluation = records.evaluation(version) or {}
    plots = [
        {"name": name, "title": title(name), "url": records.link(version, name)} for name in evaluation.get("plots", [])
    ]
    return {
        **summary(records, version),
        "lineage": dict(version.metadata),
        "metrics": evaluation.get("metrics", {}),
        "interval": evaluation.get("interval", {}),
        "slices": evaluation.get("slices", []),
        "plots": plots,
        "report_url": records.link(version, "report.html") if evaluation else None,
    }


def summary(records: Records, version: ModelVersion) -> dict[str, Any]:
    evaluation = records.evaluation(version)
    return {
        "version": version.number,
        "created": version.created.isoformat(),
        "approval": version.approval,
        "deployment": version.deployment,
        "live": version.live,
        "run_id": version.metadata.get("run_id", ""),
        "metric": metric_of(version),
        "gate_reason": evaluation["gate"]["reason"] if evaluation else "",
        # Of its own contract: that of today may have another.
        **({"unit": evaluation["unit"]} if evaluation and "unit" in evaluation else {}),
        **{name: version.metadata[name] for name in DECISIONS if name in version.metadata},
    }


def title(name: str) -> str:
    """predicted_vs_actual.png -> Predicted vs actual"""
    return PurePosixPath(name).stem.replace("_", " ").capitalize()
