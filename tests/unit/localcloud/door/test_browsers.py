"""Which names and which pages the door lets in: one line a case."""

import pytest

from localcloud.door.browsers import check_address, check_page, is_loopback
from localcloud.door.request import Refused, Request

HERE = "127.0.0.1:4599"


def request(*headers: tuple[str, str], method: str = "GET", target: str = "/") -> Request:
    return Request(method=method, path=target, raw_path=target, query_string="", fields=headers)


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "127.0.0.1:4599",
        "127.1.2.3:4599",
        "localhost",
        "LocalHost:4599",
        "bucket.localhost:4599",
        "a.b.s3.localhost",
        "[::1]",
        "[::1]:4599",
    ],
)
def test_names_of_this_machine_pass(name):
    assert is_loopback(name)
    check_address(request(("host", name)))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "evil.example",
        "evil.example:4599",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "localhost.",
        "0.0.0.0:4599",
        "192.168.1.4:4599",
        "2130706433",
        "0x7f000001",
        "127.1",
        "[::]",
        "[::ffff:10.0.0.1]",
        "127.0.0.1@evil.example",
        "evil.example#localhost",
        "localhost:4599, evil.example",
        "localhost:port",
        "lo\ncalhost",
    ],
)
def test_every_other_name_is_refused(name):
    assert not is_loopback(name)
    with pytest.raises(Refused, match="loopback only"):
        check_address(request(("host", name)))


@pytest.mark.parametrize(
    ("headers", "target", "reason"),
    [
        ((), "/", "0 Host headers"),
        ((("host", HERE), ("host", "evil.example")), "/", "2 Host headers"),
        ((("host", HERE), ("host", HERE)), "/", "2 Host headers"),
        ((("host", HERE),), "http://evil.example/", "has to be a path"),
        ((("host", HERE),), "*", "has to be a path"),
    ],
)
def test_a_request_names_one_host_and_a_path(headers, target, reason):
    with pytest.raises(Refused, match=reason) as refused:
        check_address(request(*headers, target=target))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("origin", f"http://{HERE}"),),
        (("sec-fetch-site", "none"),),
        (("sec-fetch-site", "same-origin"), ("origin", f"http://{HERE}")),
    ],
)
def test_no_page_and_the_own_page_pass(headers):
    check_page(request(("host", HERE), *headers, method="POST"), presigned=False)


FOREIGN = [
    (("origin", "null"),),
    (("origin", ""),),
    (("origin", "https://evil.example"),),
    (("origin", "http://127.0.0.1:8080"),),
    (("origin", "http://localhost:4599"),),
    (("origin", f"https://{HERE}"),),
    (("origin", f"http://{HERE}"), ("origin", "https://evil.example")),
    (("sec-fetch-site", "cross-site"),),
    (("sec-fetch-site", "same-site"),),
    (("sec-fetch-site", "anything"),),
    (("sec-fetch-site", ""),),
    (("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")),
    (("origin", f"http://{HERE}"), ("sec-fetch-site", "cross-site")),
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_other_pages_are_refused(headers):
    for method in ("GET", "POST", "OPTIONS"):
        with pytest.raises(Refused, match=r"Requests of other (origins|sites) are refused"):
            check_page(request(("host", HERE), *headers, method=method), presigned=False)


def test_a_presigned_address_may_be_looked_at_from_another_page_and_no_more():
    for site in ("same-site", "cross-site"):
        seen = (("host", HERE), ("sec-fetch-site", site))
        for method in ("GET", "HEAD"):
            check_page(request(*seen, method=method), presigned=True)
        for method, more in (("PUT", ()), ("POST", ()), ("GET", (("origin", "https://evil.example"),))):
            with pytest.raises(Refused):
                check_page(request(*seen, *more, method=method), presigned=True)
