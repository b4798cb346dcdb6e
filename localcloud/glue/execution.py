"""One attempt of a job: its files fetched as its role, its process, its logs, and how it ended."""

import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud import platform
from localcloud.glue import security
from localcloud.glue.records import JobRun, set_state
from localcloud.glue.runtime import BOOTSTRAP
from localcloud.process import Process, ProcessResult

SESSION = "GlueJobRunnerSession"
PRINCIPAL = "glue.amazonaws.com"
COMMANDS = ("glueetl", "pythonshell")
LOGS = "/aws-glue/jobs"
# Before this version of Glue a job does not choose its log groups.
OWN_GROUPS_SINCE = 5.0
TIMEOUT_UNIT_SECONDS = 60

logger = logging.getLogger("localcloud")
_processes: dict[str, Process] = {}
_stopping: set[str] = set()
_lock = threading.Lock()


class LaunchError(Exception):
    """The job could not be started; the message becomes the run's ErrorMessage."""


class _Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """A stop was asked for before the process existed."""


@dataclass(frozen=True)
class Outcome:
    """The state in which a run ends, and what its ErrorMessage says."""

    state: str
    message: str = ""


def run_attempt(job: dict[str, Any], run: JobRun, arguments: dict[str, str]) -> Outcome:
    """Run the job's script to its end as the job's role; never raises for what the job or its permissions do."""
    folder = platform.state_dir() / "glue" / run["Id"]
    folder.mkdir(parents=True)
    try:
        process = _launch(job, run, arguments, folder)
        outcome = _outcome(process.wait(run["Timeout"] * TIMEOUT_UNIT_SECONDS), run, folder)
    except _Stopped:
        return Outcome("STOPPED")
    except (LaunchError, platform.AccessDenied) as error:
        return Outcome("FAILED", str(error))
    finally:
        with _lock:
            _processes.pop(run["Id"], None)
            _stopping.discard(run["Id"])
    if outcome.state == "SUCCEEDED":
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def log_groups(job: dict[str, Any], arguments: dict[str, str]) -> str:
    """What the names of the job's two log groups start with. With a key they belong to configuration and role."""
    choosing = float(job.get("GlueVersion", "5.1")) >= OWN_GROUPS_SINCE
    start = arguments.get("--custom-logGroup-prefix", LOGS) if choosing else LOGS
    if not _encrypts_logs(job):
        return start
    return f"{start}/{job['SecurityConfiguration']}-role/{job['Role'].rpartition('/')[2]}"


def _encrypts_logs(job: dict[str, Any]) -> bool:
    return security.encrypts_logs(job.get("SecurityConfiguration", ""))


def request_stop(run: JobRun) -> None:
    """Ask a run to end: its process is terminated, or is never started."""
    with _lock:
        _stopping.add(run["Id"])
        process = _processes.get(run["Id"])
    if process:
        platform.spawn(process.stop)


def _launch(job: dict[str, Any], run: JobRun, arguments: dict[str, str], folder: Path) -> Process:
    """Fetch script and modules, then start the process."""
    role, command = job["Role"], job["Command"]
    if command["Name"] not in COMMANDS:
        raise LaunchError(f"Command {command['Name']} is not supported by the local Glue, only {', '.join(COMMANDS)}")
    environment = platform.role_credentials(role, SESSION, service=PRINCIPAL)
    s3: Any = platform.client(platform.role_session(role, SESSION, service=PRINCIPAL), "s3")
    script = _fetch(s3, command["ScriptLocation"], folder)
    modules = [_fetch(s3, uri, folder / "modules") for uri in _locations(arguments, "--extra-py-files")]
    for uri in _locations(arguments, "--extra-files"):
        _fetch(s3, uri, folder)
    environment |= {
        "PYTHONPATH": os.pathsep.join(str(path.parent if path.suffix == ".py" else path) for path in modules),
        "LOCALCLOUD_GLUE_COMMAND": command["Name"],
        "LOCALCLOUD_GLUE_REPORT": str(_report_path(folder)),
    }
    words = [part for pair in arguments.items() for part in pair]
    argv = [sys.executable, "-P", str(BOOTSTRAP), str(script), *words]
    with _lock:
        if run["Id"] in _stopping:
            raise _Stopped
        set_state(run, "RUNNING")
        process = Process(
            argv,
            env=environment,
            cwd=folder,
            log=_LogSink(f"{run['LogGroupName']}/output", run, role, encrypted=_encrypts_logs(job)),
            error_log=_LogSink(f"{run['LogGroupName']}/error", run, role, encrypted=_encrypts_logs(job)),
        )
        _processes[run["Id"]] = process
    return process


def _locations(arguments: dict[str, str], option: str) -> list[str]:
    return [uri.strip() for uri in arguments.get(option, "").split(",") if uri.strip()]


def _fetch(s3: Any, uri: str, folder: Path) -> Path:
    """Download an object into the folder as the job's role."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    target = folder / Path(key).name
    folder.mkdir(exist_ok=True)
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        detail = error.response["Error"]
        raise LaunchError(f"LAUNCH ERROR | {uri}: {detail['Code']}: {detail['Message']}") from error
    with target.open("wb") as file:
        shutil.copyfileobj(body, file)
    return target


class _LogSink:
    """Sends a process's lines to CloudWatch Logs as the job's role; on Glue too, a denial only loses the logs."""

    def __init__(self, group: str, run: JobRun, role: str, *, encrypted: bool) -> None:
        self._group = group
        self._stream = run["Id"]
        self._role = role
        self._denied = encrypted and not self._may_encrypt()

    def _may_encrypt(self) -> bool:
        """A group with a key is given it by the role: a job that may not do that has no logs."""
        try:
            platform.check_role(self._role, "logs:AssociateKmsKey", platform.arn("logs", f"log-group:{self._group}"))
        except platform.AccessDenied as error:
            logger.warning("logs of Glue run %s are lost: %s", self._stream, error)
            return False
        return True

    def __call__(self, lines: Sequence[str]) -> None:
        if self._denied:
            return
        try:
            platform.put_log(self._group, self._stream, lines, role_arn=self._role, session_name=SESSION)
        except ClientError as error:
            self._denied = True
            logger.warning("logs of Glue run %s are lost: %s", self._stream, error.response["Error"]["Message"])


def _outcome(result: ProcessResult, run: JobRun, folder: Path) -> Outcome:
    if result.timed_out:
        return Outcome("TIMEOUT", "Job run timed out")
    with _lock:
        if run["Id"] in _stopping:
            return Outcome("STOPPED")
    return Outcome("SUCCEEDED") if result.returncode == 0 else Outcome("FAILED", _failure(result, folder))


def _report_path(folder: Path) -> Path:
    return folder / "error.json"


def _failure(result: ProcessResult, folder: Path) -> str:
    """The script's exception; what the process left behind when it was ended from outside."""
    report = _report_path(folder)
    if report.exists():
        return str(json.loads(report.read_text(encoding="utf-8"))["error"])
    last = result.tail[-1] if result.tail else "no output"
    return f"Command failed with exit code {result.returncode}: {last}"
