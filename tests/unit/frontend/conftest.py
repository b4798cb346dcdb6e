"""A fake API, the page's settings for it, and models as the page reads them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from frontend.answers import Model
from frontend.client import Api
from frontend.settings import Settings
from tests.fakeapi import KEY, FakeApi, serving


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Each AppTest reads the metadata of every installed package for components, which takes most of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with serving() as api:
        monkeypatch.setenv("API_URL", api.url)
        monkeypatch.setenv("API_KEY", KEY)
        # Without an address of its own an AppTest counts as a page that others can reach.
        monkeypatch.setenv("PAGE_LOGIN", "off")
        yield api
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def api(fake: FakeApi) -> Api:
    return Api(Settings(api_url=fake.url, api_key=KEY))


@pytest.fixture
def housing_model(api: Api) -> Model:
    return api.model("california_housing")


@pytest.fixture
def cancer_model(api: Api) -> Model:
    return api.model("breast_cancer")
