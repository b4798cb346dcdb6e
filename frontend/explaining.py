"""Contributions as a person reads them: what a model derives from the coordinates alone is one thing, the location."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from frontend.answers import Contribution, Explanation, Feature
from frontend.formatting import title
from frontend.forms import coordinates_of

_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Effect:
    """One bar: what moved the prediction, by how much, and how it is computed where that is no plain input."""

    label: str
    change: float
    how: str = ""


def effects_of(explanation: Explanation, features: Sequence[Feature], derived: Mapping[str, str]) -> list[Effect]:
    """The largest first. They add up to what the contributions add up to."""
    place = _location(features, derived)
    located = [item for item in explanation.contributions if item.feature in place]
    effects = [_effect(item, features, derived) for item in explanation.contributions if item not in located]
    if located:
        how = f"longitude, latitude and what is computed from them alone ({len(located)} inputs)"
        effects.append(Effect("Location", sum(item.contribution for item in located), how))
    return sorted(effects, key=lambda effect: abs(effect.change), reverse=True)


def _location(features: Sequence[Feature], derived: Mapping[str, str]) -> set[str]:
    """Names of the coordinates and of all that follows from them alone; empty without coordinates."""
    coordinates = coordinates_of(features)
    if coordinates is None:
        return set()
    inputs = {feature.name for feature in features} | set(derived)
    found = {coordinates.longitude.name, coordinates.latitude.name}
    for name, expression in derived.items():  # a derived feature follows those that it uses
        used = set(_NAME.findall(expression)) & inputs
        if used and used <= found:
            found.add(name)
    return found


def _effect(item: Contribution, features: Sequence[Feature], derived: Mapping[str, str]) -> Effect:
    feature = next((feature for feature in features if feature.name == item.feature), None)
    if item.value is None or feature is None:
        return Effect(title(item.feature), item.contribution, derived.get(item.feature, ""))
    value = feature.control.text(replace(feature, unit=""), item.value)
    return Effect(f"{title(item.feature)} = {value}", item.contribution)
