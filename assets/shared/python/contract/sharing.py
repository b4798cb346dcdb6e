"""What the models of one multi-model endpoint must agree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contract.model import Contract
from contract.problems import Problem

# Settings of the endpoint rather than of a model.
KEYS = (
    *("instance_type", "instance_count", "min_instances", "max_instances", "invocations_per_instance"),
    *("canary_percent", "canary_minutes"),
)


def disagreements(contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    """`contracts` by file. The first file is the one that the others are held against."""
    shared = [(file, item.serving) for file, item in contracts.items() if item.serving.hosting == "multi-model"]
    for file, serving in shared[1:]:
        first_file, first = shared[0]
        for key in KEYS:
            ours, theirs = getattr(serving, key), getattr(first, key)
            if ours != theirs:
                reason = (
                    f"must be the same for all models of the multi-model endpoint: it is {_shown(ours)} here and "
                    f"{_shown(theirs)} in {first_file}"
                )
                yield Problem(file, f"serving.{key}", reason)


def _shown(value: object) -> str:
    return "not set" if value is None else repr(value)
