"""The newer one of two versions is that of the later upload."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.order import Order, order_of
from tracking.versions import newest_approved

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
Json = dict[str, Any]


def package(number: int, *, created: float, uploaded: float | None = None, sequencer: str = "") -> Json:
    """Times in seconds after noon; S3 tells whole ones."""
    metadata = (
        {} if uploaded is None else {"uploaded_at": f"{NOON + timedelta(seconds=int(uploaded)):%Y-%m-%dT%H:%M:%SZ}"}
    )
    metadata |= {"upload_sequencer": sequencer} if sequencer else {}
    return {
        "ModelPackageArn": f"arn:{number}",
        "ModelPackageVersion": number,
        "CreationTime": NOON + timedelta(seconds=created),
        "CustomerMetadataProperties": metadata,
    }


class Registry:
    """Lists what is approved, the last registered first; `described` are the versions that were asked for."""

    def __init__(self, packages: list[Json]) -> None:
        self.described: list[int] = []
        self._packages = {item["ModelPackageArn"]: item for item in packages}

    def get_paginator(self, _name: str) -> Any:
        listed = sorted(self._packages.values(), key=lambda item: item["CreationTime"], reverse=True)
        members = ("ModelPackageArn", "ModelPackageVersion", "CreationTime")
        summaries = [{name: item[name] for name in members} for item in listed]
        return SimpleNamespace(paginate=lambda **_: [{"ModelPackageSummaryList": summaries}])

    def describe_model_package(self, *, ModelPackageName: str) -> Json:  # noqa: N803  (AWS's name)
        found = self._packages[ModelPackageName]
        self.described.append(found["ModelPackageVersion"])
        return found


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (package(2, created=90, uploaded=1), package(1, created=30, uploaded=2)),
        # One that does not say when it was uploaded counts from its registration.
        (package(1, created=30), package(2, created=90, uploaded=31)),
        (package(2, created=90, uploaded=29), package(1, created=30)),
        # In the same second: S3's sequencer, whose shorter form ends in zeros, then the number.
        (package(2, created=90, uploaded=1, sequencer="0A"), package(1, created=30, uploaded=1, sequencer="0A01")),
        (package(2, created=90, uploaded=1, sequencer="0a"), package(1, created=30, uploaded=1, sequencer="0B")),
        (package(1, created=30, uploaded=1, sequencer="0A"), package(2, created=90, uploaded=1, sequencer="0A00")),
        # Clocks differ: no upload is later than the registration of its version.
        (package(1, created=30, uploaded=40), package(2, created=90, uploaded=31)),
    ],
)
def test_the_later_upload_is_the_newer_version(older: Json, newer: Json) -> None:
    assert order_of(older) < order_of(newer)
    found = newest_approved(Registry([older, newer]), "g")
    assert found == newer


@pytest.mark.parametrize("text", ["", "unknown", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_counts_from_the_registration(text: str) -> None:
    assert Order.of({"uploaded_at": text}, created=NOON, number=1).uploaded == NOON


def test_a_time_without_a_zone_is_in_utc() -> None:
    at = Order.of({"uploaded_at": "2026-01-02T11:00:00"}, created=NOON, number=1).uploaded
    assert at == NOON - timedelta(hours=1)


def test_only_versions_that_can_be_newer_are_described() -> None:
    """Two hundred runs of a minute each, one after the other."""
    registry = Registry([package(n, created=60.0 * n + 59, uploaded=60 * n) for n in range(1, 201)])
    found = newest_approved(registry, "g")
    assert found is not None
    assert (found["ModelPackageVersion"], registry.described) == (200, [200])


RUNS = st.lists(
    st.tuples(
        st.integers(0, 20) | st.none(), st.floats(0, 20, allow_nan=False), st.sampled_from(["", "0A", "0B", "0B1"])
    ),
    max_size=12,
)


@given(RUNS)
def test_the_newest_of_any_registry_is_found(runs: list[tuple[int | None, float, str]]) -> None:
    packages = []
    for uploaded, took, sequencer in runs:
        packages.append(package(0, created=(uploaded or 0) + took, uploaded=uploaded, sequencer=sequencer))
    packages.sort(key=lambda item: item["CreationTime"])
    for number, item in enumerate(packages, start=1):
        item |= {"ModelPackageArn": f"arn:{number}", "ModelPackageVersion": number}
    assert newest_approved(Registry(packages), "g") == max(packages, key=order_of, default=None)
