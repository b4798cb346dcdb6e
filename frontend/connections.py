"""Connections to the REST API, through a proxy where the environment names one. Loopback is always asked directly."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3


def connections(url: str, **options: Any) -> urllib3.PoolManager:
    """urllib3 itself never looks for a proxy."""
    parts = urlsplit(url)
    host, proxy = parts.hostname or "", getproxies().get(parts.scheme)
    if not proxy or _is_loopback(host) or proxy_bypass(host):
        return urllib3.PoolManager(**options)
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    user = f"{unquote(address.username)}:{unquote(address.password or '')}" if address.username else None
    return urllib3.ProxyManager(address.geturl(), proxy_headers=urllib3.make_headers(proxy_basic_auth=user), **options)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
