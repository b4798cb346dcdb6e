"""Package clients trust the system's authorities, unless their user said otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import trust


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PIP_CERT", "UV_SYSTEM_CERTS"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "authorities.pem"
    file.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def test_pip_by_its_version(bundle: Path) -> None:
    assert trust.pip_options((23, 0)) == ["--cert", str(bundle)]
    assert trust.pip_options((24, 0)) == ["--use-feature=truststore"]
    assert trust.pip_options((24, 2)) == trust.pip_options((26, 1)) == []


def test_what_the_user_said_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", "/own.pem")
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")

    assert trust.pip_options((23, 0)) == []
    assert trust.uv_environment()["UV_SYSTEM_CERTS"] == "false"


def test_uv_uses_the_systems_where_it_has_any(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trust.uv_environment()["UV_SYSTEM_CERTS"] == "true"

    monkeypatch.setattr(trust, "system_bundle", lambda: None)
    monkeypatch.setattr("sys.platform", "linux")
    assert "UV_SYSTEM_CERTS" not in trust.uv_environment()
