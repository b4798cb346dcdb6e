"""project.toml names a project, once: what it refuses, and that no name of one project is within another's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.target import Target
from project import FILE, NAME, ProjectError, read
from tests import host_guard
from tracking.place import project_of
from tracking.versions import count

PROJECTS = st.from_regex(NAME, fullmatch=True).filter(lambda name: not name.startswith("aws"))
STAGES = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)


def written(folder: Path, text: str) -> Path:
    path = folder / "project.toml"
    path.write_text(text)
    return path


def test_the_project_of_this_tree_is_right() -> None:
    assert NAME.fullmatch(read(FILE).name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "my-ml"\nmodel = "m"', "project.toml: name is 'my-ml': use 1 to 12 small letters and digits"),
        ('name = "aws"\nmodel = "m"', "project.toml: name is 'aws': use 1 to 12 .*not aws in front"),
        ('name = "abcdefghijklm"\nmodel = "m"', "project.toml: name is 'abcdefghijklm': use 1 to 12"),
        ('model = "m"', "project.toml: name is None: use 1 to 12"),
        ('name = "acme"', "project.toml: model is None: use the name of a folder of models/"),
        ('name = "acme"\nmodel = "m"', "project.toml: environment is None: use the name of one of STAGES"),
        ('name = "acme"\nmodel = "m"\nregion = "x"', "project.toml: region is unknown: use name, model, environment"),
        ("name = acme", r"project.toml: .*line 1"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ProjectError, match=f"^{words}"):
        read(written(tmp_path, text))


@given(PROJECTS, STAGES, PROJECTS, STAGES)
def test_no_environment_has_names_that_begin_like_those_of_another(a: str, b: str, c: str, d: str) -> None:
    """Grants and patterns name an environment by its prefix."""
    nobody: Any = None
    one, other = (Target(stage=s, session=nobody, project=p).prefix for p, s in ((a, b), (c, d)))
    assert (one.startswith(other) or other.startswith(one)) == ((a, b) == (c, d))
    assert project_of(one, b) == a


def test_functions_count_in_the_namespace_of_their_project() -> None:
    cloudwatch: Any = mock.Mock()
    count(cloudwatch, "RejectedServing", model="m", stage="live", prefix="acme-live-")
    (call,) = cloudwatch.put_metric_data.call_args_list
    assert call.kwargs["Namespace"] == "acme/live"


def test_the_name_stands_in_project_toml_alone() -> None:
    """Code that names the project itself would not be renamed with it."""
    name = re.escape("ml" + "ops")
    literal = re.compile(rf'["\']({name}|{name}[-_./]?\{{[^"\']*|{name}-(dev|prod)[^"\']*)["\']')
    found = [
        f"{path.relative_to(host_guard.ROOT)}: {match[0]}"
        for path in host_guard.tracked_files()
        if path.suffix == ".py" and path.relative_to(host_guard.ROOT).parts[0] in ("stacks", "assets", "cli", "app.py")
        for match in literal.finditer(path.read_text())
    ]
    allowed = {'cli/kubernetes.py: "mlops"', 'cli/main.py: "mlops"'}
    assert set(found) == allowed
