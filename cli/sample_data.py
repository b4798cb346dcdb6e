"""A seeded stand-in for the California Housing file: the same columns and a plausible geography, none of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HEADER = (
    "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,"
    "median_income,median_house_value,ocean_proximity"
)
CAP = 500_001.0
FLOOR = 14_999.0
MISSING_BEDROOMS = 0.01
ISLAND_SHARE = 0.00025
COUNTRYSIDE_SHARE = 0.14
BAY = (-122.15, 37.70)

# The shoreline from Mexico to Oregon from south to north: rough, and enough to tell land from sea.
SHORE_LATITUDE = [32.5, 33.0, 33.5, 33.75, 34.0, 34.4, 34.55, 35.2, 36.0, 36.7, 37.2, 37.8]
SHORE_LATITUDE += [38.3, 39.0, 40.4, 41.0, 42.0]
SHORE_LONGITUDE = [-117.12, -117.28, -117.75, -118.4, -118.6, -119.6, -120.6, -120.75, -121.5, -121.85, -122.4, -122.52]
SHORE_LONGITUDE += [-123.05, -123.7, -124.35, -124.12, -124.22]


@dataclass(frozen=True)
class City:
    longitude: float
    latitude: float
    weight: float
    spread: float
    premium: float  # added to the logarithm of the price at its centre


CITIES = (
    City(longitude=-118.25, latitude=34.05, weight=0.36, spread=0.22, premium=0.30),
    City(longitude=-117.12, latitude=32.80, weight=0.10, spread=0.15, premium=0.18),
    City(longitude=-117.35, latitude=33.98, weight=0.10, spread=0.25, premium=-0.05),
    City(longitude=-122.43, latitude=37.76, weight=0.08, spread=0.08, premium=0.50),
    City(longitude=-122.20, latitude=37.72, weight=0.10, spread=0.14, premium=0.25),
    City(longitude=-121.90, latitude=37.32, weight=0.09, spread=0.12, premium=0.42),
    City(longitude=-121.45, latitude=38.56, weight=0.08, spread=0.18, premium=0.00),
    City(longitude=-119.78, latitude=36.75, weight=0.06, spread=0.25, premium=-0.10),
    City(longitude=-119.02, latitude=35.37, weight=0.03, spread=0.20, premium=-0.12),
)


def write_sample(path: Path, *, rows: int = 20_640, seed: int = 7) -> None:
    """Writes a CSV with `rows` rows. The same rows and seed give the same bytes."""
    rng = np.random.default_rng(seed)
    longitude, latitude, island = _places(rng, rows)
    households = _households(rng, longitude, latitude)
    prices = _prices(rng, longitude, latitude, households) * np.where(island, 1.4, 1.0)
    lines = _lines(
        households | {"longitude": longitude, "latitude": latitude, "price": np.clip(prices, FLOOR, CAP)},
        proximity=_proximity(longitude, latitude, island),
        missing=rng.random(rows) < MISSING_BEDROOMS,
    )
    path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8", newline="\n")


def _places(rng: np.random.Generator, rows: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Most districts lie around cities, some in the countryside, a handful on an island; none in the sea."""
    weights = np.array([city.weight for city in CITIES])
    centre = np.array([(city.longitude, city.latitude) for city in CITIES])
    spread = np.array([city.spread for city in CITIES])
    city = rng.choice(len(CITIES), size=rows, p=weights / weights.sum())
    longitude = centre[city, 0] + rng.standard_normal(rows) * spread[city]
    latitude = centre[city, 1] + rng.standard_normal(rows) * spread[city] * 0.8
    rural = rng.random(rows) < COUNTRYSIDE_SHARE
    latitude = np.where(rural, rng.uniform(32.7, 41.8, rows), np.clip(latitude, 32.55, 41.9))
    shore = _shore(latitude)
    longitude = np.where(rural, shore + 0.1 + rng.exponential(1.4, rows), longitude)
    at_sea = longitude < shore + 0.01
    longitude = np.where(at_sea, shore + 0.01 + np.abs(longitude - shore) * 0.3, longitude)
    island = np.zeros(rows, dtype=bool)
    island[rng.choice(rows, size=min(rows, max(2, round(rows * ISLAND_SHARE))), replace=False)] = True
    longitude = np.where(island, rng.uniform(-118.48, -118.32, rows), np.clip(longitude, -124.3, -114.4))
    latitude = np.where(island, rng.uniform(33.34, 33.43, rows), latitude)
    return longitude.round(2), latitude.round(2), island


def _shore(latitude: Floats) -> Floats:
    longitude: Floats = np.interp(latitude, SHORE_LATITUDE, SHORE_LONGITUDE)
    return longitude


def _from_sea(longitude: Floats, latitude: Floats) -> Floats:
    """Degrees of longitude to the shore: negative at sea."""
    return longitude - _shore(latitude)


def _distance(longitude: Floats, latitude: Floats, place: tuple[float, float]) -> Floats:
    return np.hypot((longitude - place[0]) * 0.8, latitude - place[1])


def _urbanity(longitude: Floats, latitude: Floats) -> Floats:
    """From 0 in the countryside to 1 in the centre of a city."""
    near = [np.exp(-_distance(longitude, latitude, (c.longitude, c.latitude)) / (2 * c.spread)) for c in CITIES]
    nearest: Floats = np.max(near, axis=0)
    return nearest


def _households(rng: np.random.Generator, longitude: Floats, latitude: Floats) -> dict[str, Floats]:
    """Age, income and head counts of each district, with the dependencies that a census shows."""
    rows = len(longitude)
    coastal = np.exp(-np.maximum(_from_sea(longitude, latitude), 0) / 0.6)
    urban = _urbanity(longitude, latitude)
    income = np.clip(np.exp(1.10 + 0.28 * coastal + 0.46 * rng.standard_normal(rows)), 0.4999, 15.0001)
    age = np.clip(20 + 16 * urban + 10 * rng.standard_normal(rows), 1, 52)
    households = np.maximum(np.exp(6.0 + 0.68 * rng.standard_normal(rows) - 0.008 * (age - 28)), 2)
    people = np.clip(2.9 - 0.12 * (income - 3.8) + 0.55 * rng.standard_normal(rows), 1.1, None)
    rooms = np.clip(4.4 + 0.33 * income - 0.8 * urban + 0.75 * rng.standard_normal(rows), 1.2, None)
    holiday = np.where(rng.random(rows) < 0.01, rng.uniform(2, 5, rows), 1.0)  # many rooms, few residents
    bedrooms = np.clip(0.19 * rooms + 0.07 * rng.standard_normal(rows), 0.5, None)
    return {
        "age": age,
        "income": income,
        "households": np.clip(households, 1, 6_000),
        "population": np.clip(households * people, 3, 35_000),
        "rooms": np.clip(households * rooms * holiday, 2, 39_000),
        "bedrooms": np.clip(households * bedrooms * holiday, 1, 6_400),
    }


def _prices(rng: np.random.Generator, longitude: Floats, latitude: Floats, households: Mapping[str, Floats]) -> Floats:
    coastal = np.exp(-np.maximum(_from_sea(longitude, latitude), 0) / 0.35)
    premium = np.zeros(len(longitude))
    for city in CITIES:
        distance = _distance(longitude, latitude, (city.longitude, city.latitude))
        premium += city.premium * np.exp(-distance / (2.5 * city.spread))
    crowding = households["population"] / households["households"]
    logarithm = 10.80 + 0.78 * np.log(households["income"]) + 0.55 * coastal + premium
    logarithm += 0.004 * (households["age"] - 28) - 0.09 * (crowding - 2.9)
    logarithm += 0.2 * rng.standard_normal(len(longitude))
    prices: Floats = np.exp(logarithm).round(-2)
    return prices


def _proximity(longitude: Floats, latitude: Floats, island: NDArray[np.bool_]) -> NDArray[np.str_]:
    from_sea = _from_sea(longitude, latitude)
    conditions = [island, _distance(longitude, latitude, BAY) < 0.33, from_sea < 0.13, from_sea < 0.85]
    return np.select(conditions, ["ISLAND", "NEAR BAY", "NEAR OCEAN", "<1H OCEAN"], default="INLAND")


def _lines(numbers: Mapping[str, Floats], *, proximity: NDArray[np.str_], missing: NDArray[np.bool_]) -> list[str]:
    def whole(name: str) -> list[str]:
        return [f"{value:.1f}" for value in numbers[name].round().tolist()]

    bedrooms = ["" if absent else text for text, absent in zip(whole("bedrooms"), missing.tolist(), strict=True)]
    columns = [
        [f"{value:.2f}" for value in numbers["longitude"].tolist()],
        [f"{value:.2f}" for value in numbers["latitude"].tolist()],
        whole("age"),
        whole("rooms"),
        bedrooms,
        whole("population"),
        whole("households"),
        [f"{value:.4f}" for value in numbers["income"].tolist()],
        whole("price"),
        proximity.tolist(),
    ]
    return [",".join(fields) for fields in zip(*columns, strict=True)]
