"""Each object that somebody may delete after a run ended: what is said, and that the command in it mends it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import batch, lifecycle, main, serving
from contract import batch_folder
from localcloud.deploy import deploy
from tests.e2e.conftest import MODEL, Platform
from tracking.run import Run
from tracking.runs import RunReader
from tracking.versions import live_version

COMMAND = re.compile(r"mlops (?:retry|upload|approve|batch)(?: --[a-z]+| [\w-]+(?:\.\w+)*)*")
ENDED = ("live", "unchanged")


@dataclass(frozen=True)
class Place:
    """The deployed application after a run, and its command line. `file` is what was uploaded."""

    platform: Platform
    file: Path
    run_id: str
    assembly: Path

    def bucket(self, name: str) -> str:
        return self.platform.target.output(f"{name}BucketName")

    def lose(self, bucket: str, pattern: str) -> None:
        """Every version of what matches, so that nothing is left to be restored."""
        s3 = self.platform.target.client("s3")
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        listed = [item for page in pages for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]
        found = [item for item in listed if re.fullmatch(pattern, item["Key"])]
        assert found, f"nothing in {bucket} matches {pattern}"
        for item in found:
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])

    @property
    def data_set(self) -> str:
        return f"{MODEL}/run={self.run_id}"

    @property
    def run(self) -> Run:
        return RunReader(self.platform.target.place, model=MODEL).read(self.run_id)

    @property
    def live(self) -> Any:
        found = live_version(self.platform.target.place, MODEL)
        assert found is not None
        return found

    def say(self, command: str) -> Any:
        """What `mlops ... --json` answers, whether it fails or not. `RUN` and `FILE` stand for those of the place."""
        words = [{"RUN": self.run_id, "FILE": str(self.file)}.get(word, word) for word in shlex.split(command)]
        done = CliRunner().invoke(main.app, [*words[1:], "--json"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return json.loads(done.stdout)

    def mend(self, told: Any) -> list[str]:
        """Carry out each command that the answer names; returns what was done."""
        commands = COMMAND.findall(json.dumps(told))
        for command in dict.fromkeys(commands):
            answer = self.say(command)
            while "under way" in answer.get("error", ""):
                # Lambda tries again by itself what could not start, and met what was mended.
                self.platform.follow(self.run_id)
                answer = self.say(command)
            assert "error" not in answer, answer
        return commands


@pytest.fixture(scope="module")
def ran(platform: Platform, assembly: Path, housing: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    header, *rows = housing.read_text().splitlines()
    file = tmp_path_factory.mktemp("lost") / "houses.csv"
    file.write_text("\n".join([header, *rows[:6000]]) + "\n")
    run = platform.run(file)
    assert run.state == "live", run.reason
    return Place(platform, file, run.run_id, assembly)


@pytest.fixture
def place(ran: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    for module in (main, lifecycle, serving, batch):
        monkeypatch.setattr(module, "find_target", lambda **_: ran.platform.target)
    monkeypatch.chdir(ran.file.parent)
    return ran


@dataclass(frozen=True)
class Case:
    """`lost`: bucket and pattern of the keys. `meet`: the command that meets the loss, and what it `says`."""

    lost: Callable[[Place], tuple[str, str]]
    meet: str
    says: str
    command: str


def in_data_set(path: str) -> Callable[[Place], tuple[str, str]]:
    return lambda place: (place.bucket("Processed"), f"{place.data_set}/{path}")


OF_THE_DATA_SET = {
    "the uploaded file": Case(
        lambda place: (place.bucket("Raw"), f"{MODEL}/houses.csv"),
        "mlops retry RUN --from etl",
        rf"The file {MODEL}/houses\.csv of run \w+ is gone from the raw bucket\.",
        "mlops upload houses.csv",
    ),
    "a part file": Case(
        in_data_set(r"train/.*\.parquet"),
        "mlops retry RUN --fresh",
        r"Step Prepare failed: .*train: manifest\.json and the folder differ in part-\d+\.parquet; run the ETL",
        "mlops retry RUN --from etl",
    ),
    "the recipe": Case(
        in_data_set(r"recipe\.json"),
        "mlops retry RUN --fresh",
        r"Step Prepare failed: .*the data set has no recipe\.json; run the ETL job again",
        "mlops retry RUN --from etl",
    ),
    "the manifest": Case(
        in_data_set(r"manifest\.json"),
        "mlops runs RUN",
        r"The ETL job made a data set, and its manifest\.json is gone\.",
        "mlops retry RUN --from etl",
    ),
    "the manifest, and a retry": Case(
        in_data_set(r"manifest\.json"),
        "mlops retry RUN",
        r"has no data set to train on: .*manifest\.json is gone\.",
        "mlops retry RUN --from etl",
    ),
}


@pytest.mark.parametrize("name", OF_THE_DATA_SET)
def test_what_is_lost_of_a_data_set_is_made_again_by_the_command_that_is_named(place: Place, name: str) -> None:
    case, before = OF_THE_DATA_SET[name], place.platform.executions().count(f"run-{place.run_id}")
    place.lose(*case.lost(place))
    told = place.say(case.meet)
    assert re.search(case.says, json.dumps(told)), told
    assert case.command.replace("RUN", place.run_id) in place.mend(told)
    run = place.run
    assert run.state in ENDED, run.reason
    assert place.platform.executions().count(f"run-{place.run_id}") > before
    bucket, pattern = case.lost(place)
    listed = place.platform.target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert any(re.fullmatch(pattern, item["Key"]) for page in listed for item in page.get("Contents", ()))


def test_without_its_claim_an_upload_of_the_same_file_makes_nothing_anew(place: Place) -> None:
    before = place.run
    place.lose(*in_data_set(r"claim\.json")(place))
    told = place.say("mlops upload FILE")
    assert (told["repeated"], told["run_id"]) == (True, place.run_id)
    assert place.say("mlops retry RUN --from etl")["state"] in ENDED
    after = place.run
    assert after.started is not None and before.started is not None and after.started > before.started
    assert before.manifest is not None and after.manifest is not None
    assert after.manifest["rows"] == before.manifest["rows"]


def test_records_of_a_version_are_made_again(place: Place) -> None:
    lost = place.live
    folder = lost.metadata["evaluation_uri"].split("/", 3)[3].rpartition("/")[0]
    place.lose(place.bucket("Artifact"), f"{folder}/(evaluation|golden|contract)\\.json|{folder}/report\\.html")
    told = place.say(f"mlops model {lost.number}")["lost"]
    assert told.startswith(
        f"Of version {lost.number} is lost: evaluation.json, golden.json, contract.json, report.html."
    )
    notice = place.say("mlops models")["notices"][MODEL]
    assert f"The contract that version {lost.number} answers by (contract.json) is gone" in notice
    assert set(COMMAND.findall(f"{told}\n{notice}")) == {f"mlops retry {lost.metadata['run_id']} --fresh"}
    place.mend(told)
    made = place.live
    assert made.number > lost.number
    assert ", of which evaluation.json, golden.json, contract.json, report.html is lost." in made.gate_reason
    assert place.say(f"mlops model {made.number}")["lost"] == ""
    assert place.say("mlops models")["notices"] == {}


def test_a_champion_whose_artifact_is_lost_is_trained_without_and_a_person_approves(
    place: Place, tmp_path: Path
) -> None:
    lost = place.live
    place.lose(place.bucket("Artifact"), re.escape(lost.artifact.split("/", 3)[3]))
    told = place.say(f"mlops model {lost.number}")["lost"]
    assert told.startswith(f"Of version {lost.number} is lost: its artifact.")
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join(place.file.read_text().splitlines()[:20]) + "\n")
    refused = place.say(f"mlops batch {rows}")
    assert f"its artifact {lost.artifact} is gone" in refused["error"]
    assert COMMAND.findall(told)[0] in refused["error"]
    place.mend(told)
    run = place.run
    assert run.state == "waiting", run.reason
    assert f"because version {lost.number} is not comparable: its artifact {lost.artifact} is gone." in run.reason
    approved = place.say(f"mlops approve {run.model_version} --reason 'the same data'")
    assert approved["deployment"] == "live"
    assert place.say(f"mlops model {run.model_version}")["lost"] == ""
    assert place.say(f"mlops batch {rows}")["state"] == "done"


def test_output_of_a_cached_step_that_is_lost_is_made_again(place: Place) -> None:
    assert place.say("mlops retry RUN --fresh")["state"] == "unchanged"
    assert place.say("mlops retry RUN")["state"] == "unchanged"
    assert [step.status for step in place.run.steps if step.name in ("Prepare", "Train")] == ["Cached", "Cached"]
    place.lose(place.bucket("Artifact"), rf"{MODEL}/[^/]+/prepare/.*")
    told = place.say("mlops retry RUN")
    assert told["error"].startswith("Step Evaluate failed: ")
    assert told["hint"].endswith(f"nothing is taken from there by: mlops retry {place.run_id} --fresh")
    assert place.say(f"mlops retry {place.run_id} --fresh")["state"] == "unchanged"


def test_code_that_is_lost_is_uploaded_by_deploying_again(place: Place) -> None:
    cloud = place.platform.here.cloud
    definition = place.platform.target.client("sagemaker").describe_pipeline(
        PipelineName=place.platform.target.resource_name(MODEL)
    )["PipelineDefinition"]
    (uri,) = set(re.findall(r"s3://[^\"\\]+\.tar\.gz|s3://[^\"\\]+\.gz", definition))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    place.lose(bucket, re.escape(key))
    told = place.say("mlops retry RUN --fresh")
    assert f"started: MissingCodeError: The code {uri} is gone" in told["error"]
    assert "Deploying again uploads it: ./dev cdk deploy" in told["error"]
    deploy(place.assembly / "assembly-dev", cloud.session(), endpoint=cloud.endpoint)
    assert place.mend(told) == [f"mlops retry {place.run_id} --fresh"]
    assert place.run.state == "unchanged"


def test_input_and_result_of_a_batch_are_made_again(place: Place, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join(place.file.read_text().splitlines()[:20]) + "\n")
    first = place.say(f"mlops batch {rows}")
    assert first["state"] == "done"
    place.lose(place.bucket("Raw"), f"batch/{MODEL}/rows\\.csv")
    place.lose(place.bucket("Artifact"), f"{batch_folder(MODEL, '')}.*")
    again = place.say(f"mlops batch {rows}")
    assert (again["state"], again["rows"]) == ("done", first["rows"])
