"""A proxy of the user's is for AWS. The local cloud is on this machine, and asked directly."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def spare_loopback(environment: MutableMapping[str, str]) -> None:
    """Name loopback among the hosts that no client of this process and of its children asks a proxy for.

    Settings of the system, which macOS has, are written down first: with exceptions alone in the environment, clients
    would no longer look at them.
    """
    proxies = {scheme: url for scheme, url in getproxies().items() if scheme != "no"}
    if not proxies:
        return
    for scheme, url in proxies.items():
        environment.setdefault(f"{scheme}_proxy", url)
    named = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    hosts = [host.strip() for host in named.split(",") if host.strip()]
    hosts += [host for host in LOOPBACK if host not in hosts]
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(hosts)


def pool(url: str, **options: Any) -> urllib3.PoolManager:
    """Connections to the host of the address, through a proxy where the environment names one for it.

    urllib3 itself never looks there. Raises urllib3.exceptions.HTTPError for a proxy that is none.
    """
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager(**options)
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    user = f"{unquote(address.username)}:{unquote(address.password or '')}" if address.username else None
    headers = urllib3.make_headers(proxy_basic_auth=user)
    return urllib3.ProxyManager(address.geturl(), proxy_headers=headers, **options)
