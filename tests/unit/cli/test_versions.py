"""What a run says about numerical packages that are not the container's."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cli import versions

ROOT = Path(__file__).resolve().parents[3]


def test_the_containers_versions_are_those_that_are_pinned() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    pins = {
        pin.partition(";")[0].strip() for name in ("arrays", "demo") for pin in groups[name] if isinstance(pin, str)
    }
    assert {f"{name}=={number}" for name, number in versions.CONTAINER.items()} <= pins


def test_the_same_versions_on_the_same_machine_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "version", versions.CONTAINER.__getitem__)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    assert versions.difference() == ""


def test_others_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "version", {**versions.CONTAINER, "numpy": "2.3.2"}.__getitem__)
    monkeypatch.setattr("platform.machine", lambda: "arm64")

    assert versions.difference() == (
        "Numbers may differ in the last bits from SageMaker's container: numpy 2.3.2 for 2.1.0, arm64 for x86_64."
    )
