"""`./dev install`: what is written where, and what it does when the project moves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import shim
from tools.commands import CommandError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "my project's tree"
    root.mkdir()
    dev = root / "dev"
    dev.write_text('#!/bin/sh\necho "dev $*"\n')
    dev.chmod(0o755)
    monkeypatch.setattr(shim, "ROOT", root)
    return root


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *arguments], capture_output=True, text=True, check=False)


def test_it_runs_the_projects_command_from_anywhere(project: Path, tmp_path: Path) -> None:
    shim.install(tmp_path / "bin", completion=False)

    assert run(tmp_path / "bin/mlops", "runs", "--json").stdout == "dev mlops runs --json\n"


def test_a_project_that_moved_is_said(project: Path, tmp_path: Path) -> None:
    shim.install(tmp_path / "bin", completion=False)
    project.rename(tmp_path / "elsewhere")

    done = run(tmp_path / "bin/mlops", "runs")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"mlops: the project is no longer at {project}. Run ./dev install in its new place.\n")


def test_a_folder_outside_of_the_path_is_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    shim.install(tmp_path / "bin", completion=False)
    assert f'add the line export PATH="{tmp_path}/bin:$PATH"' in capsys.readouterr().err

    monkeypatch.setenv("PATH", f"/usr/bin:{tmp_path}/bin")
    shim.install(tmp_path / "bin", completion=False)
    assert capsys.readouterr().err == f"Wrote {tmp_path}/bin/mlops.\n"


def test_the_default_is_the_users_own_folder(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_BIN_HOME", raising=False)

    shim.install(None, completion=False)

    assert (tmp_path / ".local/bin/mlops").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("what", ["file", "binary", "link"])
def test_what_is_not_ours_stays(project: Path, tmp_path: Path, what: str) -> None:
    script = tmp_path / "bin/mlops"
    script.parent.mkdir()
    if what == "link":
        script.symlink_to("/no/where")
    else:
        script.write_bytes(b"#!/bin/sh\n" if what == "file" else b"\x7fELF\xff\xfe")

    with pytest.raises(CommandError, match=r"is there and not ours"):
        shim.install(tmp_path / "bin", completion=False)

    assert script.is_symlink() if what == "link" else script.read_bytes()[:2] in (b"#!", b"\x7fE")


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/mlops.sh"),
        ("zsh", ".zfunc/_mlops"),
        ("fish", ".config/fish/completions/mlops.fish"),
    ],
)
def test_completion_asks_the_command(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shell: str,
    file: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/bin/{shell}")

    shim.install(None, completion=True)

    assert "_MLOPS_COMPLETE" in (tmp_path / file).read_text()
    assert f"Completion for {shell} is in {tmp_path / file}; it works in the next shell." in capsys.readouterr().err
