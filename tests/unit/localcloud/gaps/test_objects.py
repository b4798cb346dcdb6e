"""Objects that are not there, and objects that may be written once: what S3 answers to whom."""

import io

import pytest
from botocore.exceptions import ClientError

from localcloud.host import LocalCloud
from localcloud.objects import listing_needed, write_conditions
from tests.unit.localcloud.gaps.support import allow, deploy, get, role
from tests.unit.localcloud.gaps.test_buckets import as_role

READ = ["s3:GetObject", "s3:GetObjectVersion"]
BLIND, LISTER, AUDITOR = "reads-blindly", "reads-and-lists", "reads-and-lists-versions"


@pytest.fixture(scope="module")
def names(cloud: LocalCloud) -> dict[str, str]:
    objects = {"Fn::Sub": "${Bucket.Arn}/*"}
    writing = allow(["s3:PutObject", "s3:AbortMultipartUpload"], objects)
    once = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/once/*"},
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    }
    versions = {"VersioningConfiguration": {"Status": "Enabled"}}
    reading, listing = allow(READ, objects), allow("s3:ListBucket", get("Bucket"))
    auditing = allow(["s3:ListBucket", "s3:ListBucketVersions"], get("Bucket"))
    policy = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [once]}}
    return deploy(
        cloud,
        "objects",
        {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": versions},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy},
            "Blind": role("lambda", reading, writing, name=BLIND),
            "Lister": role("lambda", reading, writing, listing, name=LISTER),
            "Auditor": role("lambda", reading, writing, auditing, name=AUDITOR),
        },
    )


def code(call, **request: str) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"]


def version_gone(cloud: LocalCloud, bucket: str) -> str:
    s3 = cloud.client("s3")
    version = s3.put_object(Bucket=bucket, Key="gone", Body=b"1")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="gone", VersionId=version)
    return version


@pytest.mark.parametrize(
    ("who", "key", "version"),
    [
        (BLIND, "AccessDenied", "AccessDenied"),
        (LISTER, "NoSuchKey", "AccessDenied"),
        (AUDITOR, "NoSuchKey", "NoSuchVersion"),
    ],
)
def test_what_is_not_there_is_told_to_those_who_may_list(cloud, names, who, key, version):
    s3, bucket, gone = as_role(cloud, who), names["Bucket"], version_gone(cloud, names["Bucket"])
    assert code(s3.get_object, Bucket=bucket, Key="never") == key
    assert code(s3.get_object, Bucket=bucket, Key="gone", VersionId=gone) == version
    assert code(s3.head_object, Bucket=bucket, Key="never") == ("404" if key == "NoSuchKey" else "403")
    assert code(s3.head_object, Bucket=bucket, Key="gone", VersionId=gone) == ("404" if who == AUDITOR else "403")
    assert code(s3.copy_object, Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "never"}) == key
    source = {"Bucket": bucket, "Key": "gone", "VersionId": gone}
    assert code(s3.copy_object, Bucket=bucket, Key="to", CopySource=source) == version


def test_a_delete_marker_hides_a_key_and_is_no_version_to_read(cloud, names):
    deployer, bucket = cloud.client("s3"), names["Bucket"]
    first = deployer.put_object(Bucket=bucket, Key="hidden", Body=b"1")["VersionId"]
    marker = deployer.delete_object(Bucket=bucket, Key="hidden")["VersionId"]
    assert code(as_role(cloud, LISTER).get_object, Bucket=bucket, Key="hidden") == "NoSuchKey"
    blind = as_role(cloud, BLIND)
    assert code(blind.get_object, Bucket=bucket, Key="hidden") == "AccessDenied"
    assert code(blind.get_object, Bucket=bucket, Key="hidden", VersionId=marker) == "MethodNotAllowed"
    assert blind.get_object(Bucket=bucket, Key="hidden", VersionId=first)["Body"].read() == b"1"


def test_a_refusal_names_the_permission_that_is_missing(cloud, names):
    with pytest.raises(ClientError, match=f"{BLIND}.* is not authorized to perform: s3:ListBucket on resource"):
        as_role(cloud, BLIND).get_object(Bucket=names["Bucket"], Key="never")
    denied = cloud.calls()["denied"]
    assert any((one["role"], one["action"]) == (BLIND, "s3:ListBucket") for one in denied)


def test_a_policy_can_ask_for_conditional_writes(cloud, names):
    s3, bucket = as_role(cloud, LISTER), names["Bucket"]
    place = {"Bucket": bucket, "Key": "once/a"}
    assert code(s3.put_object, **place, Body=b"1") == "AccessDenied"
    s3.put_object(**place, Body=b"1", IfNoneMatch="*")
    assert code(s3.put_object, **place, Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    assert code(s3.put_object, **place, Body=b"2", IfMatch="*") == "AccessDenied"
    source = {"Bucket": bucket, "Key": "other"}
    s3.put_object(**source, Body=b"3")
    assert code(s3.copy_object, **place, CopySource=source) == "AccessDenied"
    assert code(s3.copy_object, **place, CopySource=source, IfNoneMatch="*") == "PreconditionFailed"
    assert code(s3.upload_fileobj, Fileobj=io.BytesIO(b"x" * (9 << 20)), **place) == "AccessDenied"
    assert s3.get_object(**place)["Body"].read() == b"1"


def test_a_large_object_is_written_once_too(cloud, names):
    s3, place = as_role(cloud, LISTER), {"Bucket": names["Bucket"], "Key": "once/large"}
    s3.put_object(**place, Body=b"1", IfNoneMatch="*")
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"2")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    assert code(s3.complete_multipart_upload, **upload, MultipartUpload=parts) == "AccessDenied"
    refused = code(s3.complete_multipart_upload, **upload, MultipartUpload=parts, IfNoneMatch="*")
    assert refused == "PreconditionFailed"


@pytest.mark.parametrize("etag", ['"abc"', "abc", '""'])
def test_an_etag_that_must_not_match_is_no_way_around_it(cloud, names, etag):
    s3, place = as_role(cloud, LISTER), {"Bucket": names["Bucket"], "Key": "once/etag"}
    with pytest.raises(ClientError) as refused:
        s3.put_object(**place, Body=b"1", IfNoneMatch=etag)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"


def test_requests_for_objects_and_copies_need_the_permission_to_list():
    assert list(listing_needed("GET", "/b/k", {}, {})) == [("s3:ListBucket", "b")]
    assert list(listing_needed("HEAD", "/b/k", {}, {"versionId": ["v"]})) == [
        ("s3:ListBucket", "b"),
        ("s3:ListBucketVersions", "b"),
    ]
    copied = {"x-amz-copy-source": "/from/k%3FversionId%3Dno?versionId=v"}
    assert [bucket for _, bucket in listing_needed("PUT", "/to/k", copied, {})] == ["from", "from"]
    assert list(listing_needed("PUT", "/b/k", {}, {})) == []
    assert list(listing_needed("GET", "/b", {}, {})) == []


def test_parts_make_no_object():
    assert write_conditions("/b/k", {"if-none-match": "*"}, {}) == {
        "s3:if-none-match": "*",
        "s3:ObjectCreationOperation": "true",
    }
    assert write_conditions("/b/k", {}, {"uploadId": ["u"], "partNumber": ["1"]}) == {
        "s3:ObjectCreationOperation": "false"
    }
    assert write_conditions("/b/k", {}, {"uploads": [""]})["s3:ObjectCreationOperation"] == "false"
    assert write_conditions("/b/k", {}, {"uploadId": ["u"]})["s3:ObjectCreationOperation"] == "true"
