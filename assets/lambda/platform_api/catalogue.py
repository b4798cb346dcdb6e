"""GET /models and GET /models/<model>: what can be asked for a prediction, and what answers."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from contract import MAX_INSTANCES, Contract, Feature, example, json_schema
from contract.changes import notice
from platform_api.records import Records
from tracking.absence import absence
from tracking.remains import way_back
from tracking.versions import ModelVersion, live_version


@dataclass(frozen=True)
class Answering:
    """What is asked for a prediction now: the live version with its contract, or the deployed one before there is any.

    `known`: the contract is the version's own. `lost`: it had one, and somebody deleted that.
    """

    live: ModelVersion | None
    contract: Contract
    deployed: Contract
    known: bool
    absent: str = ""
    lost: bool = False

    @property
    def notice(self) -> str:
        """Why nothing answers although there are versions, or of a deployed contract that no version answers by yet.

        "" when there is nothing to say.
        """
        if self.live and self.lost:
            back = way_back(self.live.metadata.get("run_id", ""))
            return (
                f"The contract that version {self.live.number} answers by (contract.json) is gone, and the deployed "
                f"one is shown. A version that has its own: {back}"
            )
        if self.live is None or not self.known:
            return self.absent
        return notice(self.contract, self.deployed, version=self.live.number, trained=self.live.created)


def all_of(records: Records, contracts: Mapping[str, Contract]) -> dict[str, Any]:
    with ThreadPoolExecutor(8) as pool:
        return {"models": list(pool.map(lambda contract: summary(records, contract), contracts.values()))}


def summary(records: Records, deployed: Contract) -> dict[str, Any]:
    return _summary(records, answering(records, deployed))


def answering(records: Records, deployed: Contract) -> Answering:
    live = live_version(records.place, deployed.name)
    if live is None:
        return Answering(None, deployed, deployed, known=False, absent=absence(records.place, deployed.name))
    found = records.contract(live)
    return Answering(live, found or deployed, deployed, known=found is not None, lost=records.lost_contract(live))


def _summary(records: Records, found: Answering) -> dict[str, Any]:
    contract, live = found.contract, found.live
    return {
        "name": contract.name,
        "task": contract.task,
        "description": contract.description,
        "target": contract.target.to_document(),
        "live": _live(records, live) if live else None,
        "notice": found.notice,
    }


def detail(records: Records, deployed: Contract) -> dict[str, Any]:
    found = answering(records, deployed)
    contract, gate = found.contract, deployed.gate
    limit = {"min": gate.limit} if gate.higher_is_better else {"max": gate.limit}
    return {
        **_summary(records, found),
        "contract": {
            "hash": contract.hash,
            "version": found.live.number if found.live and found.known else None,
            "deployed_hash": deployed.hash,
        },
        "features": [feature_of(feature) for feature in contract.features],
        "data": data_of(contract),
        "derived": {item.name: item.expression.text for item in contract.derived},
        "example": example(contract),
        "schema": json_schema(contract),
        "gate": {"metric": gate.metric, **limit, "margin": gate.margin},
        "max_instances": MAX_INSTANCES,
        **contract.rules.told(contract.serving),
    }


def feature_of(feature: Feature) -> dict[str, Any]:
    found: dict[str, Any] = {"name": feature.name, "type": feature.type, "nullable": feature.nullable}
    optional = {
        "column": feature.column,
        "min": feature.min,
        "max": feature.max,
        "levels": list(feature.levels) or None,
        "unit": feature.unit,
        "default": feature.default,
    }
    found |= {name: value for name, value in optional.items() if value is not None}
    return {**found, "description": feature.description}


def data_of(contract: Contract) -> dict[str, Any]:
    """How its files are written: the words for missing, and what is not found from a file but declared."""
    data = contract.data
    declared = {"delimiter": data.delimiter, "decimal": data.decimal, "encoding": data.encoding}
    return {
        "missing": sorted(data.missing_words),
        **{name: value for name, value in declared.items() if value is not None},
    }


def _live(records: Records, version: ModelVersion) -> dict[str, Any]:
    evaluation = records.evaluation(version) or {}
    metric = metric_of(version)
    interval = evaluation.get("interval", {}).get(metric["name"]) if metric else None
    return {
        "version": version.number,
        "run_id": version.metadata.get("run_id", ""),
        "since": version.metadata.get("deployment_verified_at"),
        "metric": metric,
        **({"interval": interval} if interval else {}),
    }


def metric_of(version: ModelVersion) -> dict[str, Any] | None:
    """The gate's metric on the test rows, as the registry has it."""
    metadata = version.metadata
    if "metric" not in metadata or "metric_value" not in metadata:
        return None
    return {"name": metadata["metric"], "value": float(metadata["metric_value"])}
