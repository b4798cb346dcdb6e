"""The API's own description follows from the contracts, and its page shows it without any script."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest

from contract import Contract, load_all
from description import documents
from description import page as pages
from description.openapi import DEPLOYED
from tests.contracts import MODELS

MODEL = "california_housing"


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_all(MODELS)


@pytest.fixture(scope="module")
def description(contracts: dict[str, Contract]) -> dict[str, Any]:
    return dict(json.loads(documents(contracts, key_header=True)[0].content))


def test_there_are_a_document_and_a_page(contracts: dict[str, Contract], description: dict[str, Any]) -> None:
    openapi, page = documents(contracts, key_header=True)
    assert (openapi.path, openapi.headers) == ("openapi.json", {"Content-Type": "application/json"})
    assert description["openapi"] == "3.1.0"
    assert (page.path, page.headers["Content-Type"]) == ("docs", "text/html; charset=utf-8")
    assert page.headers["X-Frame-Options"] == "DENY"


def test_they_are_the_same_each_time(contracts: dict[str, Contract]) -> None:
    """Their digest says whether a deployment changes anything."""
    assert documents(contracts, key_header=True) == documents(contracts, key_header=True)


def test_every_reference_and_schema_is_right(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    schemas = description["components"]["schemas"]
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= schemas.keys()
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_bounds_and_levels_are_those_of_the_contract(
    contracts: dict[str, Contract], description: dict[str, Any]
) -> None:
    contract = contracts[MODEL]
    properties = description["components"]["schemas"]["CaliforniaHousingInstance"][DEPLOYED]["properties"]
    assert list(properties) == [feature.name for feature in contract.features]
    assert properties["latitude"]["maximum"] == 42.5
    assert properties["ocean_proximity"]["enum"] == list(contract.categorical[0].levels)


def test_a_request_that_another_version_takes_is_described(description: dict[str, Any]) -> None:
    """Clients that check their requests by the description go on while a deployed contract waits for its version."""
    components = {"components": description["components"]}
    body = description["paths"][f"/models/{MODEL}/predictions"]["post"]["requestBody"]["content"]["application/json"]
    request = {"instances": [{"lot_area": 3, "quarter": "north", "rooms": None}]}
    jsonschema.Draft202012Validator({**body["schema"], **components}).validate(request)


def test_examples_hold(description: dict[str, Any]) -> None:
    components = {"components": description["components"]}
    checked = 0
    for verbs in description["paths"].values():
        for operation in verbs.values():
            contents = [answer["content"] for answer in operation["responses"].values()]
            contents += [operation["requestBody"]["content"]] if "requestBody" in operation else []
            for media in (media for content in contents for media in content.values() if "example" in media):
                jsonschema.Draft202012Validator({**media["schema"], **components}).validate(media["example"])
                checked += 1
    assert checked > 50


def test_problems_of_a_prediction(description: dict[str, Any]) -> None:
    operation = description["paths"][f"/models/{MODEL}/predictions"]["post"]
    assert list(operation["responses"]) == [
        *("200", "400", "403", "413", "415", "429", "500", "501", "502", "503", "504"),
    ]
    assert operation["responses"]["400"]["content"].keys() == {"application/problem+json"}


def test_only_the_description_is_open(description: dict[str, Any]) -> None:
    assert description["security"] == [{"Caller": []}]
    own = {path: verbs.get("get", {}).get("security") for path, verbs in description["paths"].items()}
    assert {path for path, security in own.items() if security == []} == {"/openapi.json", "/docs"}


def test_iam_callers_are_told_to_sign(contracts: dict[str, Contract]) -> None:
    openapi, page = documents(contracts, key_header=False)
    description = json.loads(openapi.content)
    assert description["components"]["securitySchemes"]["Caller"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert description["paths"]["/docs"]["get"]["security"] == [{"Caller": []}]
    assert "Signature Version 4" in page.content.decode()


class Page(HTMLParser):
    """Tags, attributes and text of a page; every tag must be closed."""

    VOID = {"meta", "link", "br", "img"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_loads_and_runs_nothing(contracts: dict[str, Contract], description: dict[str, Any]) -> None:
    text = documents(contracts, key_header=True)[1].content.decode()
    page = Page(text)
    assert page.open == []
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert page.links == ["openapi.json"]
    assert """<meta http-equiv="Content-Security-Policy" content="default-src 'none';""" in text
    assert "prefers-color-scheme: dark" in text
    for path in description["paths"]:
        assert path in page.text
    for shape in description["components"]["schemas"]:
        assert shape in page.text
    assert "<1H OCEAN" in page.text
    assert "number, -125 to -114" in page.text


WORDS = "</code></table><script>e()</script><img src=x onerror=e()>\"'&lt;"


def hostile(document: Any, key: str = "") -> Any:
    """The description with these words behind whatever a contract says."""
    if isinstance(document, dict):
        return {name: hostile(value, name) for name, value in document.items()}
    if isinstance(document, list):
        return [hostile(item, key) for item in document]
    says = key in ("description", "summary", "title", "enum", "example", "levels", "unit", "default")
    return f"{document}{WORDS}" if says and isinstance(document, str) else document


def test_words_of_a_contract_are_only_shown(description: dict[str, Any]) -> None:
    page = Page(pages.of(hostile(description)))
    assert page.open == []
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert page.links == ["openapi.json"]
    assert page.text.count("<script>e()</script>") > 20
