"""The answers: shapes as the API has them, contents from a model's contract and from arithmetic that tests can redo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import contract
from contract import Contract
from contract.books import books_of
from contract.reading import Data
from tests.contracts import MODELS

CONTRACTS = contract.load_all(MODELS)
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RUN_ID = "0123456789abcdef"
METRICS = {
    "regression": {"rmse": 40982.1, "mae": 26300.5, "r2": 0.8764},
    "binary": {"auc": 0.9921, "logloss": 0.0932, "accuracy": 0.9648, "f1": 0.9524},
}
ROWS = {"read": 20_640, "rejected": 198, "train": 13_012, "validation": 3_302, "test": 4_128}
REJECTS = [
    {"line": 7, "reason": "total_rooms must be a number, is 'many'", "row": '-122.2,37.8,"many",<b>'},
    {
        "line": 12,
        "reason": "ocean_proximity is 'MOON'; known are 'INLAND' and 'NEAR BAY'",
        "row": "-122.2,37.8,880,MOON",
    },
]
MANIFEST = {
    "rows": ROWS,
    "reasons": {"total_rooms: not a number": 120, "ocean_proximity: unknown level": 78},
    "examples": {"total_rooms: not a number": "line 7: total_rooms must be a number, is 'many'"},
    "warnings": ["22 % of the rows are equal to an earlier one; it looks like a file sent twice"],
}
REFUSED = {
    "reason": "data.csv: 9 of 40 rows rejected (22.5%, the limit is 1.0%)",
    "rows": {"read": 40, "rejected": 9, "replaced": 0, "dropped_equal": 0, "usable": 31},
    "reasons": {"total_rooms: not a number": 9},
    "examples": {"total_rooms: not a number": "line 7: total_rooms must be a number, is 'many'"},
}
BASE = {"regression": 206_855.0, "binary": -0.5}


def summary(model: Contract, *, live: bool) -> dict[str, Any]:
    target = {"name": model.target.name, "unit": model.target.unit, "levels": list(model.target.levels)}
    return {
        "name": model.name,
        "task": model.task,
        "description": model.description,
        "target": {key: value for key, value in target.items() if value},
        "live": live_version(model) if live else None,
        "notice": "",
    }


def live_version(model: Contract) -> dict[str, Any]:
    return {
        "version": 3,
        "run_id": RUN_ID,
        "since": (NOW - timedelta(hours=2)).isoformat(),
        "metric": metric(model),
    }


def metric(model: Contract) -> dict[str, Any]:
    return {"name": model.gate.metric, "value": METRICS[model.task][model.gate.metric]}


def detail(model: Contract, *, live: bool) -> dict[str, Any]:
    return {
        **summary(model, live=live),
        "features": [_feature(feature) for feature in model.features],
        "data": _data(model.data),
        "contract": {"hash": model.hash, "version": 3 if live else None, "deployed_hash": model.hash},
        "example": contract.example(model),
        "schema": contract.json_schema(model),
        "gate": {"metric": model.gate.metric, "margin": model.gate.margin},
        "max_instances": contract.MAX_INSTANCES,
        **({"threshold": model.serving.threshold} if model.serving.threshold is not None else {}),
        "derived": {derived.name: derived.expression.text for derived in model.derived},
    }


def _data(data: Data) -> dict[str, Any]:
    declared = {"delimiter": data.delimiter, "decimal": data.decimal, "encoding": data.encoding}
    return {"missing": sorted(data.missing_words), **{name: text for name, text in declared.items() if text}}


def _feature(feature: contract.Feature) -> dict[str, Any]:
    document: dict[str, Any] = {"name": feature.name, "type": feature.type, "nullable": feature.nullable}
    optional = {
        "column": feature.column,
        "min": feature.min,
        "max": feature.max,
        "levels": list(feature.levels) or None,
        "unit": feature.unit,
        "description": feature.description,
        "default": feature.default,
    }
    return document | {key: value for key, value in optional.items() if value is not None}


def prediction(model: Contract, record: Mapping[str, Any], *, explain: bool) -> dict[str, Any]:
    contributions = [effect(model, record, feature) for feature in model.features]
    total = BASE[model.task] + sum(item["contribution"] for item in contributions)
    document: dict[str, Any]
    if model.task == "regression":
        document = {"value": total, "unit": model.target.unit}
        document["interval"] = {"low": total - 50_000, "high": total + 60_000, "level": 0.9}
    else:
        probability = 1 / (1 + math.exp(-total))
        document = {"value": probability, "label": model.target.levels[probability >= (model.serving.threshold or 0.5)]}
    if explain:
        document["explanation"] = {
            "base": BASE[model.task],
            "contributions": contributions,
            "output": "value" if model.task == "regression" else "log-odds",
            "sum": total,
        }
    return document


def effect(model: Contract, record: Mapping[str, Any], feature: contract.Feature) -> dict[str, Any]:
    """A share of the feature's distance from its default: 0 for the example record, and the same for the same value."""
    value = record.get(feature.name)
    place = 1 + model.features.index(feature)
    if isinstance(value, int | float) and isinstance(feature.default, int | float):
        distance = math.tanh(
            (value - feature.default) / (abs(feature.default) or 1) * (20 if "itude" in feature.name else 1)
        )
    elif isinstance(value, str):
        distance = (feature.levels.index(value) - feature.levels.index(str(feature.default))) / len(feature.levels)
    else:
        distance = -0.1
    size = 60_000.0 if model.task == "regression" else 2.0
    sign = -1 if place % 3 == 0 else 1
    return {"feature": feature.name, "value": value, "contribution": sign * size * distance / math.sqrt(place)}


def run(model: Contract, *, state: str = "live", run_id: str = RUN_ID, log: bool = False) -> dict[str, Any]:
    steps: list[tuple[str, str, float | None]] = [
        ("pre-processing", "SUCCEEDED", 3.2),
        ("Prepare", "Succeeded", 2.1),
        ("Train", "Succeeded", 6.4),
    ]
    steps += [("Evaluate", "Succeeded", 4.0), ("Register", "Succeeded", 0.3)]
    reason = f"Served by mlops-dev-{model.name.replace('_', '-')}."
    if state == "training":
        steps = [*steps[:2], ("Train", "Executing", None)]
        reason = ""
    elif state == "failed":
        steps = [*steps[:2], ("Train", "Failed", 1.0)]
        reason = "Train: AlgorithmError: out of memory"
    elif state == "refused":
        steps = [("pre-processing", "FAILED", 1.2)]
        reason = str(REFUSED["reason"])
    counted = REFUSED if state == "refused" else MANIFEST
    return {
        "run_id": run_id,
        "state": state,
        "file": f"{model.name}/data.csv",
        "started": (NOW - timedelta(hours=2, minutes=3)).isoformat(),
        "since": (NOW - timedelta(minutes=7)).isoformat() if state == "training" else None,
        "reason": reason,
        "model_version": 3 if state == "live" else None,
        "rows": counted["rows"],
        "books": books_of(counted).to_dict(),  # type: ignore[union-attr]
        "steps": [_step(*step, log=log, failed_reason=reason) for step in steps],
        "evaluation": None,
    }


def data(split: str, *, base: str) -> dict[str, Any]:
    files = [{"name": f"{split}-1.parquet", "url": f"{base}/plots/{split}-1.parquet?signature=s"}]
    return {"split": split, "rows": ROWS[split], "splits": ["train", "test"], "files": files}


def _step(name: str, status: str, seconds: float | None, *, log: bool, failed_reason: str) -> dict[str, Any]:
    lines = {"log": [f"{name}: line {number}" for number in range(1, 4)]} if log else {}
    return {
        "name": name,
        "status": status,
        "seconds": seconds,
        "reason": failed_reason if status == "Failed" else "",
        **lines,
    }


def versions(model: Contract) -> list[dict[str, Any]]:
    value = METRICS[model.task][model.gate.metric]
    states = [
        (3, "Approved", "deployed", ""),
        (2, "Rejected", "rejected", "Golden rows differ."),
        (1, "Approved", "superseded", ""),
    ]
    return [
        {
            "version": number,
            "created": (NOW - timedelta(days=3 - number, hours=2)).isoformat(),
            "approval": approval,
            "deployment": "live" if number == 3 else deployment,
            "live": number == 3,
            "run_id": RUN_ID,
            "metric": {"name": model.gate.metric, "value": value * (1 + 0.01 * (3 - number))},
            "unit": model.target.unit,
            "gate_reason": f"Test {model.gate.metric} is within the limit and not worse than the champion.",
            "decided_by": "the gate",
            "decision_reason": reason or "Passed.",
            "deployment_reason": "Golden rows predict what they predicted." if number == 3 else "",
        }
        for number, approval, deployment, reason in states
    ]


def version(model: Contract, number: int, *, base: str) -> dict[str, Any] | None:
    found = next((item for item in versions(model) if item["version"] == number), None)
    if found is None:
        return None
    metrics = METRICS[model.task]
    names = ["predicted_vs_actual", "feature_importance"] if model.task == "regression" else ["roc_curve"]
    return {
        **found,
        "lineage": {"run_id": RUN_ID, "data": f"{model.name}/data.csv", "contract_hash": model.hash[:12]},
        "metrics": metrics,
        "interval": {
            model.gate.metric: [0.97 * metrics[model.gate.metric], 1.03 * metrics[model.gate.metric]],
            "level": 0.95,
        },
        "slices": [
            {"name": feature.name, "value": level, "rows": 900 - 100 * place, **metrics}
            for feature in model.categorical
            for place, level in enumerate(feature.levels)
        ],
        "plots": [
            {
                "name": f"{name}.png",
                "title": name.replace("_", " ").capitalize(),
                "url": f"{base}/plots/{name}.png?signature=s",
            }
            for name in names
        ],
        "report_url": f"{base}/plots/index.html?signature=s",
    }


def monitoring(model: Contract, *, hours: int, now: datetime, quiet: bool = False) -> dict[str, Any]:
    name = f"mlops-dev-{model.name.replace('_', '-')}"
    times = [] if quiet else [now - timedelta(minutes=5 * back) for back in range(min(12 * hours, 60), 0, -1)]
    wave = [6 + 4 * math.sin(place / 7) for place in range(len(times))]
    latency = [9_000 + 1_500 * math.sin(place / 5) for place in range(len(times))]
    if latency:
        latency[-6] = 64_000.0
    return {
        "endpoint": {
            "name": name,
            "status": "InService",
            "state": "live",
            "mode": model.serving.mode,
            "version": 3,
            "config": f"{name}-3",
            "updated": (NOW - timedelta(hours=2)).isoformat(),
        },
        "metrics": [
            _series("Invocations", "None", "Sum", times, [round(value) for value in wave]),
            _series("ModelLatency", "Microseconds", "Average", times, latency)
            | ({"anomalies": [times[-6].isoformat()], "expected": {"low": 6_000, "high": 14_000}} if times else {}),
            _series("OverheadLatency", "Microseconds", "Average", times, [value / 4 for value in latency]),
            _series("Invocation4XXErrors", "None", "Sum", times, [int(place % 17 == 3) for place in range(len(times))]),
            _series("Invocation5XXErrors", "None", "Sum", times, [0] * len(times)),
        ],
        "alarms": [
            _alarm(f"{name}-errors", "OK", "No datapoint above the threshold.", "More than 5 failed requests"),
            _alarm(f"{name}-latency", "ALARM", "Threshold crossed: 1 datapoint.", "The model takes more than 50 ms"),
        ],
    }


def _series(name: str, unit: str, statistic: str, times: Sequence[datetime], values: Sequence[float]) -> dict[str, Any]:
    points = [[time.isoformat(), value] for time, value in zip(times, values, strict=True)]
    return {
        "name": name,
        "unit": unit,
        "statistic": statistic,
        "period_seconds": 300,
        "points": points,
        "anomalies": [],
    }


def _alarm(name: str, state: str, reason: str, description: str) -> dict[str, Any]:
    updated = (NOW - timedelta(minutes=40)).isoformat()
    return {"name": name, "state": state, "reason": reason, "updated": updated, "description": description}
