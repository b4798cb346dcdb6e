"""No secret, key or account number in the tree, which templates, manifests and recorded outputs are part of."""

from __future__ import annotations

import pytest

from tests.host_guard import ROOT, tracked_files
from tests.secret_guard import accounts, secrets


def test_no_file_holds_a_secret_or_an_account() -> None:
    found = []
    for path in tracked_files():
        text = path.read_text(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {what}" for what in [*secrets(text), *accounts(text)]]
    assert found == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AKIA" + "IOSFODNN7EXAMPLE", "access key"),
        ("aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY", "secret access key"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----", "private key"),
        ("ghp_" + "a1" * 18, "GitHub token"),
        ("postgres" + "://me:word@host/db", "password in a URL"),
    ],
)
def test_the_guard_finds_what_it_looks_for(text: str, kind: str) -> None:
    assert [found.startswith(kind) for found in secrets(f"x\n{text}\n")] == [True]
    assert text not in "".join(secrets(text))


def test_the_guard_knows_accounts_from_other_numbers() -> None:
    real = "2109" + "87654321"
    assert accounts(f"arn:aws:iam::{real}:role/x, 111122223333, 1.{real}, {real}0, a{real}") == [real]
