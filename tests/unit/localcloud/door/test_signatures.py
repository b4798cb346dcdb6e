"""What a signature covers: whatever is changed after signing, the request is refused."""

from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.door import signatures
from localcloud.door.request import Refused
from localcloud.door.verification import Signer
from tests.unit.localcloud.door.support import KEY, as_sent, sha256, signed, verify, with_header

PATHS = [
    "/bucket/plain",
    "/bucket/a%20blank",
    "/bucket/a+plus",
    "/bucket/a%2Bplus",
    "/bucket/a%2Fslash",
    "/bucket/a%252Fpercent",
    "/bucket//double",
    "/bucket/../up",
    "/bucket/./here/",
    "/bucket/%C3%BC%E2%82%AC",
    "/bucket/q%3Fm%26e%3D",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("service", ["s3", "lambda"])
@pytest.mark.parametrize("expires", [None, 60])
def test_odd_paths_verify(path, service, expires):
    verify(signed(path, service=service, expires=expires))


@pytest.mark.parametrize(
    "query",
    ["list-type=2&prefix=a%20b", "a=2&a=1&b=", "versions", "prefix=%C3%BC%2F%2B~", "x=%FF", "a%3Db=c%26d", "B=1&a=2"],
)
@pytest.mark.parametrize("expires", [None, 60])
def test_odd_queries_verify(query, expires):
    verify(signed(f"/bucket?{query}", expires=expires))


def test_a_client_may_leave_characters_bare_that_it_signs_encoded():
    for encoded in ("/bucket/%28x%29", "/bucket/it%27s%21%2A"):
        request = signed(encoded)
        bare = encoded.replace("%28", "(").replace("%29", ")").replace("%27", "'").replace("%21", "!")
        verify(replace(request, raw_path=bare.replace("%2A", "*")))


@given(path=st.text(min_size=1), value=st.text(), body=st.binary())
def test_whatever_botocore_signs_verifies(path, value, body):
    query = urlencode({"v": value.encode("utf-8", "replace")}, quote_via=quote)
    target = f"/{quote(path.encode('utf-8', 'replace'), safe='/~')}?{query}"
    for service in ("s3", "glue"):
        verify(signed(target, method="PUT", body=body, service=service), body)


CHANGES = {
    "method": lambda r: replace(r, method="DELETE"),
    "path": lambda r: replace(r, raw_path=r.raw_path + "x"),
    "segment": lambda r: replace(r, raw_path=r.raw_path.replace("/k", "/x/k")),
    "query": lambda r: replace(r, query_string=r.query_string + "&more=1"),
    "lost query": lambda r: replace(r, query_string=r.query_string.replace("id=7", "id=8")),
    "host": lambda r: with_header(r, "host", "localhost:4599"),
    "second host": lambda r: replace(r, fields=(*r.fields, ("host", "localhost"))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("expires", [None, 60])
@pytest.mark.parametrize("service", ["s3", "lambda"])
def test_a_changed_request_is_refused(change, expires, service):
    request = signed("/bucket/key?id=7", service=service, expires=expires)
    verify(request)
    with pytest.raises(Refused) as refused:
        verify(change(request))
    assert refused.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("expires", [None, 60])
def test_another_secret_is_refused(expires):
    with pytest.raises(Refused, match="does not match the signature you provided"):
        verify(signed(expires=expires), signer=Signer(secret="another", root=True))


def test_each_part_of_the_scope_counts():
    request = signed(service="lambda")
    authorization = request.header("authorization")
    today = authorization.split("/")[1]
    for old, new in ((f"/{today}/", "/20200101/"), ("/aws4_request", "/AWS4_REQUEST"), ("/lambda/", "/glue/")):
        with pytest.raises(Refused) as refused:
            verify(with_header(request, "authorization", authorization.replace(old, new)))
        assert refused.value.code == "SignatureDoesNotMatch"


def test_the_region_is_that_of_the_local_cloud_and_the_worlds_is_for_global_services():
    with pytest.raises(Refused, match="the region 'eu-west-1' is wrong; expecting 'us-east-1'"):
        verify(signed(region="eu-west-1"))
    with pytest.raises(Refused, match="scoped to a valid region"):
        verify(signed(service="glue", region="eu-west-1"))
    verify(signed(service="iam", region="us-east-1"))


def test_nothing_that_aws_acts_upon_may_be_added_unsigned():
    for service, code in (("s3", "AccessDenied"), ("glue", "SignatureDoesNotMatch")):
        request = with_header(signed(service=service), "x-amz-target", "AWSGlue.DeleteJob")
        with pytest.raises(Refused, match="not signed: x-amz-target") as refused:
            verify(request)
        assert refused.value.code == code
    unsigned_host = with_header(signed(), "authorization", signed().header("authorization").replace("host;", ""))
    with pytest.raises(Refused, match="not signed: host"):
        verify(unsigned_host)


@pytest.mark.parametrize(("service", "minutes"), [("s3", 14), ("s3", -14), ("sts", 14), ("glue", 4), ("glue", -4)])
def test_clocks_may_differ_a_little(service, minutes):
    verify(signed(service=service, minutes=minutes))


@pytest.mark.parametrize(("service", "minutes"), [("s3", 16), ("s3", -16), ("glue", 16), ("glue", -60 * 24)])
def test_an_old_signature_and_one_of_tomorrow_are_refused(service, minutes):
    with pytest.raises(Refused, match=r"Signature (expired|not yet current)") as refused:
        verify(signed(service=service, minutes=minutes))
    assert refused.value.code == "RequestTimeTooSkewed"


def test_a_presigned_address_ends():
    verify(signed(expires=3600, minutes=-59))
    with pytest.raises(Refused, match="Request has expired"):
        verify(signed(expires=3600, minutes=-61))
    with pytest.raises(Refused, match="not yet valid"):
        verify(signed(expires=3600, minutes=20))
    for expires in (0, -1, 604801):
        with pytest.raises(Refused, match="X-Amz-Expires must be"):
            verify(signed(expires=expires))


def test_a_longer_life_is_not_taken_from_the_bearer():
    request = signed(expires=60)
    with pytest.raises(Refused, match="does not match the signature"):
        verify(replace(request, query_string=request.query_string.replace("Expires=60", "Expires=600")))
    twice = replace(request, query_string=request.query_string + "&X-Amz-Expires=600")
    with pytest.raises(Refused, match="X-Amz-Expires is there twice"):
        verify(twice)


OTHERS = [
    ({"authorization": f"AWS {KEY}:c2lnbmF0dXJl"}, "", "Please use AWS4-HMAC-SHA256"),
    ({"authorization": "Bearer secret"}, "", "Please use AWS4-HMAC-SHA256"),
    ({"authorization": "Basic dGVzdDp0ZXN0"}, "", "Please use AWS4-HMAC-SHA256"),
    ({"authorization": f"AWS4-ECDSA-P256-SHA256 Credential={KEY}/20260101/s3/aws4_request"}, "", "Please use AWS4"),
    ({"authorization": ""}, "", "Please use AWS4-HMAC-SHA256"),
    ({}, f"X-Amz-Credential={KEY}/20260101/us-east-1/s3/aws4_request", "Please use AWS4-HMAC-SHA256"),
    ({}, "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256", "Please use AWS4-HMAC-SHA256"),
    ({"authorization": "AWS4-HMAC-SHA256 "}, "", "requires 'Credential' parameter"),
    ({"authorization": "AWS4-HMAC-SHA256 Credential=test"}, "", "requires 'Signature' parameter"),
    ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=x", "must include 'X-Amz-Credential'"),
]


@pytest.mark.parametrize(("headers", "query", "reason"), OTHERS)
def test_other_ways_to_sign_are_refused_by_name(headers, query, reason):
    with pytest.raises(Refused, match=reason) as refused:
        signatures.read(as_sent("GET", f"http://x/?{query}", headers))
    assert refused.value.status == 400


def test_two_signatures_are_one_too_many():
    request = signed(expires=60)
    both = with_header(request, "authorization", signed().header("authorization"))
    with pytest.raises(Refused, match="Only one auth mechanism"):
        signatures.read(both)
    doubled = replace(request, fields=(("authorization", "AWS4-HMAC-SHA256 a"), ("authorization", "b")))
    with pytest.raises(Refused, match="more than one Authorization"):
        signatures.read(doubled)


def test_a_request_without_credentials_has_no_signature():
    assert signatures.read(as_sent("GET", "http://x/?a=b", {"host": "x"})) is None


def test_the_hash_of_an_empty_body_is_needed_where_no_body_was_signed():
    request = signed(service="glue", method="POST", body=b"{}", x_amz_target="AWSGlue.GetJobs")
    verify(request, b"{}")
    for body in (b"", b"{ }", b'{"a": 1}'):
        with pytest.raises(Refused, match="does not match the signature"):
            verify(request, body)
    assert sha256(b"") not in str(request.fields)
