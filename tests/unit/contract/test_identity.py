from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.identity import RowIdentity, spelled
from contract.reading import decimal
from tests.unit.etl.harness import small_contract

IDENTITY = RowIdentity("salt")


def test_it_is_the_hash_of_the_salt_and_the_values() -> None:
    identity = RowIdentity.under(small_contract(split={"salt": "s-1"}))
    expected = hashlib.md5(b"s-1880.0\x1f\x1f-0.25\x1f1.0").hexdigest()
    assert identity.row_id([880.0, None, -0.25, "1.0"]) == expected
    assert identity.row_id([880.0, None, -0.25, "1"]) != expected  # a level is no number


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (["880", "880.", "+880.00", "8.8e2", "0880", "8800E-1"], "880.0"),
        (["0", "-0", "-0.0", "0e5", "-1e-999"], "0.0"),
        (["0.1", ".1", "1e-1", "0.1000000000000000055"], "0.1"),
        (["1e16", "10000000000000000", "1E+16"], "1e+16"),
    ],
)
def test_a_number_counts_and_not_its_spelling(texts: list[str], value: str) -> None:
    expected = hashlib.md5(f"salt{value}".encode()).hexdigest()
    assert {IDENTITY.row_id([decimal(text)]) for text in texts} == {expected}


def test_what_is_missing_is_spelled_as_nothing() -> None:
    assert (spelled(None), spelled(0.5), spelled("a")) == ("", "0.5", "a")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_values_that_differ_have_different_ids(value: float) -> None:
    assert IDENTITY.row_id([value]) == IDENTITY.row_id([decimal(f"{value:.17e}")])
    assert IDENTITY.row_id([value]) != IDENTITY.row_id([value + abs(value) * 1e-15 + 1e-320])
