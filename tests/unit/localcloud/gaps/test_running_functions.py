"""An invocation that runs ends by the code it began with, whatever happens to its function meanwhile."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import allow, deploy, function, get, permission, role, until, zipped

CODE = """
import os, pathlib, time
def handler(event, context):
    pathlib.Path(event["begun"]).touch()
    while not pathlib.Path(event["go_on"]).exists():
        time.sleep(0.02)
    return {"word": os.environ["WORD"], "process": os.getpid()}
"""


class Running:
    """An invocation that has begun and waits until it may go on."""

    def __init__(self, cloud: LocalCloud, name: str, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._begun, self._go_on = folder / "begun", folder / "go-on"
        self._cloud, self._name = cloud, name
        self._answer: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._invoke, daemon=True)
        self._thread.start()
        assert until(self._begun.exists)

    def _invoke(self) -> None:
        event = json.dumps({"begun": str(self._begun), "go_on": str(self._go_on)})
        self._answer = self._cloud.client("lambda").invoke(FunctionName=self._name, Payload=event)

    def answer(self) -> dict[str, Any]:
        self._go_on.touch()
        self._thread.join(20)
        answer: dict[str, Any] = json.load(self._answer["Payload"])
        return answer


@pytest.fixture
def name(cloud: LocalCloud, request: pytest.FixtureRequest) -> str:
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    sleeper = function(CODE, Timeout=20, Environment={"Variables": {"WORD": "before"}})
    stack = f"running-{request.node.callspec.id}"
    return deploy(cloud, stack, {"Role": role("lambda", logs), "Function": sleeper})["Function"]


def new_settings(cloud: LocalCloud, name: str) -> None:
    cloud.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": {"WORD": "after"}}
    )


def new_code(cloud: LocalCloud, name: str) -> None:
    code = CODE.replace('os.environ["WORD"]', '"after"')
    cloud.client("lambda").update_function_code(FunctionName=name, ZipFile=zipped(index=code))


def removal(cloud: LocalCloud, name: str) -> None:
    cloud.client("lambda").delete_function(FunctionName=name)


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("change", [new_settings, new_code, removal], ids=["settings", "code", "removal"])
def test_what_runs_ends_as_it_began(
    cloud: LocalCloud, name: str, tmp_path: Path, change: Callable[[LocalCloud, str], None]
) -> None:
    running = Running(cloud, name, tmp_path)
    change(cloud, name)

    answer = running.answer()

    assert answer.get("word") == "before", answer
    # Its environment is of the function that was: nothing runs in it again.
    assert until(lambda: not exists(answer["process"]), seconds=5)


@pytest.mark.parametrize("change", [new_settings, new_code], ids=["new-settings", "new-code"])
def test_what_begins_after_a_change_begins_by_it(
    cloud: LocalCloud, name: str, tmp_path: Path, change: Callable[[LocalCloud, str], None]
) -> None:
    before = Running(cloud, name, tmp_path / "before")
    change(cloud, name)

    after = Running(cloud, name, tmp_path / "after").answer()

    assert (after["word"], before.answer()["word"]) == ("after", "before")


LOADING = """
import os, pathlib, time, uuid
begun = time.time()
time.sleep(0.4)
def handler(event, context):
    pathlib.Path(event["folder"], uuid.uuid4().hex).write_text(f"{begun} {time.time()}")
"""


def test_a_burst_starts_as_many_processes_at_once_as_there_are_cores_and_one(cloud: LocalCloud, tmp_path: Path) -> None:
    """With all of them at once each would take longer than Lambda waits for it."""
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    name = deploy(cloud, "burst", {"Role": role("lambda", logs), "Function": function(LOADING, Timeout=20)})["Function"]
    count = 3 * ((os.cpu_count() or 1) + 1)
    for _ in range(count):
        payload = json.dumps({"folder": str(tmp_path)})
        cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    assert until(lambda: len(list(tmp_path.iterdir())) == count)
    starts = sorted(float(path.read_text().split()[0]) for path in tmp_path.iterdir())
    at_once = max(sum(begin <= other < begin + 0.4 for other in starts) for begin in starts)
    assert at_once <= (os.cpu_count() or 1) + 1


SLOW = """
import os, pathlib, time, uuid
def handler(event, context):
    begun = time.time()
    time.sleep(2.5)
    pathlib.Path(os.environ["FOLDER"], uuid.uuid4().hex).write_text(f"{begun} {time.time()}")
"""


def test_the_clock_waits_for_a_function_that_runs_by_it(cloud: LocalCloud, tmp_path: Path) -> None:
    """A minute is 0.6 s here, and the function is as slow as on AWS: the events would pile up."""
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    slow = function(SLOW, Timeout=20, Environment={"Variables": {"FOLDER": str(tmp_path)}})
    targets = [{"Arn": get("Function"), "Id": "Target"}]
    clock = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 minute)", "Targets": targets}}
    resources = {"Role": role("lambda", logs), "Function": slow, "Clock": clock}
    deploy(cloud, "clock", {**resources, "Permission": permission("Function", "events", get("Clock"))})
    assert until(lambda: len(list(tmp_path.iterdir())) >= 3, seconds=60)
    cloud.client("cloudformation").delete_stack(StackName="clock")
    times = sorted([float(word) for word in path.read_text().split()] for path in tmp_path.iterdir())
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(times)), times
