"""Reserved concurrency in a running local cloud whose account may run 110 functions at once."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud import concurrency
from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import StackError, allow, deploy, function, new_cloud, permission, role
from tests.unit.localcloud.gaps.test_rest_api import API, method, part, resource

SLEEP = """
import time
def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return {"statusCode": 200, "body": "{}"}
"""


def resources(**reserved: int) -> dict:
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    source = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/dev/POST/run"}
    names = {"One", "Two", *reserved}
    own = {name: {"ReservedConcurrentExecutions": reserved[name]} for name in reserved}
    return {
        "Role": role("lambda", logs),
        **{name: function(SLEEP, Timeout=20, **own.get(name, {})) for name in sorted(names)},
        "Permission": permission("One", "apigateway", source),
        "Api": resource("RestApi", Name="reserved"),
        "Path": part("run"),
        "Run": method("Path", "One"),
        "Deployment": resource("Deployment", **API, after=["Run"]),
        "Stage": resource("Stage", **API, StageName="dev", DeploymentId={"Ref": "Deployment"}),
    }


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(concurrency.LIMIT, "110")
        with new_cloud(tmp_path_factory.mktemp("concurrency")) as started:
            yield started


@pytest.fixture(scope="module")
def deployed(own: LocalCloud) -> dict[str, str]:
    return deploy(own, "reserved", resources(One=1))


@pytest.fixture
def names(own: LocalCloud, deployed: dict[str, str]) -> Iterator[dict[str, str]]:
    yield deployed
    own.client("lambda").put_function_concurrency(FunctionName=deployed["One"], ReservedConcurrentExecutions=1)
    own.client("lambda").delete_function_concurrency(FunctionName=deployed["Two"])


def invoke(cloud: LocalCloud, name: str, seconds: float = 0.0) -> None:
    """Once: boto3 tries a throttled call again."""
    once = Config(retries={"total_max_attempts": 1})
    client = cloud.session().client("lambda", endpoint_url=cloud.endpoint, config=once)
    client.invoke(FunctionName=name, Payload=json.dumps({"seconds": seconds}))


def refused(call, **request: object) -> dict:
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]


def test_an_account_says_what_it_has_and_what_is_left(own, names):
    limits = own.client("lambda").get_account_settings()["AccountLimit"]

    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (110, 109)


def test_a_hundred_stay_unreserved(own, names):
    put = own.client("lambda").put_function_concurrency
    put(FunctionName=names["Two"], ReservedConcurrentExecutions=9)

    error = refused(put, FunctionName=names["Two"], ReservedConcurrentExecutions=10)
    assert error["Code"] == "InvalidParameterValueException"
    assert "below its minimum value of [100]" in error["Message"]
    own.client("lambda").delete_function_concurrency(FunctionName=names["Two"])
    # What the function has already counts once.
    put(FunctionName=names["One"], ReservedConcurrentExecutions=10)


def test_a_template_that_reserves_too_much_is_rolled_back(own, names):
    with pytest.raises(StackError, match=r"below its minimum value of \[100\]"):
        deploy(own, "too-much", resources(One=11))
    with pytest.raises(StackError, match=r"below its minimum value of \[100\]"):
        deploy(own, "reserved", resources(One=1, Two=10))


def test_more_at_once_than_reserved_is_refused(own, names):
    def take_the_only_place() -> None:
        while True:
            try:
                invoke(own, names["One"], 3.0)
            except ClientError:  # a call below had it
                continue
            return

    running = threading.Thread(target=take_the_only_place)
    running.start()
    error = {"Code": ""}
    while running.is_alive() and error["Code"] != "TooManyRequestsException":
        try:
            invoke(own, names["One"])
        except ClientError as caught:
            error = caught.response["Error"]
    running.join()

    assert error["Code"] == "TooManyRequestsException"


def test_a_function_that_may_not_run_is_a_failed_integration(own, names):
    own.client("lambda").put_function_concurrency(FunctionName=names["One"], ReservedConcurrentExecutions=0)
    request = urllib.request.Request(
        f"{own.endpoint}/_aws/execute-api/{names['Api']}/dev/run", data=b"{}", method="POST"
    )

    assert refused(invoke, cloud=own, name=names["One"])["Code"] == "TooManyRequestsException"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    with error.value:
        assert error.value.code == 504
        assert json.load(error.value) == {"message": "Internal server error"}


def test_a_new_account_can_reserve_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(concurrency.LIMIT, "10")
    with new_cloud(tmp_path) as cloud, pytest.raises(StackError, match=r"below its minimum value of \[10\]"):
        deploy(cloud, "reserved", resources(One=1))
