"""A proxy of the user's comes between commands and AWS, and never between commands and this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, ProxyConnectionError

from cli.proxies import pool, spare_loopback
from frontend.connections import connections

DEAD = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)


class _Here(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def here() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def s3(endpoint: str) -> boto3.client:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    return session.client("s3", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))


def test_botocore_asks_this_machine_directly_and_aws_by_the_proxy(here: str) -> None:
    spare_loopback(os.environ)

    for endpoint in (here, here.replace("127.0.0.1", "localhost")):
        with pytest.raises(ClientError, match="404"):
            s3(endpoint).list_buckets()
    with pytest.raises(ProxyConnectionError, match=r"127\.0\.0\.1:9"):
        s3("http://abc.execute-api.eu-west-1.amazonaws.com").list_buckets()


def test_exceptions_of_the_user_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intern.example, localhost")

    spare_loopback(os.environ)

    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intern.example,localhost,127.0.0.1,::1"


def test_without_a_proxy_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.proxies.getproxies", dict)
    environment: dict[str, str] = {}

    spare_loopback(environment)

    assert environment == {}


def test_proxies_of_the_system_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.proxies.getproxies", lambda: {"https": "http://proxy.example:3128"})
    environment: dict[str, str] = {}

    spare_loopback(environment)

    assert environment["https_proxy"] == "http://proxy.example:3128"
    assert environment["no_proxy"] == "127.0.0.1,localhost,::1"


@pytest.mark.parametrize("connect", [pool, connections])
def test_the_rest_api_on_aws_is_asked_by_the_proxy(monkeypatch: pytest.MonkeyPatch, connect) -> None:
    monkeypatch.setenv("https_proxy", "http" + "://user:p%40ss@proxy.example:3128")

    found = connect("https://abc.execute-api.eu-west-1.amazonaws.com/v1", maxsize=3)

    assert isinstance(found, urllib3.ProxyManager)
    assert (found.proxy.host, found.proxy.port) == ("proxy.example", 3128)
    assert found.proxy_headers == {"proxy-authorization": "Basic dXNlcjpwQHNz"}


@pytest.mark.parametrize("connect", [pool, connections])
def test_the_rest_api_here_is_asked_directly(here: str, connect) -> None:
    spare_loopback(os.environ)

    assert connect(here).request("GET", here, retries=False).status == 404


@pytest.mark.parametrize("url", ["http://localhost:1", "http://abc.execute-api.localhost:1", "http://[::1]:1"])
def test_the_page_knows_loopback_by_itself(url: str) -> None:
    assert not isinstance(connections(url), urllib3.ProxyManager)
