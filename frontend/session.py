"""What a page needs before it can draw: the API, the model that was chosen, and answers that are kept for a while."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from frontend import visitors
from frontend.answers import Model, Predictions, Summary
from frontend.client import Api
from frontend.records import Monitoring, Run, Version, VersionDetail
from frontend.rundata import DataFiles, Rejects
from frontend.settings import Settings, from_environment

CHOSEN = "model"


@st.cache_resource
def _api(settings: Settings) -> Api:
    return Api(settings)


def api() -> Api:
    """Raises SettingsError."""
    return _api(settings())


def settings() -> Settings:
    """Also for a part of a page that is drawn anew by itself: a login may have ended. Raises SettingsError."""
    visitors.require()
    return from_environment(os.environ)


def forget() -> None:
    """Ask the API anew for everything."""
    st.cache_data.clear()


# Errors are not kept: the next rerun asks again. `settings` is part of what tells answers apart.


@st.cache_data(ttl=20, show_spinner=False)
def _models(settings: Settings) -> tuple[Summary, ...]:
    return _api(settings).models()


@st.cache_data(ttl=60, show_spinner=False)
def _model(settings: Settings, name: str) -> Model:
    return _api(settings).model(name)


@st.cache_data(ttl=300, max_entries=200, show_spinner=False)
def _predict(
    settings: Settings, name: str, version: int, instances: Sequence[Mapping[str, Any]], explain: bool
) -> Predictions:
    return _api(settings).predict(name, instances, explain=explain)


@st.cache_data(ttl=2, show_spinner=False)
def _runs(settings: Settings, name: str) -> tuple[Run, ...]:
    return _api(settings).runs(name)


@st.cache_data(ttl=2, show_spinner=False)
def _run(settings: Settings, name: str, run_id: str) -> Run:
    return _api(settings).run(name, run_id)


@st.cache_data(ttl=120, max_entries=20, show_spinner=False)
def _rejects(settings: Settings, name: str, run_id: str) -> Rejects:
    return _api(settings).rejects(name, run_id)


# Well below the 15 minutes for which the links are good, as below.
@st.cache_data(ttl=120, show_spinner=False)
def _data(settings: Settings, name: str, run_id: str, split: str) -> DataFiles:
    return _api(settings).data(name, run_id, split)


@st.cache_data(ttl=10, show_spinner=False)
def _versions(settings: Settings, name: str) -> tuple[Version, ...]:
    return _api(settings).versions(name)


# Well below the 15 minutes for which the pictures' addresses are good.
@st.cache_data(ttl=120, show_spinner=False)
def _version(settings: Settings, name: str, number: int) -> VersionDetail:
    return _api(settings).version(name, number)


@st.cache_data(ttl=30, show_spinner=False)
def _monitoring(settings: Settings, name: str, hours: int) -> Monitoring:
    return _api(settings).monitoring(name, hours=hours)


def models() -> tuple[Summary, ...]:
    return _models(settings())


def model(name: str) -> Model:
    return _model(settings(), name)


def sweep(model: Model, instances: Sequence[Mapping[str, Any]]) -> Predictions:
    """Predictions that are asked for again with every move of a slider: kept while the version is live."""
    live = model.summary.live
    return _predict(settings(), model.name, live.version if live else 0, instances, False)


def runs(name: str) -> tuple[Run, ...]:
    return _runs(settings(), name)


def run(name: str, run_id: str) -> Run:
    return _run(settings(), name, run_id)


def rejects(name: str, run_id: str) -> Rejects:
    return _rejects(settings(), name, run_id)


def data(name: str, run_id: str, split: str) -> DataFiles:
    return _data(settings(), name, run_id, split)


def versions(name: str) -> tuple[Version, ...]:
    return _versions(settings(), name)


def version(name: str, number: int) -> VersionDetail:
    return _version(settings(), name, number)


def monitoring(name: str, hours: int) -> Monitoring:
    return _monitoring(settings(), name, hours)
