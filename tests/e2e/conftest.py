"""One synthesis and one deployed local cloud for the end-to-end tests, driven through the CLI's own functions."""

from __future__ import annotations

import fcntl
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cli import local
from cli.follow import follow
from cli.target import Target, local_target
from cli.terminal import Console
from cli.upload import upload
from localcloud.deploy import deploy
from tests.books import assert_books_balance, assert_refusal_balances
from tests.contracts import MODELS
from tests.e2e.light import MODEL, write_model
from tracking.run import Run

QUIET = Console(quiet=True)


@dataclass(frozen=True)
class Platform:
    """The deployed application and the two verbs that the tests need."""

    here: local.Deployed

    @property
    def target(self) -> Target:
        return self.here.target

    def upload(self, file: Path) -> str:
        return upload(self.target, model=MODEL, file=file).run_id

    def follow(self, run_id: str, *, seconds: float = 120) -> Run:
        """To its end; the books of its data set balance, whatever became of it."""
        alive = self.here.cloud.check
        run = follow(self.target, model=MODEL, run_id=run_id, console=QUIET, timeout=seconds, alive=alive)
        if run.manifest is not None:
            assert_books_balance(run.manifest)
        if run.refused is not None:
            assert_refusal_balances(run.refused)
        return run

    def run(self, file: Path) -> Run:
        return self.follow(self.upload(file))

    def with_models(self, models: Path, work: Path) -> Platform:
        """The same cloud after the application was deployed with these models; `work`: a folder that is not there."""
        assembly = local.synth(work, models, "dev") / "assembly-dev"
        cloud = self.here.cloud
        deploy(assembly, cloud.session(), endpoint=cloud.endpoint)
        # A target keeps the outputs of the stacks that it has read.
        target = local_target(endpoint=cloud.endpoint, stage="dev", region=cloud.region, keys=cloud.keys)
        return Platform(replace(self.here, target=target))

    def executions(self) -> list[str]:
        found = self.target.client("sagemaker").list_pipeline_executions(PipelineName=self.target.resource_name(MODEL))
        return [e["PipelineExecutionDisplayName"] for e in found["PipelineExecutionSummaries"]]


@pytest.fixture(scope="session", autouse=True)
def application() -> Iterator[None]:
    """What is deployed is the application of the tests, whatever stands in models/ and STAGES."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "APP", Path(__file__).with_name("application.py"))
        patch.setattr(local, "MODELS", MODELS)
        yield


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The dev environment with a light model, synthesised once for all processes of the run."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    models, out = shared / "light-models", shared / "light-assembly"
    with (shared / "light.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            shutil.copytree(MODELS, models)
            write_model(models)
            local.synth(shared / "light-work", models, "dev").rename(out)
    return out


@pytest.fixture(scope="module")
def platform(assembly: Path) -> Iterator[Platform]:
    """A cloud for each file: the same data are one run, and the champion of one test decides on the next."""
    with local.deployed(stage="dev", console=QUIET, watch=local.Stopwatch(), assembly=assembly) as here:
        yield Platform(here)


@pytest.fixture
def rows_file(housing: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a CSV of some seeded rows of the data, so that each test has a data set of its own."""

    def make(*, seed: int, rows: int = 1500, extra: tuple[str, ...] = (), name: str | None = None) -> Path:
        header, *lines = housing.read_text().splitlines()
        chosen = random.Random(seed).sample(lines, rows)
        path = tmp_path / (name or f"rows-{seed}.csv")
        path.write_text("\n".join([header, *chosen, *extra]) + "\n")
        return path

    return make
