"""A form from a model's features: labels, steps, formats, and the record that its values make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontend.answers import Feature
from frontend.formatting import title
from frontend.kinds import Value
from frontend.kinds.number import Number

LONGITUDE = ("longitude", "lon", "lng")
LATITUDE = ("latitude", "lat")


@dataclass(frozen=True)
class Field:
    """How a feature is asked for. `step` is None where no button adds one."""

    feature: Feature
    label: str
    help: str
    step: float | None
    default: Value

    @property
    def name(self) -> str:
        return self.feature.name


@dataclass(frozen=True)
class Coordinates:
    """The two features that place a record on a map."""

    longitude: Feature
    latitude: Feature

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees; the whole earth where the contract says nothing."""
        west, east = self.longitude.minimum, self.longitude.maximum
        south, north = self.latitude.minimum, self.latitude.maximum
        return (
            -180.0 if west is None else west,
            -90.0 if south is None else south,
            180.0 if east is None else east,
            90.0 if north is None else north,
        )


def fields_of(features: Sequence[Feature]) -> tuple[Field, ...]:
    return tuple(
        Field(
            feature=feature,
            label=label_of(feature),
            help=_help(feature),
            step=feature.control.step(feature),
            default=_default(feature),
        )
        for feature in features
    )


def label_of(feature: Feature) -> str:
    """With its unit, unless the name says it already: "Total rooms", and not "Total rooms (rooms)"."""
    name = title(feature.name)
    if not feature.unit or feature.unit.lower() in name.lower():
        return name
    return f"{name} ({feature.unit})"


def coordinates_of(features: Sequence[Feature]) -> Coordinates | None:
    """The model's coordinates, when it has both as numbers."""
    numbers = {feature.name.lower(): feature for feature in features if isinstance(feature.control, Number)}
    longitude = next((numbers[name] for name in LONGITUDE if name in numbers), None)
    latitude = next((numbers[name] for name in LATITUDE if name in numbers), None)
    return Coordinates(longitude, latitude) if longitude and latitude else None


def record_of(fields: Sequence[Field], values: Mapping[str, Value]) -> dict[str, Value]:
    """One instance for the API: every feature, unknown ones as null."""
    return {field.name: values.get(field.name) for field in fields}


def missing(fields: Sequence[Field], record: Mapping[str, Value]) -> tuple[str, ...]:
    """Labels of what must be known and is not."""
    return tuple(f.label for f in fields if record.get(f.name) is None and not f.feature.nullable)


def _help(feature: Feature) -> str:
    parts = [feature.description.rstrip(".")]
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None:
        parts.append(f"From {low:,g} to {high:,g}")
    elif low is not None:
        parts.append(f"At least {low:,g}")
    elif high is not None:
        parts.append(f"At most {high:,g}")
    if feature.nullable:
        parts.append(feature.control.unknown)
    return ". ".join(part for part in parts if part) + "." if any(parts) else ""


def _default(feature: Feature) -> Value:
    if feature.default is not None:
        return float(feature.default) if type(feature.default) is int else feature.default
    return None if feature.nullable else feature.control.start(feature)
