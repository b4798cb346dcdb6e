"""What strangers try on a running local cloud: by every protocol, with every key that everybody knows."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localcloud import sessions
from localcloud.host import LocalCloud
from tests.unit.localcloud.door.conftest import BUCKET, CONTENT, KEY

ROLE = "arn:aws:iam::000000000000:role/somebody"
CALLS = {
    "s3": ("list_buckets", {}),
    "sts": ("get_caller_identity", {}),
    "iam": ("list_roles", {}),
    "cloudformation": ("list_stacks", {}),
    "sqs": ("list_queues", {}),
    "sns": ("list_topics", {}),
    "glue": ("get_jobs", {}),
    "dynamodb": ("list_tables", {}),
    "kms": ("list_keys", {}),
    "logs": ("describe_log_groups", {}),
    "ssm": ("describe_parameters", {}),
    "events": ("list_rules", {}),
    "sagemaker": ("list_models", {}),
    "sagemaker-runtime": ("invoke_endpoint", {"EndpointName": "none", "Body": b"1"}),
    "lambda": ("list_functions", {}),
    "apigateway": ("get_rest_apis", {}),
    "cloudwatch": ("list_metrics", {}),
    "ec2": ("describe_instances", {}),
}
# As AWS words it by protocol: query and XML, S3, EC2, and JSON.
UNKNOWN_KEY = {"InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure", "UnrecognizedClientException"}
WRONG_SECRET = {"SignatureDoesNotMatch", "AuthFailure", "InvalidSignatureException"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def send(cloud: LocalCloud, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"), timeout=30)) as connection:
        connection.request(method, path, body or None, names)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def call(cloud: LocalCloud, service: str, key: str, secret: str, token: str | None = None) -> str:
    """The error code of a call with these keys; "" when it was answered."""
    session = sessions.session(key, secret, region=cloud.region, token=token)
    config = Config(retries={"total_max_attempts": 1})
    operation, arguments = CALLS[service]
    try:
        getattr(session.client(service, endpoint_url=cloud.endpoint, config=config), operation)(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("key", ["test", "000000000000", "123456789012", "AKIAEXAMPLE"])
def test_keys_that_everybody_knows_are_unknown(cloud: LocalCloud, service: str, key: str) -> None:
    assert call(cloud, service, key, "test") in UNKNOWN_KEY


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret_and_an_invented_session_are_refused(cloud: LocalCloud, service: str) -> None:
    assert call(cloud, service, cloud.keys.access_key, "test") in WRONG_SECRET
    invented = call(cloud, service, cloud.keys.access_key, cloud.keys.secret_key, token="invented")
    assert invented in UNKNOWN_KEY | {"InvalidToken"}


UNSIGNED = {
    "S3": ("GET", f"/{BUCKET}/{KEY}", b"", {}, "AccessDenied"),
    "an upload": ("PUT", f"/{BUCKET}/new", b"x", {}, "AccessDenied"),
    "query": ("POST", "/", b"Action=ListRoles&Version=2010-05-08", {"form": "1"}, "MissingAuthenticationToken"),
    "query in the address": ("GET", "/?Action=ListRoles&Version=2010-05-08", b"", {}, "MissingAuthenticationToken"),
    "JSON 1.1": ("POST", "/", b"{}", {"X_Amz_Target": "AWSGlue.GetJobs"}, "MissingAuthenticationTokenException"),
    "JSON by text/plain": ("POST", "/", b"{}", {"X_Amz_Target": "AWSGlue.GetJobs", "Content_Type": "text/plain"}, ""),
    "REST": ("GET", "/2015-03-31/functions/", b"", {}, "MissingAuthenticationTokenException"),
    "CBOR": (
        "POST",
        "/service/GraniteServiceVersion20100801/operation/ListMetrics",
        b"\xa0",
        {"smithy_protocol": "rpc-v2-cbor", "Content_Type": "application/cbor"},
        "MissingAuthenticationToken",
    ),
    "an anonymous web identity of another service": (
        "POST",
        "/",
        b"Action=AssumeRoleWithWebIdentity&Action=ListRoles",
        {"form": "1"},
        "",
    ),
}


@pytest.mark.parametrize(("method", "path", "body", "headers", "code"), UNSIGNED.values(), ids=UNSIGNED)
def test_nothing_is_answered_without_a_signature(
    cloud: LocalCloud, method: str, path: str, body: bytes, headers: dict[str, str], code: str
) -> None:
    if headers.pop("form", None):
        headers = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = send(cloud, method, path, body, **headers)
    assert answer.status in (400, 403)
    assert code.encode() in answer.body
    assert CONTENT not in answer.body


def test_what_strangers_send_is_not_kept(cloud: LocalCloud) -> None:
    """Ten times as much as any unsigned request needs: refused while it is sent, or after."""
    try:
        assert send(cloud, "POST", "/", b"x" * 10_000_000).status == 403
    except (BrokenPipeError, ConnectionResetError):
        assert cloud.client("sts").get_caller_identity()["Account"] == cloud.account


FOREIGN_ROUTES = [
    ("POST", "/_ministack/reset"),
    ("POST", "/_ministack/reset?init=1"),
    ("POST", "/_ministack/config"),
    ("GET", "/_ministack/health"),
    ("GET", "/_MINISTACK/health"),
    ("GET", "//_ministack/health"),
    ("GET", "/x/../_ministack/health"),
    ("GET", "/%5Fministack/health"),
    ("GET", "/_ministack/lambda-code/x"),
    ("POST", "/_ministack/rds/iam-auth"),
    ("POST", "/_ministack/eks-auth/x"),
    ("PUT", "/_ministack/cfn-response/invented"),
    ("PUT", "/_ministack/cfn-signal/invented"),
    ("GET", "/_localstack/health"),
    ("GET", "/_aws/sqs/messages"),
    ("GET", "/_aws/ses"),
    ("GET", "/_aws/execute-api/nothing/v1/docs"),
]


@pytest.mark.parametrize(("method", "path"), FOREIGN_ROUTES)
def test_what_only_an_emulator_has_is_not_there_for_anybody(cloud: LocalCloud, method: str, path: str) -> None:
    assert send(cloud, method, path).status == 404
    request = AWSRequest(method=method, url=cloud.endpoint + path)
    keys = Credentials(cloud.keys.access_key, cloud.keys.secret_key)
    SigV4Auth(keys, "s3", cloud.region).add_auth(request)
    assert send(cloud, method, path, **dict(request.headers.items())).status == 404
    assert cloud.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CONTENT


OPEN_ELSEWHERE = [
    ("GET", "/health"),
    ("GET", "/latest/meta-data/iam/security-credentials/"),
    ("GET", "/v2/credentials/x"),
    ("GET", "/oauth2/authorize?client_id=x"),
    ("POST", "/oauth2/token"),
    ("GET", "/login"),
    ("GET", "/us-east-1_x/.well-known/jwks.json"),
    ("GET", "/oidc/id/x/.well-known/openid-configuration"),
    ("GET", "/iceberg/v1/config"),
    ("GET", "/v2/"),
    ("POST", "/Execute"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/restapis"),
    ("GET", "/restapis/nothing/v1/_user_request_/docs"),
    ("GET", f"/{BUCKET}?location"),
    ("OPTIONS", f"/{BUCKET}/{KEY}"),
    ("TRACE", "/"),
]


@pytest.mark.parametrize(("method", "path"), OPEN_ELSEWHERE)
def test_doors_that_ministack_leaves_open_are_closed(cloud: LocalCloud, method: str, path: str) -> None:
    answer = send(cloud, method, path)
    assert answer.status in (400, 403)
    assert not [name for name in answer.headers if name.startswith("access-control")]


HOSTS = ["{api}.execute-api", "bucket.s3", "x.lambda-url.us-east-1", "d111.cloudfront", "x.appsync-api.us-east-1"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/health", "/_ministack/reset", "/oauth2/token", "/graphql"])
def test_names_below_localhost_open_nothing(cloud: LocalCloud, host: str, path: str) -> None:
    assert send(cloud, "POST", path, b"{}", Host=f"{host.format(api='nothing')}.localhost").status in (403, 404)


def test_rebound_names_and_other_pages_are_refused_before_a_signature_counts(cloud: LocalCloud) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        request = AWSRequest(method="GET", url=f"{cloud.endpoint}/", headers=headers)
        SigV4Auth(Credentials(cloud.keys.access_key, cloud.keys.secret_key), "s3", cloud.region).add_auth(request)
        answer = send(cloud, "GET", "/", **dict(request.headers.items()))
        assert (answer.status, json.loads(answer.body)["code"]) == (403, "Forbidden")


def raw(cloud: LocalCloud, content: bytes) -> bytes:
    host, port = cloud.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(content)
        connection.settimeout(10)
        return connection.recv(65536)


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_a_request_that_hides_its_host_is_refused(cloud: LocalCloud, head: bytes) -> None:
    assert b" 400 " in raw(cloud, head).split(b"\r\n")[0]


def test_a_web_socket_is_refused(cloud: LocalCloud) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    for path in (b"/", b"/_aws/execute-api/x/v1"):
        assert (
            b" 403 "
            in raw(cloud, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + upgrade + key).split(b"\r\n")[0]
        )


@pytest.mark.parametrize(
    "path", ["/_localcloud/calls", "/_localcloud/unused", "/_localcloud/health", "/_localcloud/losses"]
)
def test_own_routes_are_for_the_user(cloud: LocalCloud, path: str) -> None:
    assert send(cloud, "GET", path).status == 403
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
    iam, sts = cloud.client("iam"), cloud.client("sts")
    if not [role for role in iam.list_roles()["Roles"] if role["RoleName"] == "visitor"]:
        iam.create_role(RoleName="visitor", AssumeRolePolicyDocument=json.dumps(trust))
    keys = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/visitor", RoleSessionName="visitor")["Credentials"]
    request = AWSRequest(method="GET", url=cloud.endpoint + path)
    signer = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    SigV4Auth(signer, "localcloud", cloud.region).add_auth(request)
    assert send(cloud, "GET", path, **dict(request.headers.items())).status == 403
    assert cloud._admin("GET", path) is not None


def test_a_session_needs_its_own_token(cloud: LocalCloud) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
    cloud.client("iam").create_role(RoleName="guest", AssumeRolePolicyDocument=json.dumps(trust))
    arn = "arn:aws:iam::000000000000:role/guest"
    one, two = (cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName=n)["Credentials"] for n in ("one", "two"))
    key, secret = one["AccessKeyId"], one["SecretAccessKey"]
    assert call(cloud, "sts", key, secret, one["SessionToken"]) == ""
    assert call(cloud, "sts", key, secret) in UNKNOWN_KEY
    assert call(cloud, "sts", key, secret, two["SessionToken"]) in UNKNOWN_KEY
    assert call(cloud, "s3", key, secret, one["SessionToken"]) == "AccessDenied"


def presigned(cloud: LocalCloud, version: str, session: boto3.Session | None = None, **options: Any) -> str:
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    client: Any = (session or cloud.session()).client("s3", endpoint_url=cloud.endpoint, config=config)
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, **options)
    return url


def status_of(url: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            assert method != "GET" or answer.read() == CONTENT
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


# What boto3 signs unless it is told better, and what it is told.
VERSIONS = ("s3", "s3v4")


@pytest.mark.parametrize("version", VERSIONS)
def test_presigned_links_open_what_they_name(cloud: LocalCloud, version: str) -> None:
    url = presigned(cloud, version, ExpiresIn=60)
    assert ("AWSAccessKeyId" in url) == (version == "s3")
    assert status_of(url) == 200
    ends = re.sub(r"Expires=(\d+)", lambda found: f"Expires={int(found[1]) + 1}", url)
    for changed in (
        url.replace(KEY, "a/other"),
        ends,
        url.replace("Signature=", "Signature=0"),
        f"{url}&acl",
        f"{url}&x",
    ):
        assert status_of(changed) in (400, 403)
    for method in ("PUT", "DELETE", "POST"):
        assert status_of(url, method) == 403


@pytest.mark.parametrize("version", VERSIONS)
def test_presigned_links_end_and_are_no_better_than_their_keys(cloud: LocalCloud, version: str) -> None:
    past = presigned(cloud, version, ExpiresIn=1)
    for key in ("test", "000000000000"):
        assert status_of(presigned(cloud, version, sessions.session(key, "test", region=cloud.region))) == 403
    wrong = sessions.session(cloud.keys.access_key, "test", region=cloud.region)
    assert status_of(presigned(cloud, version, wrong)) == 403
    time.sleep(2.1)
    assert status_of(past) == 403


def test_a_body_that_is_not_the_signed_one_is_not_stored(cloud: LocalCloud) -> None:
    request = AWSRequest(method="PUT", url=f"{cloud.endpoint}/{BUCKET}/swapped", data=b"mine")
    S3SigV4Auth(Credentials(cloud.keys.access_key, cloud.keys.secret_key), "s3", cloud.region).add_auth(request)
    answer = send(cloud, "PUT", f"/{BUCKET}/swapped", b"your", **dict(request.headers.items()))
    assert (answer.status, b"XAmzContentSHA256Mismatch" in answer.body) == (400, True)
    assert "swapped" not in str(cloud.client("s3").list_objects_v2(Bucket=BUCKET))


def streamed(cloud: LocalCloud, content: bytes, checksum: bytes) -> Answer:
    """An upload of unknown length with its checksum after it, as SDKs send one."""
    digest = base64.b64encode(checksum)
    body = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(content), content, digest)
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Decoded-Content-Length": str(len(content)),
        "Content-Encoding": "aws-chunked",
    }
    request = AWSRequest(method="PUT", url=f"{cloud.endpoint}/{BUCKET}/streamed", headers=headers)
    SigV4Auth(Credentials(cloud.keys.access_key, cloud.keys.secret_key), "s3", cloud.region).add_auth(request)
    return send(cloud, "PUT", f"/{BUCKET}/streamed", body, **dict(request.headers.items()))


def test_a_streamed_body_is_the_one_of_its_checksum(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    right = zlib.crc32(b"content").to_bytes(4)
    answer = streamed(cloud, b"swapped", right)
    assert (answer.status, b"BadDigest" in answer.body) == (400, True)
    assert "streamed" not in str(s3.list_objects_v2(Bucket=BUCKET))
    assert streamed(cloud, b"content", right).status == 200
    assert s3.get_object(Bucket=BUCKET, Key="streamed")["Body"].read() == b"content"


@pytest.mark.parametrize("key", ["a b+c%2F~ü", "a//b", "../up", "x/../y", "?a=b&c#d", "q!*'()", "/lead", "日本"])
def test_odd_names_of_objects_pass_the_door(cloud: LocalCloud, key: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="odd-names")
    s3.put_object(Bucket="odd-names", Key=key, Body=b"odd")
    assert s3.get_object(Bucket="odd-names", Key=key)["Body"].read() == b"odd"
    assert s3.list_objects_v2(Bucket="odd-names", Prefix=key)["Contents"][0]["Key"] == key
    s3.delete_object(Bucket="odd-names", Key=key)
    assert s3.list_objects_v2(Bucket="odd-names")["KeyCount"] == 0
