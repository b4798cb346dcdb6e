"""The whole application on this machine: synthesise, start the local cloud, deploy, run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import BotoCoreError

from cli import api, versions
from cli.data import Data
from cli.errors import CliError
from cli.follow import follow, raise_for_failure
from cli.page import Page
from cli.records import Told, real_or_example
from cli.rows import REJECTS_FILE, rejected, save_rejects
from cli.target import LOCAL_DIR, ROOT, STATE_FILE, Target, local_target, running_cloud
from cli.terminal import Console
from cli.upload import upload
from contract.books import books_of
from localcloud.assembly import AssemblyError
from localcloud.deploy import DeployError, DeployEvent, deploy
from localcloud.host import LocalCloud, LocalCloudError
from localcloud.private import private_folder, write_private
from tracking.run import Run

# What is synthesised, and from which models.
APP = ROOT / "app.py"
MODELS = ROOT / "models"
RUN_TIMEOUT = 900.0
GOLDEN_FILE = "golden.json"  # beside evaluation.json


@dataclass
class Stopwatch:
    """Seconds per phase, in the order in which the phases ran."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begin = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begin, 2)

    def total(self) -> dict[str, float]:
        return {**self.seconds, "total": round(time.monotonic() - self.started, 2)}


@dataclass(frozen=True)
class Deployed:
    """A local cloud with one environment of the application in it."""

    cloud: LocalCloud
    target: Target
    resources: dict[str, int]


@dataclass(frozen=True)
class Kept:
    """What stays on disk of a run: the folder of its report, and its rejected rows if there are any."""

    report: Path
    rejects: Path | None


def synth(out: Path, models: Path, stage: str) -> Path:
    """Run app.py as `cdk synth` does, for one environment, into `out`. Raises CliError with its last words."""
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({"stages": stage}),
        "CDK_VALIDATION": "false",
        "MODELS_DIR": str(models),
    }
    done = subprocess.run(
        [sys.executable, str(APP)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise _synth_error((done.stderr or done.stdout).strip().splitlines())
    return out


def _synth_error(lines: list[str]) -> CliError:
    """What app.py wrote: its own sentences (file, key and reason) as they are, a traceback with its last line first."""
    if any(line.startswith("Traceback ") for line in lines):
        return CliError(f"The application does not synthesise: {lines[-1]}", log=tuple(lines[-15:]))
    return CliError(f"The application does not synthesise: {'; '.join(lines) or 'app.py failed'}")


@contextmanager
def deployed(
    *,
    stage: str,
    console: Console,
    watch: Stopwatch,
    port: int = 0,
    models: Path | None = None,
    assembly: Path | None = None,
) -> Iterator[Deployed]:
    """Start the local cloud and deploy the stage to it; everything stops and goes when the block ends.

    `assembly` is what `synth` made of the models and the stage, when that was done before.
    Raises CliError when the application does not synthesise or deploy, or when the cloud itself fails.
    """
    with TemporaryDirectory(prefix="mlops-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        work = Path(folder)
        pool = stack.enter_context(ThreadPoolExecutor(1))
        synthesised = pool.submit(lambda: assembly or synth(work / "cdk.out", models or MODELS, stage))
        cloud = LocalCloud(state_dir=work / "state", port=port)
        stack.enter_context(_cloud_errors())
        with watch.phase("start"):
            stack.enter_context(cloud)
            stack.enter_context(_death_before_symptoms(cloud))
        with watch.phase("synth"), console.status("Synthesising the templates"):
            stage_dir = synthesised.result() / f"assembly-{stage}"
        yield _deploy(cloud, stage_dir, stage=stage, console=console, watch=watch)


@contextmanager
def _death_before_symptoms(cloud: LocalCloud) -> Iterator[None]:
    """A call that got no answer because the cloud ended is reported as the cloud's end."""
    try:
        yield
    except BotoCoreError:
        cloud.check()
        raise


@contextmanager
def _cloud_errors() -> Iterator[None]:
    try:
        yield
    except LocalCloudError as error:
        message, *log = str(error).splitlines()
        raise CliError(message, log=tuple(log)) from error
    except (AssemblyError, DeployError) as error:
        raise CliError(f"The deployment failed: {error}") from error


def _deploy(cloud: LocalCloud, assembly: Path, *, stage: str, console: Console, watch: Stopwatch) -> Deployed:
    def show(event: DeployEvent) -> None:
        if not event.status.endswith("IN_PROGRESS"):
            console.print(f"  {event.stack}: {event.status} ({event.seconds:.1f} s)")

    with watch.phase("deploy"):
        if words := versions.difference():
            console.print(words, soft_wrap=True)
        console.print(f"Deploying '{stage}' to {cloud.endpoint}")
        deployment = deploy(assembly, cloud.session(), endpoint=cloud.endpoint, on_event=show)
    target = local_target(endpoint=cloud.endpoint, stage=stage, region=cloud.region, keys=cloud.keys)
    return Deployed(cloud=cloud, target=target, resources=dict(deployment.resources))


def run(*, model: str, data: Data, stage: str, console: Console) -> dict[str, Any]:
    """From a file to a prediction of the REST API. Returns the summary; raises CliError when a step fails."""
    watch = Stopwatch()
    console.say(f"Data: {data.path} ({data.origin})")
    with deployed(stage=stage, console=console, watch=watch) as here:
        with watch.phase("upload"):
            sent = upload(here.target, model=model, file=data.path)
        with watch.phase("run"):
            finished = follow(
                here.target,
                model=model,
                run_id=sent.run_id,
                console=console,
                timeout=RUN_TIMEOUT,
                alive=here.cloud.check,
            )
        rejects = keep_rejects(here.target, finished)
        raise_for_failure(here.target, finished, rejects=str(rejects or ""))
        kept = Kept(report=download_evaluation(here.target, finished), rejects=rejects)
        with watch.phase("prediction"):
            prediction = _predict(here.target, finished, kept.report) if finished.state == "live" else None
        return _summary(finished, data=data, prediction=prediction, kept=kept, here=here, watch=watch)


def _predict(target: Target, run: Run, report: Path) -> dict[str, Any]:
    told = Told(api.model_document(target, run.model))
    record = real_or_example(told, report / GOLDEN_FILE)
    answer = api.predict(target, model=run.model, instances=[record])
    first = answer["predictions"][0]
    return {
        "instance": record,
        "value": first["value"],
        "unit": first.get("unit", ""),
        **({"label": first["label"]} if "label" in first else {}),
        "request_id": answer["request_id"],
    }


def keep_rejects(target: Target, run: Run) -> Path | None:
    """Write the rejected rows beside the report; None when there are none. The cloud that has them ends."""
    path = reports_of(run) / REJECTS_FILE
    return path if save_rejects(rejected(target, run), path) else None


def reports_of(run: Run) -> Path:
    return private_folder(LOCAL_DIR) / "reports" / run.run_id


def download_evaluation(target: Target, run: Run) -> Path:
    """Copy the evaluation report and its plots to .local/reports/<run id>."""
    folder = reports_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    bucket, _, prefix = run.evaluation_uri.removeprefix("s3://").partition("/")
    s3 = target.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for item in page.get("Contents", []):
            s3.download_file(bucket, item["Key"], str(folder / Path(item["Key"]).name))
    return folder


def _summary(
    run: Run, *, data: Data, prediction: dict[str, Any] | None, kept: Kept, here: Deployed, watch: Stopwatch
) -> dict[str, Any]:
    books = books_of(run.manifest)
    assert run.manifest is not None and run.evaluation is not None and books is not None
    evaluation, interval = run.evaluation, dict(run.evaluation["interval"])
    del interval["level"], interval["method"]
    roles = {role: {"made": c["made"], "denied": c["denied"]} for role, c in here.cloud.calls()["roles"].items()}
    return {
        "model": run.model,
        "data": str(data.path),
        "data_origin": data.origin,
        "run_id": run.run_id,
        "state": run.state,
        "metric": evaluation["gate"]["metric"],
        **evaluation["metrics"],
        **{f"{name}_interval": limits for name, limits in interval.items()},
        "gate": evaluation["gate"]["reason"],
        "champion": evaluation["champion"],
        "rows": run.manifest["rows"],
        "books": books.to_dict(),
        "model_version": run.model_version,
        "prediction": prediction,
        "reports": str(kept.report),
        "rejects": str(kept.rejects) if kept.rejects else None,
        "seconds": watch.total(),
        "steps": {step.name: step.seconds for step in run.steps},
        "calls": roles,
        "denied": sum(counts["denied"] for counts in roles.values()),
        "resources": here.resources,
    }


@contextmanager
def only_one() -> Iterator[None]:
    """Raises CliError while another `mlops local up` of this project runs: commands could not tell them apart."""
    if state := running_cloud():
        raise CliError(
            f"A local cloud is up already at {state['endpoint']} (process {state['pid']}).", "Use it, or end it first."
        )
    yield


@contextmanager
def announced(here: Deployed) -> Iterator[None]:
    """Write down where the local cloud is and with which keys, so that its user's other terminals find it."""
    state = {
        "endpoint": here.cloud.endpoint,
        "pid": os.getpid(),
        "stage": here.target.stage,
        "region": here.cloud.region,
        **asdict(here.cloud.keys),
    }
    private_folder(STATE_FILE.parent)
    write_private(STATE_FILE, json.dumps(state))
    try:
        yield
    finally:
        STATE_FILE.unlink(missing_ok=True)


def wait(here: Deployed, page: Page | None, console: Console) -> None:
    """Until Ctrl-C. Raises CliError when the local cloud ends by itself; a page that does is reported."""
    while True:
        here.cloud.check()
        if page and (words := page.ended()):
            console.say(words, style="yellow")
        time.sleep(0.5)
