"""Buckets in the running local cloud: events with versions, properties read back, keys that must allow."""

import io
import json
import re

import pytest
from botocore.exceptions import ClientError

from localcloud.host import LocalCloud
from localcloud.provisioners import encryption
from tests.unit.localcloud.gaps.support import allow, deploy, get, queue, queue_policy, receive, role

ROOT = {"AWS": "arn:aws:iam::000000000000:root"}
LIFECYCLE = {
    "Rules": [
        {
            "Id": "old-versions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "Id": "captures",
            "Status": "Enabled",
            "Prefix": "captures/",
            "ExpirationInDays": 90,
            "TagFilters": [{"Key": "kind", "Value": "raw"}],
            "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 30}],
        },
    ]
}


def bucket(**properties: object) -> dict:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


@pytest.fixture(scope="module")
def names(cloud: LocalCloud) -> dict[str, str]:
    return deploy(cloud, "buckets", resources())


def resources() -> dict:
    key_policy = {"Statement": [{"Effect": "Allow", "Action": "kms:*", "Principal": ROOT, "Resource": "*"}]}
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": get("Key")}
    encryption = {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}]
    }
    objects = {"Fn::Sub": "${Secret.Arn}/*"}
    return {
        "Events": queue(),
        "EventsPolicy": queue_policy("Events", "events"),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.s3"]},
                "Targets": [{"Id": "queue", "Arn": get("Events")}],
            },
        },
        "Watched": bucket(
            VersioningConfiguration={"Status": "Enabled"},
            NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            LifecycleConfiguration=LIFECYCLE,
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": True},
            LoggingConfiguration={"LogFilePrefix": "access/"},
            Tags=[{"Key": "stage", "Value": "dev"}],
        ),
        "Quiet": bucket(VersioningConfiguration={"Status": "Enabled"}),
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": key_policy}},
        "Secret": bucket(BucketEncryption=encryption),
        "Reader": role("lambda", allow(["s3:GetObject", "s3:PutObject"], objects), name="without-key"),
        "Keyed": role(
            "lambda",
            allow(["s3:GetObject", "s3:PutObject"], objects),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], get("Key")),
            name="with-key",
        ),
    }


def test_an_object_event_carries_version_etag_size_and_sequencer(cloud, names):
    s3 = cloud.client("s3")
    s3.put_object(Bucket=names["Quiet"], Key="in/a b.csv", Body=b"12345")
    put = s3.put_object(Bucket=names["Watched"], Key="in/a b.csv", Body=b"12345")

    [message] = receive(cloud, names["Events"])
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["detail"]["bucket"]) == ("Object Created", {"name": names["Watched"]})
    assert event["detail"]["reason"] == "PutObject"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    described = event["detail"]["object"]
    assert len(described.pop("sequencer")) == 18
    assert described == {"key": "in/a b.csv", "size": 5, "etag": put["ETag"].strip('"'), "version-id": put["VersionId"]}


KEYS = [
    "a b.csv",
    "100%25 sure.csv",
    "100%20sure+more.csv",
    "what?versionId=now#[x].csv",
    "caf\u00e9 \U0001f600.csv",
    "quote\"and'back\\\\slash&amp;<x>.csv",
    "dots/../x//y.csv",
    f"{'long/' * 175}rows.csv",
    "x" * 900,
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:20])
def test_any_key_is_written_told_read_copied_and_listed_as_it_is(cloud, names, key):
    s3, bucket_name = cloud.client("s3"), names["Watched"]
    version = s3.put_object(Bucket=bucket_name, Key=key, Body=b"first")["VersionId"]
    [message] = receive(cloud, names["Events"])
    described = json.loads(message["Body"])["detail"]["object"]
    assert (described["key"], described["version-id"]) == (key, version)
    s3.put_object(Bucket=bucket_name, Key=key, Body=b"second")
    receive(cloud, names["Events"])
    source = {"Bucket": bucket_name, "Key": key, "VersionId": version}
    s3.copy_object(Bucket=names["Quiet"], Key=key, CopySource=source)
    assert s3.get_object(Bucket=names["Quiet"], Key=key)["Body"].read() == b"first"
    s3.upload_fileobj(io.BytesIO(b"x" * (9 << 20)), names["Quiet"], f"parts/{key}")
    assert s3.head_object(Bucket=names["Quiet"], Key=f"parts/{key}")["ContentLength"] == 9 << 20
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=names["Quiet"], Prefix=key)["Contents"]] == [key]


def test_the_source_of_a_copy_is_found_whatever_its_key_is(monkeypatch):
    asked = []
    monkeypatch.setattr(encryption, "_reading", lambda *args: asked.append(args) or ())
    headers = {encryption.COPY_SOURCE: "raw/a%3FversionId%3Db%20%2B.csv?versionId=v1"}
    assert list(encryption.needed("PUT", "/there/key", "s3:PutObject", headers, {})) == []
    assert asked == [("raw", "a?versionId=b +.csv", "v1")]


def test_lifecycle_rules_can_be_read_back(cloud, names):
    rules = {
        rule["ID"]: rule
        for rule in cloud.client("s3").get_bucket_lifecycle_configuration(Bucket=names["Watched"])["Rules"]
    }

    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2}
    assert rules["old-versions"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["captures"]["Filter"]["And"]["Tags"] == [{"Key": "kind", "Value": "raw"}]
    assert rules["captures"]["Expiration"] == {"Days": 90}
    assert rules["captures"]["Transitions"] == [{"Days": 30, "StorageClass": "GLACIER"}]


def test_encryption_can_be_read_back(cloud, names):
    configuration = cloud.client("s3").get_bucket_encryption(Bucket=names["Secret"])[
        "ServerSideEncryptionConfiguration"
    ]

    [rule] = configuration["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(f":key/{names['Key']}")
    assert rule["BucketKeyEnabled"] is True


def test_other_bucket_properties_can_be_read_back(cloud, names):
    s3, watched = cloud.client("s3"), {"Bucket": names["Watched"]}

    assert s3.get_bucket_ownership_controls(**watched)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}
    ]
    assert s3.get_bucket_logging(**watched)["LoggingEnabled"]["TargetPrefix"] == "access/"
    assert {"Key": "stage", "Value": "dev"} in s3.get_bucket_tagging(**watched)["TagSet"]
    assert s3.get_bucket_versioning(**watched)["Status"] == "Enabled"
    assert s3.get_public_access_block(**watched)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] is True


def as_role(cloud: LocalCloud, name: str):
    """S3 as somebody who assumed the role."""
    trusted = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": ROOT}]}
    cloud.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted))
    arn = f"arn:aws:iam::000000000000:role/{name}"
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    return cloud.session().client("s3", endpoint_url=cloud.endpoint, **session)


@pytest.mark.parametrize(
    ("call", "action"), [("get_object", "kms:Decrypt"), ("put_object", "kms:GenerateDataKey")], ids=["read", "write"]
)
def test_an_encrypted_object_needs_the_key(cloud, names, call, action):
    cloud.client("s3").put_object(Bucket=names["Secret"], Key="x", Body=b"secret")
    where = {"Bucket": names["Secret"], "Key": "x"}

    getattr(as_role(cloud, "with-key"), call)(**where)
    with pytest.raises(ClientError) as refused:
        getattr(as_role(cloud, "without-key"), call)(**where)
    message = refused.value.response["Error"]["Message"]
    assert f"is not authorized to perform: {action} on resource: arn:aws:kms:us-east-1:000000000000:key/" in message


def test_dropped_properties_are_removed_by_an_update(cloud, names):
    changed = resources()
    for name in ("LifecycleConfiguration", "VersioningConfiguration", "LoggingConfiguration"):
        del changed["Watched"]["Properties"][name]
    deploy(cloud, "buckets", changed)
    s3, watched = cloud.client("s3"), {"Bucket": names["Watched"]}

    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(**watched)
    assert s3.get_bucket_versioning(**watched)["Status"] == "Suspended"
    assert "LoggingEnabled" not in s3.get_bucket_logging(**watched)


def test_s3_takes_its_own_key_when_a_request_names_none(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="managed")
    s3.put_object(Bucket="managed", Key="x", Body=b"1", ServerSideEncryption="aws:kms")
    kept = s3.head_object(Bucket="managed", Key="x")
    assert kept["SSEKMSKeyId"] == "arn:aws:kms:us-east-1:000000000000:alias/aws/s3"
