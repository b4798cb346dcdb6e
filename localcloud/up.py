"""`python -m localcloud up`: any CDK application on this machine, from its synthesised assemblies, until Ctrl-C."""

import shlex
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import preflight
from localcloud.assembly import AssemblyError, StackArtifact, load
from localcloud.deploy import DeployError, DeployEvent, Deployment, deploy
from localcloud.host import LocalCloud, LocalCloudError

CHECK_SECONDS = 0.5


class RefusedError(Exception):
    """Nothing was deployed; the message holds a reason a line."""


@dataclass(frozen=True)
class Wanted:
    """What `python -m localcloud up` was asked for. Port 0 is any free one."""

    assemblies: tuple[Path, ...]
    port: int
    account: str
    region: str
    lambda_python: Path


def up(wanted: Wanted) -> int:
    """Start, deploy, serve until Ctrl-C or SIGTERM. The exit code: 0, or 1 when something was refused or failed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(wanted)
    except KeyboardInterrupt:
        _say("The local cloud has ended, and what it held is gone.")
        return 0
    except (AssemblyError, RefusedError, DeployError, LocalCloudError, BotoCoreError, ClientError) as error:
        sys.stderr.write("".join(f"{_visible(line)}\n" for line in str(error).splitlines()))
        return 1
    return 0


def _run(wanted: Wanted) -> None:
    loaded = [load(folder, account=wanted.account, region=wanted.region) for folder in wanted.assemblies]
    stacks = tuple(stack for one in loaded for stack in one)
    _refuse(preflight.elsewhere(stacks, account=wanted.account, region=wanted.region))
    with TemporaryDirectory(prefix="localcloud-", ignore_cleanup_errors=True) as folder:
        cloud = LocalCloud(
            state_dir=Path(folder) / "state",
            port=wanted.port,
            account=wanted.account,
            region=wanted.region,
            lambda_python=wanted.lambda_python,
        )
        with cloud:
            _deploy(cloud, wanted, stacks)
            _tell(cloud)
            while True:
                cloud.check()
                time.sleep(CHECK_SECONDS)


def _deploy(cloud: LocalCloud, wanted: Wanted, stacks: tuple[StackArtifact, ...]) -> None:
    _refuse(preflight.missing(stacks, cloud.types()))
    for words in preflight.idle(stacks):
        _say(f"Note: {words}")
    for folder in wanted.assemblies:
        begin = time.monotonic()
        done = deploy(folder, cloud.session(), endpoint=cloud.endpoint, account=wanted.account, on_event=_show)
        _outputs(done)
        _say(f"{folder}: {sum(done.resources.values())} resources in {time.monotonic() - begin:.1f} s")


def _refuse(reasons: tuple[str, ...]) -> None:
    if reasons:
        raise RefusedError("\n".join(["Nothing was deployed:", *(f"  {reason}" for reason in reasons)]))


def _show(event: DeployEvent) -> None:
    if not event.status.endswith("IN_PROGRESS"):
        _say(f"{event.stack}: {event.status} ({event.seconds:.1f} s)")


def _outputs(done: Deployment) -> None:
    for stack, outputs in done.outputs.items():
        for name, value in outputs.items():
            _say(f"  {stack}.{name} = {value}")


def _tell(cloud: LocalCloud) -> None:
    variables: Mapping[str, str] = {
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": cloud.keys.access_key,
        "AWS_SECRET_ACCESS_KEY": cloud.keys.secret_key,
        "AWS_REGION": cloud.region,
        "AWS_DEFAULT_REGION": cloud.region,
    }
    _say("unset AWS_PROFILE AWS_SESSION_TOKEN")
    for name, value in variables.items():
        _say(f"export {name}={shlex.quote(value)}")
    _say(f"The local cloud is at {cloud.endpoint}. Ctrl-C ends it, and everything in it goes.")


def _say(text: str) -> None:
    sys.stdout.write(f"{_visible(text)}\n")
    sys.stdout.flush()


def _visible(text: str) -> str:
    """One line: what a terminal would obey (names and outputs are anybody's words) becomes an escape to read."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
