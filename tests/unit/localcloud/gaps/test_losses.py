"""Events that are lost on purpose: those that were asked for, as often as was asked, and no others."""

import json
from collections.abc import Iterator

import pytest

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import deploy, put_event, queue, queue_policy, receive, rule, until

SOURCE = "losses"


@pytest.fixture(scope="module")
def heard(cloud: LocalCloud) -> str:
    """Address of a queue that hears of every training that is asked for, and of every object."""
    bucket = {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}}
    made = deploy(
        cloud,
        "losses",
        {
            "Queue": queue(),
            "Policy": queue_policy("Queue", "events"),
            "Own": rule(SOURCE, "Queue"),
            "Objects": rule("aws.s3", "Queue"),
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "losses-raw", **bucket}},
        },
    )
    return made["Queue"]


@pytest.fixture(autouse=True)
def nothing_is_lost_afterwards(cloud: LocalCloud) -> Iterator[None]:
    yield
    cloud.forget_losses()


def numbers(cloud: LocalCloud, address: str, *, last: int) -> list[int]:
    """Those that arrived, up to the last one that was sent."""
    found: list[int] = []

    def look() -> bool:
        found.extend(json.loads(message["Body"])["detail"]["n"] for message in receive(cloud, address))
        return last in found

    assert until(look)
    return sorted(found)


def test_the_next_event_of_a_kind_is_lost_and_those_after_it_arrive(cloud: LocalCloud, heard: str) -> None:
    cloud.lose(source=SOURCE, detail_type="test", containing='"run_id": "b"')
    for n, run in enumerate("abbc"):
        put_event(cloud, SOURCE, n=n, run_id=run)
    assert numbers(cloud, heard, last=3) == [0, 2, 3]
    lost = cloud.losses()
    assert lost["pending"] == 0
    assert [event["detail"] for event in lost["lost"]] == [{"n": 1, "run_id": "b"}]


def test_as_many_are_lost_as_were_asked_for_until_that_is_forgotten(cloud: LocalCloud, heard: str) -> None:
    cloud.lose(source=SOURCE, detail_type="test", count=3)
    put_event(cloud, SOURCE, n=10)
    put_event(cloud, SOURCE, n=11)
    assert cloud.losses()["pending"] == 1
    cloud.forget_losses()
    put_event(cloud, SOURCE, n=12)
    assert numbers(cloud, heard, last=12) == [12]
    assert cloud.losses() == {"lost": [], "pending": 0}


def test_an_event_of_s3_is_lost_as_others_are(cloud: LocalCloud, heard: str) -> None:
    cloud.lose(source="aws.s3", detail_type="Object Created", containing="first.csv")
    for name in ("first.csv", "second.csv"):
        cloud.client("s3").put_object(Bucket="losses-raw", Key=name, Body=b"a,b\n")
    found = until(lambda: receive(cloud, heard))
    assert [json.loads(message["Body"])["detail"]["object"]["key"] for message in found] == ["second.csv"]
