"""The id of a run."""

from __future__ import annotations

from typing import Any

import pytest

from tracking.identity import run_id_of

UPLOAD: dict[str, Any] = {
    "model": "housing",
    "content": "0cc175b9c0f1b6a831c399e269772661",
    "size": 123,
    "contract_hash": "c" * 64,
    "code_hash": "e" * 16,
}


def test_the_id_stays_what_it_was_so_that_runs_of_earlier_releases_are_found() -> None:
    assert run_id_of(**UPLOAD) == "51bf44fc3621452d"


@pytest.mark.parametrize(
    ("field", "other"),
    [("model", "wine"), ("content", "f" * 32), ("size", 124), ("contract_hash", "d" * 64), ("code_hash", "f" * 16)],
)
def test_whatever_is_different_makes_another_run(field: str, other: str | int) -> None:
    assert run_id_of(**{**UPLOAD, field: other}) != run_id_of(**UPLOAD)
