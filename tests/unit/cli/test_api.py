"""How the command calls the REST API, and how it shows a prediction."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import boto3

from cli import api
from cli.render import explanation_table, prediction_text
from cli.terminal import Console

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/v1/models/m/predictions?explain=true"


def target(key: str | None, *, caller: str = "") -> Any:
    session, other = (
        boto3.Session(aws_access_key_id=name, aws_secret_access_key="secret", region_name="eu-west-1")
        for name in ("AKID", caller)
    )
    return SimpleNamespace(cli_key=key, session=session, caller=other if caller else None)


def test_a_key_is_sent_in_its_header() -> None:
    assert api._headers(target("the-key"), "POST", URL, b"{}") == {
        "content-type": "application/json",
        "x-api-key": "the-key",
    }


def test_without_a_key_the_request_is_signed() -> None:
    headers = api._headers(target(None), "POST", URL, b"{}")
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
    assert "Credential=AKID/" in headers["Authorization"]
    assert "x-api-key" not in headers


def test_who_calls_may_be_another_than_who_looks_things_up() -> None:
    headers = api._headers(target(None, caller="CALLER"), "POST", URL, b"{}")
    assert "Credential=CALLER/" in headers["Authorization"]


def test_a_prediction_shows_its_interval() -> None:
    held = {"low": 48390.4, "high": 109655.2, "level": 0.9}
    assert prediction_text({"value": 79022.867, "unit": "USD", "interval": held}) == (
        "79,022.87 USD (90 %: 48,390 to 109,655)"
    )


def test_an_explanation_is_a_sum() -> None:
    explanation = {
        "output": "value",
        "base": 100.0,
        "sum": 130.5,
        "contributions": [
            {"feature": "income", "value": 3.5, "contribution": 40.5},
            {"feature": "sea", "value": "INLAND", "contribution": -10.0},
            {"feature": "rooms", "value": None, "contribution": 0.0},
        ],
    }
    console = Console(file=(out := io.StringIO()), width=80)
    console.print(explanation_table(explanation))
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["base", "100.00"],
        ["income", "3.5", "+40.50"],
        ["sea", "INLAND", "-10.00"],
        ["rooms", "None", "+0.00"],
        ["value", "130.50"],
    ]
