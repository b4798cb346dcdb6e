"""What the workflows call, with stand-ins for the tools, and rules that every workflow keeps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


CONFIGURE = "aws-actions/configure-aws-credentials"


def workflow(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    return document


@dataclass(frozen=True)
class Result:
    """`calls`: every command line that a stand-in was given."""

    code: int
    calls: list[str]
    errors: str


@dataclass(frozen=True)
class Place:
    """A copy of the scripts with stand-ins for the tools they call."""

    folder: Path

    def stand_in(self, name: str, body: str = "") -> None:
        """A tool that writes down how it was called, then runs `body`."""
        path = self.folder / name if name == "dev" else self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{Path(name).name} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def run(self, script: str, *arguments: str, **variables: str) -> Result:
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.folder), **variables}
        done = subprocess.run(
            [str(self.folder / ".ci" / script), *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        calls = self.folder / "calls"
        return Result(done.returncode, calls.read_text().splitlines() if calls.exists() else [], done.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    return Place(tmp_path)


def test_a_diff_is_kept_in_a_file(place: Place) -> None:
    place.stand_in(
        "dev",
        """case "$1" in
mlops) echo c0ffee ;;
cdk) echo "commit $CODE_COMMIT" >>calls; echo 'Stack dev/Data (mlops-dev-data)'; echo 'There were no differences' >&2 ;;
esac""",
    )
    done = place.run("infra-diff", "dev")
    asked = "dev mlops deployed-commit --env dev --on aws --lookup-role"
    assert (done.code, done.calls) == (0, [asked, "dev cdk diff dev/* --method template --no-color", "commit c0ffee"])
    kept = (place.folder / ".local" / "diff" / "dev.txt").read_text()
    assert sorted(kept.splitlines()) == ["Stack dev/Data (mlops-dev-data)", "There were no differences"]


@pytest.mark.parametrize("failing", ["mlops", "cdk"])
def test_a_diff_that_fails_fails_the_job(place: Place, failing: str) -> None:
    place.stand_in("dev", f'[ "$1" != {failing} ]')
    assert place.run("infra-diff", "dev").code == 1


GH_DEPLOYMENTS = """case "$*" in
*statuses*) [ "$(echo "$*" | cut -d/ -f5)" = "{good}" ] && echo true || echo false ;;
*deployments*) echo "{ids}" ;;
esac"""


@pytest.mark.parametrize(("commit", "good", "code"), [("unknown", "8", 1), ("unknown", "none", 0), ("c0ffee", "8", 0)])
def test_a_diff_that_finds_nothing_of_what_was_deployed_stops(place: Place, commit: str, good: str, code: int) -> None:
    """With a role of another account everything is new, nothing is lost, and the check would be green."""
    place.stand_in("dev", f"[ $1 = cdk ] || echo {commit}")
    place.stand_in("gh", GH_DEPLOYMENTS.format(ids="9 8 7", good=good))
    done = place.run("infra-diff", "prod", GITHUB_REPOSITORY="o/r", AWS_REGION="eu-west-1")
    assert done.code == code
    assert ("GitHub has deployed prod, and this account has nothing of it in eu-west-1" in done.errors) == bool(code)
    assert ("dev cdk diff prod/* --method template --no-color" in done.calls) != bool(code)


@pytest.mark.parametrize(
    ("runs", "passed", "code", "words"),
    [
        ("77", True, 0, ""),
        ("77", False, 1, "The workflow ci did not pass for abc (run 77): nothing is deployed."),
        ("", True, 1, "The workflow ci has not run for abc: push it, or start ci by hand, and deploy after it passed."),
    ],
)
def test_a_deployment_waits_for_ci(place: Place, runs: str, passed: bool, code: int, words: str) -> None:
    place.stand_in("gh", f'case "$2" in list) echo "{runs}" ;; watch) {"true" if passed else "false"} ;; esac')
    done = place.run("require-ci", "abc", PAUSE_SECONDS="0")
    assert (done.code, done.errors.strip()) == (code, words)
    assert ("gh run watch 77 --exit-status --interval 30" in done.calls) == bool(runs)


def test_nothing_is_deployed_before_ci_passed() -> None:
    jobs = workflow("infra-deploy")["jobs"]
    assert [step["run"] for step in jobs["tested"]["steps"] if "run" in step] == ['.ci/require-ci "$GITHUB_SHA"']
    assert (jobs["dev"]["needs"], jobs["prod"]["needs"]) == ("tested", "dev")


@pytest.mark.parametrize(
    ("found", "call"),
    [
        ("", "gh api --silent --method POST repos/o/r/issues/7/comments -F body=@comment.md"),
        ("11\n12", "gh api --silent --method PATCH repos/o/r/issues/comments/11 -F body=@comment.md"),
    ],
    ids=["first", "again"],
)
def test_a_pull_request_gets_one_comment(place: Place, found: str, call: str) -> None:
    (place.folder / "comment.md").write_text("<!-- marker -->\ntext\n")
    place.stand_in("gh", f'case "$*" in *--jq*) printf "%s" "{found}" ;; esac')
    done = place.run("pr-comment", "7", "comment.md", GITHUB_REPOSITORY="o/r")
    assert (done.code, len(done.calls), done.calls[-1]) == (0, 2, call)


def test_a_deployment_is_asked_for_predictions_afterwards(place: Place) -> None:
    place.stand_in("dev", '[ "$2" != deployed-commit ] || echo abc; echo "commit $CODE_COMMIT" >>calls')
    done = place.run("infra-deploy", "dev", GITHUB_SHA="abc")
    _, _, deploy, commit, smoke, _ = done.calls
    assert deploy == "dev cdk deploy dev/* --require-approval never --no-color --progress events"
    assert commit == "commit abc"
    assert smoke == "dev mlops smoke --env dev --on aws --lookup-role"


@pytest.mark.parametrize(
    ("deployed", "status", "code"),
    [
        ("new", "ahead", 1),
        ("new-dirty", "ahead", 1),
        ("old", "behind", 0),
        ("other", "diverged", 0),
        ("abc", "", 0),
        ("unknown", "", 0),
    ],
)
def test_a_late_approval_puts_no_older_commit_over_a_newer_one(
    place: Place, deployed: str, status: str, code: int
) -> None:
    place.stand_in("dev", f'[ "$2" != deployed-commit ] || echo {deployed}')
    place.stand_in("gh", f"echo {status}")
    done = place.run("infra-deploy", "prod", GITHUB_SHA="abc", GITHUB_REPOSITORY="o/r")
    assert done.code == code
    assert any(call.startswith("dev cdk deploy") for call in done.calls) != bool(code)
    asked = f"gh api repos/o/r/compare/abc...{deployed.removesuffix('-dirty')} --jq .status"
    assert (asked in done.calls) == bool(status)
    told = "prod has new, which comes after abc: nothing is deployed. To go back, revert on main: git revert."
    assert (told in done.errors) == bool(code)


def test_what_was_deployed_from_elsewhere_gives_way(place: Place) -> None:
    place.stand_in("dev", '[ "$2" != deployed-commit ] || echo mine')
    place.stand_in("gh", 'echo "gh: Not Found (HTTP 404)" >&2; exit 1')
    done = place.run("infra-deploy", "prod", GITHUB_SHA="abc", GITHUB_REPOSITORY="o/r")
    assert (done.code, "GitHub does not know mine, which is deployed in prod" in done.errors) == (0, True)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("exit 0", "an empty answer"),
        ('echo "gh: Bad credentials (HTTP 401)" >&2; exit 1', "no answer: gh: Bad credentials (HTTP 401)"),
        ('echo "error connecting to api.github.com" >&2; exit 1', "no answer: error connecting to api.github.com"),
    ],
    ids=["empty", "refused", "not reached"],
)
def test_nothing_is_deployed_while_nobody_says_what_is_newer(place: Place, answer: str, told: str) -> None:
    place.stand_in("dev", '[ "$2" != deployed-commit ] || echo perhaps')
    place.stand_in("gh", answer)
    done = place.run("infra-deploy", "prod", GITHUB_SHA="abc", GITHUB_REPOSITORY="o/r")
    assert (done.code, f"comes after abc ({told}): nothing is deployed. Run the job again." in done.errors) == (1, True)
    assert not any(call.startswith("dev cdk deploy") for call in done.calls)


@pytest.mark.parametrize(("role", "code"), [("", 1), (" ", 1), ("none", 0), ("arn:aws:iam::1:role/r", 0)])
def test_a_diff_without_its_role_is_no_green_check(place: Place, role: str, code: int) -> None:
    done = place.run("require-diff-role", "prod", "AWS_PROD_DIFF_ROLE_ARN", role)
    assert done.code == code
    assert ("set the repository's variable AWS_PROD_DIFF_ROLE_ARN" in done.errors) == bool(code)


def test_every_diff_is_asked_whether_it_has_its_role() -> None:
    jobs = workflow("infra-diff")["jobs"]
    asked = {step["run"].split()[1] for step in jobs["roles"]["steps"] if "run" in step}
    assert asked == jobs.keys() - {"roles"}
    assert "vars.AWS_REGION != ''" in jobs["roles"]["if"]


def test_a_failed_deployment_is_not_asked(place: Place) -> None:
    place.stand_in("dev", "exit 1")
    done = place.run("infra-deploy", "prod")
    assert (done.code, len(done.calls)) == (1, 1)


@pytest.mark.parametrize(("role", "code"), [("", 1), (" ", 1), ("arn:aws:iam::1:role/r", 0)])
def test_an_environment_without_its_role_is_named(place: Place, role: str, code: int) -> None:
    done = place.run("require-role", "prod", AWS_ROLE_ARN=role)
    assert done.code == code
    assert ("Set the variable AWS_ROLE_ARN of the GitHub environment prod" in done.errors) == bool(code)


ENVIRONMENT_JOBS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    if "environment" in job
]


@pytest.mark.parametrize("job", ENVIRONMENT_JOBS)
def test_a_missing_role_is_told_before_it_is_asked_for(job: dict[str, Any]) -> None:
    """AWS's action fails with words of its own when the variable is empty."""
    steps = [step.get("run") or step["uses"].partition("@")[0] for step in job["steps"]]
    check = f".ci/require-role {job['environment']}"
    # A diff is switched on by its role.
    assert "DIFF_ROLE_ARN != ''" in job.get("if", "") or steps.index(check) < steps.index(CONFIGURE)


def test_a_run_that_waits_for_its_approval_holds_up_no_other_environment() -> None:
    """GitHub keeps a run waiting for up to 30 days, and with it whatever group it is in."""
    deploying = workflow("infra-deploy")
    assert "concurrency" not in deploying
    assert {name: job["concurrency"] for name, job in deploying["jobs"].items() if "environment" in job} == {
        name: {"group": f"infra-deploy-{name}", "cancel-in-progress": False} for name in ("dev", "prod")
    }


@pytest.mark.parametrize(("answer", "code"), [("true", 0), ("false", 1), ("", 1)])
def test_prod_is_not_deployed_without_somebody_who_approves(place: Place, answer: str, code: int) -> None:
    place.stand_in("gh", f"echo {answer}")
    done = place.run("require-reviewers", "prod", GITHUB_REPOSITORY="o/r")
    assert done.code == code
    assert ("has no required reviewers" in done.errors) == bool(code)
    assert ("GitHub Enterprise" in done.errors) == bool(code)


def docker(place: Place, *, copied: bool) -> None:
    """`copied`: whether the image is in ECR already."""
    place.stand_in("docker", f'case "$*" in login*) cat >/dev/null ;; *inspect*) exit {0 if copied else 1} ;; esac')


def test_images_of_two_machines_are_published_under_one_name(place: Place) -> None:
    docker(place, copied=False)
    place.stand_in("dev", 'echo "image $IMAGE" >>calls')
    place.stand_in("aws", "echo token")
    variables = {"IMAGE": "ghcr.io/O/r/page:abc", "ARCH": "arm64", "GITHUB_TOKEN": "secret-token", "GITHUB_ACTOR": "me"}
    variables |= {"ECR_REPOSITORY": "1.ecr/page", "GITHUB_OUTPUT": str(place.folder / "output")}
    for verb in (["build"], ["test"], ["save"], ["publish", "amd64", "arm64"]):
        done = place.run("image", *verb, **variables)
        assert done.code == 0, done.errors
    name = "ghcr.io/o/r/page:abc"
    assert done.calls == [
        "dev image",
        "image ghcr.io/o/r/page:abc-arm64",
        "dev test tests/k8s",
        "image ghcr.io/o/r/page:abc-arm64",
        f"docker save --output .local/image/arm64.tar {name}-arm64",
        "docker login ghcr.io --username me --password-stdin",
        "docker load --quiet --input .local/image/amd64.tar",
        f"docker push {name}-amd64",
        "docker load --quiet --input .local/image/arm64.tar",
        f"docker push {name}-arm64",
        f"docker buildx imagetools create --tag {name} {name}-amd64 {name}-arm64",
        "aws ecr get-login-password",
        "docker login 1.ecr --username AWS --password-stdin",
        "docker buildx imagetools inspect 1.ecr/page:abc",
        "docker buildx imagetools create --tag 1.ecr/page:abc ghcr.io/o/r/page:abc",
    ]
    assert (place.folder / "output").read_text() == f"image={name}-arm64\n"
    assert "secret-token" not in "\n".join(done.calls)


def test_an_image_that_is_in_ecr_is_not_copied_there_again(place: Place) -> None:
    """Tags in ECR are immutable: the workflow of a commit can be run again all the same."""
    docker(place, copied=True)
    place.stand_in("aws", "echo token")
    variables = {"IMAGE": "ghcr.io/o/r/page:abc", "GITHUB_TOKEN": "t", "GITHUB_ACTOR": "me"}
    done = place.run("image", "publish", "amd64", ECR_REPOSITORY="1.ecr/page", **variables)
    assert (done.code, done.calls[-1]) == (0, "docker buildx imagetools inspect 1.ecr/page:abc")


def test_a_cluster_gets_the_image_from_ecr_where_there_is_one() -> None:
    """The package of a private repository is private, and the cluster has no password for it."""
    (step,) = [
        step for step in workflow("frontend")["jobs"]["rollout"]["steps"] if step.get("run") == ".ci/rollout eks"
    ]
    in_ecr = "format('{0}:{1}', vars.ECR_REPOSITORY, github.sha)"
    assert step["env"] == {"IMAGE": f"${{{{ vars.ECR_REPOSITORY != '' && {in_ecr} || env.IMAGE }}}}"}


ROLLED_OUT = "kubectl --namespace mlops rollout status deployment/page --timeout 5s"
UNDO = "kubectl --namespace mlops rollout undo deployment/page --to-revision 7"


def roll_out(place: Place, *, before: bool, sound: bool) -> Result:
    (place.folder / "k8s" / "overlays" / "eks").mkdir(parents=True)
    place.stand_in(
        "kubectl",
        f"""case "$*" in
apply*) cat "$3/kustomization.yaml" >"{place.folder}/applied" ;;
*"get deployment"*revision*) {"echo 7" if before else ":"} ;;
*"get deployment"*template*) [ ! -f "{place.folder}/applied" ] || cat "{place.folder}/applied" ;;
*"rollout status"*) {"exit 0" if sound else f'[ -f "{place.folder}/undone" ]'} ;;
*undo*) touch "{place.folder}/undone" ;;
esac""",
    )
    return place.run("rollout", "eks", IMAGE="ghcr.io/O/r/page:abc", ROLLOUT_SECONDS="5")


def test_a_rollout_applies_the_overlay_with_the_new_image(place: Place) -> None:
    done = roll_out(place, before=True, sound=True)
    assert (done.code, done.calls[2:]) == (0, ["kubectl apply --kustomize k8s/overlays/.release", ROLLED_OUT])
    assert (place.folder / "applied").read_text() == (
        'resources: [../eks]\nimages: [{name: mlops-page, newName: "ghcr.io/o/r/page", newTag: "abc"}]\n'
    )
    assert not (place.folder / "k8s" / "overlays" / ".release").exists()


def test_a_rollout_that_fails_is_undone(place: Place) -> None:
    done = roll_out(place, before=True, sound=False)
    assert (done.code, done.calls[-2:]) == (1, [UNDO, ROLLED_OUT])
    assert "going back" in done.errors


def test_a_first_rollout_that_fails_has_nothing_to_go_back_to(place: Place) -> None:
    done = roll_out(place, before=False, sound=False)
    assert (done.code, UNDO in done.calls) == (1, False)
    assert "nothing to go back to" in done.errors


@pytest.mark.parametrize(("changed", "opened", "calls"), [(0, "", 0), (1, "", 2), (1, "3", 1)])
def test_newer_versions_are_proposed_once(place: Place, changed: int, opened: str, calls: int) -> None:
    place.stand_in("git", f'[ "$1" != diff ] || exit {changed}')
    place.stand_in("gh", f'case "$*" in *list*) printf "%s" "{opened}" ;; esac')
    done = place.run("propose", "dependencies", "Newer locked versions", "requirements")
    assert (done.code, len([call for call in done.calls if call.startswith("gh ")])) == (0, calls)
    assert ("git push --force origin dependencies" in done.calls) == bool(changed)


def test_only_lock_files_are_proposed(place: Place) -> None:
    """The files come from a job that asked registries: none of them is run, and none lands elsewhere."""
    place.stand_in("git", '[ "$1" != status ] || printf "%s\\n" " M requirements/dev.txt" "?? requirements/../dev"')
    place.stand_in("gh")
    done = place.run("propose", "dependencies", "Newer locked versions", "requirements")
    assert (done.code, "Something else than lock files has changed" in done.errors) == (1, True)
    assert [call for call in done.calls if "push" in call or "commit" in call] == []


def permissions_of(job: dict[str, Any]) -> set[str]:
    return {name for name, value in job["permissions"].items() if value == "write"}


def runs_code(job: dict[str, Any]) -> bool:
    """Whether a step runs the project's code, and with it that of packages."""
    programs = {step.get("run", "").partition(" ")[0] for step in job["steps"]}
    return bool(programs & {"./dev", ".ci/newest-ministack"}) or any(
        step.get("run", "").startswith(".ci/image build") for step in job["steps"]
    )


def test_what_may_write_to_the_repository_or_its_packages_runs_no_package_code() -> None:
    jobs = {(path.stem, name): job for path in WORKFLOWS for name, job in workflow(path.stem)["jobs"].items()}
    writing = {name for name, job in jobs.items() if permissions_of(job) & {"contents", "packages"}}
    assert writing == {("dependencies", "propose"), ("frontend", "publish")}
    assert [name for name in writing if runs_code(jobs[name])] == []
    locking = jobs["dependencies", "lock"]
    assert permissions_of(locking) == set()
    (step,) = [step for step in locking["steps"] if step.get("run") == "./dev lock --upgrade"]
    assert step["env"] == {"UV_EXCLUDE_NEWER": "7 days", "LOCK_GROUPS": "tools dev audit local demo frontend lambda"}


def newest(place: Place, *, locked: str, newest: str) -> Result:
    """Try the newest MiniStack: the stand-in for Python knows the version that was installed last."""
    for folder in (".venv/bin", ".tools/bin", "ministack"):
        (place.folder / folder).mkdir(parents=True)
    place.stand_in("dev", f'echo {locked} >"{place.folder}/version"')
    place.stand_in("../.tools/bin/uv", f'echo {newest} >"{place.folder}/version"')
    place.stand_in(
        "../.venv/bin/python",
        f"""case "$*" in
*version*) cat "{place.folder}/version" ;;
*pathlib*) echo "{place.folder}/ministack" ;;
*compare*) echo "body  ministack.app.app"; exit 1 ;;
*pytest*) echo "2 failed, 7 passed"; exit 1 ;;
esac""",
    )
    return place.run("newest-ministack", "report.md", GITHUB_OUTPUT=str(place.folder / "output"))


def test_a_newer_ministack_is_tried_and_reported(place: Place) -> None:
    done = newest(place, locked="1.5.33", newest="1.6.0")
    assert done.code == 0, done.errors
    report = (place.folder / "report.md").read_text()
    assert report.startswith("MiniStack 1.6.0: the local cloud knows 1.5.33\n")
    assert "body  ministack.app.app" in report
    assert "2 failed, 7 passed" in report
    assert (place.folder / "output").read_text() == "newer=true\n"


def test_no_newer_ministack_is_no_news(place: Place) -> None:
    done = newest(place, locked="1.5.33", newest="1.5.33")
    assert done.code == 0, done.errors
    assert not (place.folder / "report.md").exists()
    assert not (place.folder / "output").exists()


@pytest.mark.parametrize(("known", "opened"), [("", True), ("A title of 1.6.0", True), ("A title", False)])
def test_an_issue_is_opened_once(place: Place, known: str, opened: bool) -> None:
    (place.folder / "report.md").write_text("A title\n\nwhat differs\n")
    place.stand_in("gh", f'case "$*" in *list*) echo "{known}" ;; *create*) cat >"{place.folder}/body" ;; esac')
    done = place.run("open-issue", "report.md")
    assert done.code == 0, done.errors
    assert ("gh issue create --title A title --body-file -" in done.calls) == opened
    assert not opened or "what differs" in (place.folder / "body").read_text()


def test_what_writes_issues_runs_no_code_of_a_release_that_is_tried() -> None:
    jobs = workflow("ministack")["jobs"]
    assert {name: permissions_of(job) for name, job in jobs.items()} == {"trial": set(), "report": {"issues"}}
    assert {name: runs_code(job) for name, job in jobs.items()} == {"trial": True, "report": False}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_pull_request_of_dependabot_gets_no_role(environment: str) -> None:
    job = workflow("infra-diff")["jobs"][environment]
    assert "github.event.pull_request.user.login != 'dependabot[bot]'" in job["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_prod_is_read_after_review() -> None:
    job = workflow("infra-diff")["jobs"]["prod"]
    steps = [step.get("run") or step["uses"].partition("@")[0] for step in job["steps"]]
    assert job["environment"] == "prod-diff"
    assert steps.index(".ci/require-reviewers prod-diff") < steps.index(CONFIGURE)


def test_any_other_job_that_becomes_a_role_is_not_started_by_a_pull_request() -> None:
    for path in WORKFLOWS:
        for name, job in workflow(path.stem)["jobs"].items():
            if "id-token" in permissions_of(job) and path.stem not in ("infra-diff", "infra-deploy"):
                own = "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'"
                assert own in job["if"], (path.stem, name)
    assert set(workflow("infra-deploy")[True]) == {"push", "workflow_dispatch"}


def region_of(steps: list[dict[str, Any]], script: str) -> str:
    """Where the script acts: the region of the last credentials before it, which no condition may skip."""
    at = next(number for number, step in enumerate(steps) if step.get("run", "") == script)
    last = [step for step in steps[:at] if step.get("uses", "").startswith(CONFIGURE)][-1]
    assert "if" not in last, script
    region: str = last["with"]["aws-region"]
    return region


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_diff_looks_where_the_deployment_will_act(environment: str) -> None:
    """Elsewhere there is nothing of it, and so nothing that could be lost."""
    diff = workflow("infra-diff")["jobs"][environment]["steps"]
    deployment = workflow("infra-deploy")["jobs"][environment]["steps"]
    regions = region_of(diff, f".ci/infra-diff {environment}"), region_of(deployment, f".ci/infra-deploy {environment}")
    assert regions[0] == regions[1]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_its_actions_and_starts_with_no_permission(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (.*)", text)
    pinned = r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+( # zizmor: .*)?"
    assert [use for use in used if not re.fullmatch(pinned, use)] == []
    assert re.search(r"^permissions: \{\}$", text, re.MULTILINE)
    assert text.count("timeout-minutes:") == text.count("runs-on:")
    # Roles by OpenID Connect: no key of AWS is stored anywhere.
    assert "secrets." not in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_calls_is_there(path: Path) -> None:
    """Its logic is in scripts and commands: a step is one line."""
    tasks = set(re.findall(r"^  (\w+) ", usage(), re.MULTILINE))
    for line in re.findall(r"^\s+(?:- )?run: (.*)$", path.read_text(), re.MULTILINE):
        assert line not in ("|", ">"), "a step of several lines belongs into a script"
        program, *rest = line.split()
        assert program in ("./dev", "aws") or (ROOT / program).is_file(), line
        assert program != "./dev" or rest[0] in tasks, line


def usage() -> str:
    return subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
