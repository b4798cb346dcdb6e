"""Child processes: exact environment, batches of lines, limits, and the whole group ends."""

import io
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

import pytest

from localcloud.process import Process, _Reader, kill_left, run_process
from tests.unit.localcloud.core.test_host import ROOT, gone


def run(code: str, cwd: Path, **options):
    return run_process([sys.executable, "-c", code], env=options.pop("env", {}), cwd=cwd, **options)


def test_the_environment_is_its_own_and_a_safe_base(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "host")
    monkeypatch.setenv("SECRET", "host")

    result = run("import os; print(sorted(os.environ))", tmp_path, env={"OWN": "1"})

    names = set(eval(result.tail[0]))
    assert {"OWN", "PATH", "HOME", "LANG", "TMPDIR", "OMP_WAIT_POLICY"} <= names
    assert not names & {"AWS_PROFILE", "SECRET", "PYTHONPATH", "VIRTUAL_ENV"}


def test_lines_stream_in_batches_to_their_sinks(tmp_path):
    output: list[list[str]] = []
    errors: list[list[str]] = []

    result = run(
        "import sys\nfor i in range(2000): print(i)\nprint('bad', file=sys.stderr)\nsys.exit(3)",
        tmp_path,
        log=output.append,
        error_log=errors.append,
    )

    assert [line for batch in output for line in batch] == [str(number) for number in range(2000)]
    assert len(output) < 20
    assert errors == [["bad"]]
    assert (result.returncode, result.timed_out) == (3, False)
    assert len(result.tail) == 60


def test_lines_arrive_while_the_process_runs(tmp_path):
    seen: list[float] = []
    started = time.monotonic()

    run(
        "import time; print('early', flush=True); time.sleep(1.2)",
        tmp_path,
        log=lambda _: seen.append(time.monotonic()),
    )

    assert seen[0] - started < 1.0


def test_a_sink_that_fails_fails_the_run(tmp_path):
    def sink(lines):
        raise PermissionError("logs:PutLogEvents")

    with pytest.raises(PermissionError, match="logs:PutLogEvents"):
        run("print('x')", tmp_path, log=sink)


def test_the_time_limit_ends_the_whole_group(tmp_path):
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"

    result = run(code, tmp_path, timeout=0.5)

    assert result.timed_out
    assert result.returncode == -15
    assert gone(int(result.tail[0]))


def test_a_process_can_be_stopped(tmp_path):
    process = Process([sys.executable, "-c", "import time; time.sleep(60)"], env={}, cwd=tmp_path)

    process.stop()

    assert (process.stopped, process.running, process.wait().returncode) == (True, False, -15)


def test_shutdown_kills_what_runs_and_lets_nothing_start(tmp_path):
    script = (
        "from pathlib import Path; from localcloud.process import Process, ShuttingDownError, kill_all\n"
        f"here = Path({str(tmp_path)!r}); process = Process(['sleep', '60'], env={{}}, cwd=here)\n"
        "kill_all(); print(process.pid, process.wait().returncode)\n"
        "try: Process(['sleep', '60'], env={}, cwd=here)\n"
        "except ShuttingDownError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    first, second = done.stdout.splitlines()
    pid, status = first.split()
    assert (status, second) == ("-9", "not started: sleep")
    assert gone(int(pid))


def test_running_groups_are_written_down_and_a_kill_from_outside_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCALCLOUD_STATE", str(tmp_path))
    process = Process([sys.executable, "-c", "import time; time.sleep(60)"], env={}, cwd=tmp_path)
    noted = [entry.name for entry in (tmp_path / "processes").iterdir()]

    kill_left(tmp_path)
    result = process.wait(10)

    assert noted == [str(process.pid)]
    assert result.returncode == -9
    assert result.tail == ("The process was killed from outside (SIGKILL)",)
    assert list((tmp_path / "processes").iterdir()) == []


def test_the_reader_takes_no_name_of_a_thread():
    """Python 3.14 keeps the context in which a thread runs under `_context`; ours took its place."""
    ours = set(vars(_Reader(io.BytesIO(), None, deque()))) - set(vars(threading.Thread()))

    assert ours == {"_pipe", "_sink", "_tail", "_batch", "_lock", "_caller", "error"}
