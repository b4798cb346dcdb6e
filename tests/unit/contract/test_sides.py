"""The side of a row, as a pure rule: what the ETL job computes in SQL and the evaluation computes again."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import Contract, contract_of
from contract.identity import RowIdentity
from contract.sides import bound, copy_id, digest_of, side_of, text_digest, unit_of

DOCUMENT = {
    "model": {"name": "churn", "task": "binary", "description": "Who leaves"},
    "features": {
        "months": {"type": "number", "min": 0},
        "plan": {"type": "category", "levels": ["basic", "plus"], "nullable": True},
    },
    "target": {"name": "churned", "levels": ["no", "yes"]},
    "quality": {"min_rows": 1, "max_reject_share": 0.1},
    "split": {"train": 0.64, "validation": 0.16, "test": 0.2, "salt": "s-1"},
    "training": {"rounds": 10, "early_stopping_rounds": 5, "seed": 1},
    "gate": {"metric": "auc", "min": 0.5},
    "serving": {"mode": "serverless"},
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return contract_of(DOCUMENT)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_the_first_copy_keeps_the_id_and_others_hash_it_with_their_number(contract: Contract) -> None:
    base = md5("s-112.0\x1fplus")
    assert digest_of(contract, [12.0, "plus"]) == base == RowIdentity.under(contract).row_id([12.0, "plus"])
    assert digest_of(contract, [12.0, "plus"], copy=2) == md5(f"{base}#2") == copy_id(base, 2)
    assert digest_of(contract, [12.0, None]) == md5("s-112.0\x1f")


def test_key_and_group_decide_before_the_row(contract: Contract) -> None:
    keyed = replace(contract, data=replace(contract.data, key="customer"))
    grouped = replace(keyed, split=replace(keyed.split, group="house"))
    assert (unit_of(contract), unit_of(keyed), unit_of(grouped)) == ("row", "key", "group")
    assert digest_of(keyed, [12.0, "plus"], key="c7") == md5("s-1c7") == text_digest(keyed, "c7")
    assert digest_of(keyed, [12.0, "plus"], key=7.0, copy=3) == md5("s-17.0")
    assert digest_of(grouped, [12.0, "plus"], key="c7", group="h1") == md5("s-1h1")
    with pytest.raises(ValueError, match="the group of the row is missing"):
        digest_of(grouped, [12.0, "plus"], key="c7")


@pytest.mark.parametrize(
    ("digest", "side"),
    [
        ("00000000", "test"),
        ("33333332", "test"),
        ("33333333", "validation"),
        ("5c28f5c2", "validation"),
        ("5c28f5c3", "train"),
    ],
)
def test_the_sides_lie_one_after_the_other(contract: Contract, digest: str, side: str) -> None:
    assert side_of(digest.ljust(32, "0"), contract.split) == side


@given(share=st.floats(0, 1))
def test_a_bound_is_eight_digits_and_in_order(share: float) -> None:
    assert len(bound(share)) == 8
    assert bound(0) <= bound(share) <= bound(1) == "ffffffff"


def test_each_side_gets_its_share(contract: Contract) -> None:
    sides = [side_of(digest_of(contract, [12.0, "plus"], copy=copy), contract.split) for copy in range(1, 20_001)]
    assert sides.count("test") / 20_000 == pytest.approx(0.2, abs=0.01)
    assert sides.count("validation") / 20_000 == pytest.approx(0.16, abs=0.01)
