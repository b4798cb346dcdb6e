"""The fenced steps of the docs, in order, in a temporary tree: shell with stand-ins for what needs a network, and the
settings and contracts for real.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stacks.config
from contract import load
from stacks.config_check import check
from tests.contracts import MODELS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# What reaches AWS, GitHub, a cluster or a registry, and what it prints where a step goes on with that.
AWAY = {
    "aws": 'case "$*" in *describe-stacks*) echo "arn:aws:iam::1:role/$5" ;; *describe-log-groups*) echo /a /b ;; esac',
    "curl": "",
    "docker": "cat >/dev/null",
    "gh": "",
    "k3d": "",
    "kubectl": "",
    "mlops": '[ "$1 $2" != "local env" ] || echo "export AWS_ENDPOINT_URL=http://127.0.0.1:1"',
}
# What the text around a step tells the reader to put there.
GIVEN = dict.fromkeys(("URL", "KEY", "TOKEN", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x")


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, text in FENCE.findall(page.read_text()):
        if language in languages:
            yield textwrap.dedent(text)


@dataclass(frozen=True)
class Tree:
    folder: Path

    def stand_in(self, path: str, body: str) -> None:
        tool = self.folder / path
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(f'#!/bin/sh\necho "{tool.name} $*" >>"{self.folder}/calls"\n{body}\n')
        tool.chmod(0o755)

    def run(self, script: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.folder), **GIVEN}
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        calls = self.folder / "calls"
        return done, calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = Tree(tmp_path)
    shutil.copytree(MODELS, tmp_path / "models")
    for name, body in AWAY.items():
        made.stand_in(f"bin/{name}", body)
    made.stand_in("dev", 'case "$1 $2" in "mlops deployed-commit") echo c0ffee ;; esac')
    for script in ("infra-diff", "was-deployed"):
        (tmp_path / ".ci").mkdir(exist_ok=True)
        shutil.copy2(ROOT / ".ci" / script, tmp_path / ".ci" / script)
    made.stand_in(".ci/rollout", "")
    # A program that goes on until somebody ends it; tests/unit/localcloud/core/test_up.py runs it.
    made.stand_in(".venv/bin/python", "")
    return made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_steps_of_a_page_run_in_order(tree: Tree, page: Path) -> None:
    steps = list(blocks(page, "sh", "bash"))
    done, calls = tree.run("\n".join(steps))
    assert done.returncode == 0, done.stderr
    assert len(calls) >= len(steps) - (page.stem == "README")  # one block makes a folder alone


def test_a_model_that_is_added_by_the_readme_is_one(tree: Tree) -> None:
    steps = [step for step in blocks(ROOT / "README.md", "sh") if step.startswith("mkdir models/")]
    done, _ = tree.run("".join(steps))
    assert done.returncode == 0, done.stderr
    file = tree.folder / "models" / "churn" / "model.toml"
    text = file.read_text()
    for block in blocks(ROOT / "README.md", "toml"):
        for table in tomllib.loads(block):
            text = re.sub(rf"^\[{table}\]\n.*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
        text += f"\n{block}"
    # What the text has about other features than those of the copied model.
    text = re.sub(r"^\[(derived|outliers)\]\n.*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    file.write_text(text)
    assert load(file).target.name == "churned"


def settings() -> list[Any]:
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, "python"))
    ]


@pytest.mark.parametrize("block", settings())
def test_settings_that_a_page_shows_are_taken(block: str) -> None:
    """As they stand, where stacks/config.py has its own."""
    names = dict(vars(stacks.config))
    exec(block, names)
    check(names["STAGES"], names["DELIVERY"])
    assert names.keys() - vars(stacks.config).keys() or names["DELIVERY"] != stacks.config.DELIVERY


def test_delivery_is_told_every_variable_that_its_table_has(tree: Tree) -> None:
    """With two accounts, too: a diff of prod that has dev's role sees nothing but new things."""
    page = ROOT / "docs" / "ci.md"
    _, calls = tree.run("\n".join(blocks(page, "sh")))
    told = {tuple(call.split()[3:]) for call in calls if call.startswith("gh variable set")}
    role = "arn:aws:iam::1:role/--query"
    assert {name for name, *_ in told} == {
        "AWS_DIFF_ROLE_ARN",
        "AWS_PROD_DIFF_ROLE_ARN",
        "AWS_ROLE_ARN",
        "AWS_REGION",
    }
    assert ("AWS_ROLE_ARN", "--env", "prod", "--body", role) in told
    assert ("AWS_ROLE_ARN", "--env", "dev", "--body", role) in told
