"""A small binary contract and rows for it: will a flat be sold?"""

from __future__ import annotations

from typing import Any

import numpy as np

from contract import Contract, contract_of
from tests.unit.pipeline.factory import Row

DOCUMENT: dict[str, Any] = {
    "model": {"name": "sales", "task": "binary", "description": "Whether a flat is sold within a month"},
    "features": {
        "price": {"type": "number", "min": 0, "unit": "kEUR"},
        "rooms": {"type": "number", "min": 0, "nullable": True},
        "town": {"type": "category", "levels": ["A", "B"]},
    },
    "target": {"name": "sold", "levels": ["no", "yes"]},
    "derived": {"per_room": "price / rooms"},
    "quality": {"min_rows": 1, "max_reject_share": 0.1},
    "split": {"train": 0.6, "validation": 0.2, "test": 0.2, "salt": "sales-1"},
    "training": {"rounds": 10, "early_stopping_rounds": 5, "seed": 1},
    "gate": {"metric": "auc", "min": 0.8},
    "serving": {"mode": "serverless"},
}


def binary_contract(**changes: Any) -> Contract:
    """DOCUMENT, with keys of its tables replaced or added."""
    return contract_of({name: {**table, **changes.get(name, {})} for name, table in DOCUMENT.items()})


def binary_rows(count: int, seed: int = 5) -> list[Row]:
    """The target is 1 for yes, as the ETL job writes it; cheap flats are sold."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for _ in range(count):
        price, rooms, town = random.uniform(50, 500), float(random.integers(1, 6)), str(random.choice(["A", "B"]))
        score = (200 - price) / 40 + rooms / 2 + (town == "B") + random.normal(0, 0.7)
        rows.append(
            {
                "price": round(price, 2),
                "rooms": None if random.random() < 0.05 else rooms,
                "town": town,
                "sold": float(score > 0),
            }
        )
    return rows
