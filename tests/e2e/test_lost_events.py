"""Each kind of event is lost once, and all ends where it should, without a person. The tests build on each other.

The looks come as often as they do on AWS, a hundred times as fast. How long an event may take is told them in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli import registry
from cli.batch import run as predict_file
from tests.e2e.alarms import fired, wait_until, wait_until_fired
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.hurry import hurry
from tests.e2e.versions import answering, copy_of, version, wait_for, wait_until_live

Rows = Callable[..., Path]
ALARM = "lost-events"
OBJECT = ("aws.s3", "Object Created")
PACKAGE = ("aws.sagemaker", "SageMaker Model Package State Change")
ENDPOINT = ("aws.sagemaker", "SageMaker Endpoint State Change")
TRANSFORM = ("aws.sagemaker", "SageMaker Transform Job State Change")
JOB = ("aws.glue", "Glue Job State Change")
PIPELINE = ("aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change")


@pytest.fixture(scope="module", autouse=True)
def hurried(platform: Platform) -> None:
    hurry(platform)


@contextmanager
def losing(platform: Platform, kind: tuple[str, str], containing: str = "", *, told: bool = True) -> Iterator[None]:
    """The next event of the kind is lost within the block; people are told of it, where something follows from it."""
    wait_until(platform, ALARM, "OK")
    cloud, before = platform.here.cloud, fired(platform, ALARM)
    source, detail_type = kind
    cloud.lose(source=source, detail_type=detail_type, containing=containing)
    yield
    losses = cloud.losses()
    cloud.forget_losses()
    assert (len(losses["lost"]), losses["pending"]) == (1, 0), losses
    if told:
        wait_until_fired(platform, ALARM, before)


def test_a_run_whose_upload_and_whose_data_set_nobody_told_of_is_live(platform: Platform, rows_file: Rows) -> None:
    file = rows_file(seed=901, rows=6000)
    platform.here.cloud.lose(source=OBJECT[0], detail_type=OBJECT[1], containing=f"{MODEL}/{file.name}")
    platform.here.cloud.lose(source=OBJECT[0], detail_type=OBJECT[1], containing="/manifest.json")
    run = platform.run(file)
    losses = platform.here.cloud.losses()
    platform.here.cloud.forget_losses()
    assert run.state == "live", run.reason
    keys = [event["detail"]["object"]["key"] for event in losses["lost"]]
    assert keys == [f"{MODEL}/{file.name}", f"{MODEL}/run={run.run_id}/manifest.json"]
    assert platform.executions().count(f"run-{run.run_id}") == 1
    wait_until_fired(platform, ALARM)


@pytest.mark.parametrize(
    ("kind", "containing"), [(JOB, '"state": "SUCCEEDED"'), (PIPELINE, '"currentPipelineExecutionStatus": "Succeeded"')]
)
def test_from_the_end_of_a_job_or_a_pipeline_nothing_follows_that_would_be_missed(
    platform: Platform, rows_file: Rows, kind: tuple[str, str], containing: str
) -> None:
    with losing(platform, kind, containing, told=False):
        run = platform.run(rows_file(seed=902 + (kind is JOB), rows=6000))
    assert run.state in ("live", "rejected"), run.reason


def test_a_version_whose_approval_nobody_told_of_is_live(platform: Platform) -> None:
    number = copy_of(platform, int(answering(platform)))
    # The check may come before the event counts as late, and then goes on without a word.
    with losing(platform, PACKAGE, f"{platform.target.resource_name(MODEL)}/{number}", told=False):
        registry.approve(platform.target, version(platform, number), reason="looks fine")
        wait_for(platform, number, "deployed")
    assert answering(platform) == str(number)


def test_a_version_whose_change_of_the_endpoint_ended_unheard_is_verified(platform: Platform) -> None:
    number = copy_of(platform, int(answering(platform)))
    with losing(platform, ENDPOINT, '"EndpointStatus": "IN_SERVICE"'):
        registry.approve(platform.target, version(platform, number), reason="looks fine")
        wait_for(platform, number, "deployed")
    assert answering(platform) == str(number)


def test_a_rejection_that_nobody_told_of_brings_back_the_version_before(platform: Platform) -> None:
    live = int(answering(platform))
    with losing(platform, PACKAGE, f"{platform.target.resource_name(MODEL)}/{live}"):
        registry.reject(platform.target, version(platform, live), reason="prices look odd")
        wait_until_live(platform, live - 1)
        wait_for(platform, live - 1, "deployed")


@pytest.mark.parametrize(("kind", "containing"), [(OBJECT, "batch/"), (TRANSFORM, '"Completed"')])
def test_a_batch_that_nobody_told_of_is_predicted(
    platform: Platform, rows_file: Rows, tmp_path: Path, kind: tuple[str, str], containing: str
) -> None:
    file = rows_file(seed=910 + (kind is OBJECT), rows=40)
    with losing(platform, kind, containing):
        alive = platform.here.cloud.check
        to = tmp_path / "predictions.csv"
        result = predict_file(platform.target, model=MODEL, file=file, to=to, console=QUIET, alive=alive)
    assert (result["rows"], result["bad_rows"]) == (40, 0)
