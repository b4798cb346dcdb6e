"""What a browser tells of the page behind a request, and by which name it found the local cloud."""

import ipaddress
import re

from localcloud.door.request import Refused, Request

_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")
_OWN_SITE = frozenset({"same-origin", "none"})


def check_address(request: Request) -> None:
    """Refuse another name than this machine's: a web page whose name was rebound to 127.0.0.1 still sends its own."""
    if not request.raw_path.startswith("/"):
        raise Refused("BadRequest", "The request target has to be a path.", status=400)
    hosts = request.all("host")
    if len(hosts) != 1:
        raise Refused("BadRequest", f"The request has {len(hosts)} Host headers; it has to have one.", status=400)
    if not is_loopback(hosts[0]):
        raise Refused(
            "Forbidden",
            f"The local cloud answers on loopback only (127.0.0.1, localhost, *.localhost), not as {hosts[0]!r}.",
            status=403,
        )


def is_loopback(authority: str) -> bool:
    """Whether a Host header names this machine: localhost, a name below it, or a loopback address."""
    found = _AUTHORITY.fullmatch(authority)
    if not found:
        return False
    name = found["name"].lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def check_page(request: Request, *, presigned: bool) -> None:
    """Refuse what a page of another origin sends.

    A presigned address may be looked at from anywhere, as an image or by following a link: its signature, which is
    verified like any other, is the permission, and the page that shows it learns nothing from it.
    """
    origins = request.all("origin")
    if origins and origins != [f"http://{request.header('host')}"]:
        raise Refused("Forbidden", f"Requests of other origins are refused (Origin: {origins[0]!r}).", status=403)
    sites = request.all("sec-fetch-site")
    if not sites or (len(sites) == 1 and sites[0] in _OWN_SITE):
        return
    if presigned and request.method in ("GET", "HEAD") and not origins:
        return
    raise Refused("Forbidden", f"Requests of other sites are refused (Sec-Fetch-Site: {sites[0]!r}).", status=403)
