"""The steps of a pipeline as a graph: flattened out of their conditions, with what each one waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.references import ReferenceFault, gets, parse_path


@dataclass(frozen=True)
class Gate:
    """A step inside a condition runs only when the condition's outcome is `outcome`."""

    condition: str
    outcome: bool


@dataclass(frozen=True)
class Node:
    step: Mapping[str, Any]
    needs: frozenset[str]
    gate: Gate | None = None

    @property
    def name(self) -> str:
        return str(self.step["Name"])


def flatten(
    steps: Sequence[Mapping[str, Any]], gate: Gate | None = None
) -> Iterator[tuple[Mapping[str, Any], Gate | None]]:
    """Every step with its gate, those inside conditions after the condition itself."""
    for step in steps:
        yield step, gate
        if step.get("Type") == "Condition":
            arguments = step.get("Arguments", {})
            yield from flatten(arguments.get("IfSteps", ()), Gate(step["Name"], True))
            yield from flatten(arguments.get("ElseSteps", ()), Gate(step["Name"], False))


def own_parts(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step without the steps inside it."""
    parts = dict(step)
    if step.get("Type") == "Condition":
        parts["Arguments"] = {"Conditions": step.get("Arguments", {}).get("Conditions", [])}
    return parts


def nodes(steps: Sequence[Mapping[str, Any]]) -> list[Node]:
    return [Node(step, _needs(step), gate) for step, gate in flatten(steps)]


def _needs(step: Mapping[str, Any]) -> frozenset[str]:
    found = set(step.get("DependsOn", ()))
    for text in gets(own_parts(step)):
        try:
            path = parse_path(text)
        except ReferenceFault:
            continue  # reported by the definition's check
        if path.root == "Steps":
            found.add(path.name)
    return frozenset(found)


def cycle(graph: Sequence[Node]) -> list[str]:
    """The names of steps that wait for each other in a circle; empty when there is none."""
    waiting = {node.name: set(node.needs) | ({node.gate.condition} if node.gate else set()) for node in graph}
    while True:
        free = {name for name, needs in waiting.items() if not needs & waiting.keys()}
        if not free:
            return sorted(waiting)
        waiting = {name: needs for name, needs in waiting.items() if name not in free}
        if not waiting:
            return []
