"""The server process: start, clean environment, own routes, and an end that leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from localcloud.host import LocalCloud, LocalCloudError

ROOT = Path(__file__).resolve().parents[4]


def gone(pid: int, *, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_it_serves_on_loopback_with_its_account_and_region(cloud):
    identity = cloud.client("sts").get_caller_identity()

    assert cloud.endpoint.startswith("http://127.0.0.1:")
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"


def test_unsigned_requests_are_refused(cloud):
    request = urllib.request.Request(
        cloud.endpoint,
        data=b"{}",
        headers={"X-Amz-Target": "AWSGlue.GetJobs", "Content-Type": "application/x-amz-json-1.1"},
    )

    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)

    assert raised.value.code in (400, 403)
    raised.value.close()


def test_an_unknown_own_route_is_not_passed_on(cloud):
    assert cloud._admin("GET", "/_localcloud/nothing") == {"message": "No such route: /_localcloud/nothing"}


def test_a_start_that_fails_shows_the_log(tmp_path):
    cloud = LocalCloud(state_dir=tmp_path, lambda_python=tmp_path / "missing" / "python")

    with pytest.raises(LocalCloudError, match=r"no Python for Lambda functions at .*missing/python"):
        cloud.start()


def test_the_server_ends_with_the_process_that_started_it(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from localcloud.host import LocalCloud\n"
        f"cloud = LocalCloud(state_dir=Path({str(tmp_path)!r}))\n"
        "cloud.start(); print(cloud.pid, flush=True); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert gone(int(done.stdout))


def test_stopping_kills_the_functions_that_still_run(deployed_elsewhere):
    other = deployed_elsewhere
    payload = json.load(other.client("lambda").invoke(FunctionName="worker", Payload=b'{"do": "who"}')["Payload"])
    server = other.pid
    started = time.monotonic()

    other.stop()

    assert time.monotonic() - started < 2
    assert gone(server)
    assert gone(payload["pid"])
    with pytest.raises(LocalCloudError, match="not running"):
        other.check()


def test_a_taken_port_is_named(tmp_path, cloud):
    port = int(cloud.endpoint.rsplit(":", 1)[1])

    with pytest.raises(LocalCloudError, match=rf"did not start: port {port} of 127.0.0.1 cannot be used"):
        LocalCloud(state_dir=tmp_path, port=port).start()


def test_a_killed_server_is_reported_and_what_it_left_is_ended(tmp_path):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    cloud = LocalCloud(state_dir=tmp_path)
    cloud.start()
    (tmp_path / "processes").mkdir(exist_ok=True)
    (tmp_path / "processes" / str(left.pid)).touch()
    os.kill(cloud.pid, signal.SIGKILL)
    cloud._child.wait()

    with pytest.raises(LocalCloudError, match=r"was killed \(SIGKILL\)"):
        cloud.check()
    cloud.stop()

    assert left.wait(5) == -signal.SIGKILL
