"""Whose turn it is: models share the places of the workflow, and within a model the oldest file is first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

KEY = "_running.json"


@dataclass(frozen=True)
class Running:
    model: str
    run_id: str
    workflow_run: str


@dataclass(frozen=True)
class Turns:
    """`running`: what was started and has not been seen to end. `served`: models, the one started last is the last."""

    running: tuple[Running, ...] = ()
    served: tuple[str, ...] = ()

    def next_of(self, models: Collection[str]) -> str:
        """The model with the fewest files running; of several, the one that was served longest ago."""
        running = Counter(run.model for run in self.running)

        def rank(model: str) -> tuple[int, int, str]:
            return running[model], self.served.index(model) if model in self.served else -1, model

        return min(models, key=rank)

    def started(self, run: Running) -> Turns:
        served = [model for model in self.served if model != run.model]
        return Turns((*self.running, run), (*served, run.model))

    def still(self, is_running: Callable[[str], bool]) -> Turns:
        """Without those that ended."""
        return replace(self, running=tuple(run for run in self.running if is_running(run.workflow_run)))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Turns:
        return cls(tuple(Running(**run) for run in document["running"]), tuple(document["served"]))


def read_turns(s3: Any, bucket: str) -> Turns:
    """Nothing runs when nobody noted anything: the workflow's own limit holds all the same."""
    if not s3.list_objects_v2(Bucket=bucket, Prefix=KEY, MaxKeys=1).get("KeyCount"):
        return Turns()
    return Turns.read(json.loads(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read()))


def write_turns(s3: Any, bucket: str, turns: Turns) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=turns.to_json().encode(), ContentType="application/json")
