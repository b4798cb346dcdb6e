"""Which interpreters and machines are supported, and the sentence for the others."""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import machine, wheels

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))


def test_a_supported_interpreter_says_where_it_is() -> None:
    done = subprocess.run([sys.executable, "tools/machine.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{sys.executable}\n"


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 15, 2)])
def test_another_version_is_named_with_what_it_takes(monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]) -> None:
    number = ".".join(map(str, version))
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(platform, "python_version", lambda: number)

    assert machine.why_not() == f"{sys.executable} is Python {number}: it takes Python 3.11 to 3.14."


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_each_version_of_the_range_fits(monkeypatch: pytest.MonkeyPatch, minor: int) -> None:
    monkeypatch.setattr(sys, "version_info", (3, minor, 0))

    assert machine.why_not() == ""


def test_other_builds_have_no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", {"Py_GIL_DISABLED": 1}.get)
    assert "is free-threaded Python, for which packages have no wheels" in machine.why_not()

    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="pypy"))
    monkeypatch.setattr(platform, "python_implementation", lambda: "PyPy")
    assert "is PyPy, for which packages have no wheels: it takes CPython" in machine.why_not()


def test_a_python_without_venv_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 3))
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())

    assert machine.why_not().endswith("(Debian, Ubuntu: apt-get install python3.12-venv).")


@pytest.mark.parametrize(
    ("system", "processor", "libc", "words"),
    [
        ("Linux", "x86_64", ("glibc", "2.17"), "glibc 2.17 is too old"),
        ("Linux", "x86_64", ("musl", "1.2"), "no wheels for the C library"),
        ("Linux", "armv7l", ("glibc", "2.36"), "Linux on armv7l is not supported"),
        ("Windows", "AMD64", ("", ""), "Python 3.11 to 3.14 within WSL"),
        ("Linux", "aarch64", ("glibc", "2.28"), ""),
    ],
)
def test_each_system(monkeypatch: pytest.MonkeyPatch, system: str, processor: str, libc: tuple, words: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)

    assert words in machine.why_not() if words else machine.why_not() == ""


def test_a_minimal_linux_is_told_what_node_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LIBSTDCXX", "libnowhere.so.6")

    assert machine.why_not().startswith("Node, on which the CDK runs, needs libnowhere.so.6 ")


@pytest.mark.parametrize("processor", ["arm64", "x86_64"])
def test_a_mac_needs_openmp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processor: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), processor))
    monkeypatch.setattr(machine, "LIBOMP", (str(tmp_path / "libomp.dylib"),))
    assert "run `brew install libomp`" in machine.why_not()

    (tmp_path / "libomp.dylib").touch()
    assert machine.why_not() == ""

    monkeypatch.setattr(platform, "mac_ver", lambda: ("12.7", ("", "", ""), processor))
    assert machine.why_not().startswith("macOS 12.7 is too old")


def test_what_is_supported_is_what_has_wheels() -> None:
    assert [f"3.{minor}" for minor in range(machine.OLDEST[1], machine.NEWEST[1] + 1)] == list(wheels.PYTHONS)
    assert sum(map(len, machine.MACHINES.values())) == len(wheels.PLATFORMS)
    assert {file.stem for file in (ROOT / "requirements").glob("*.txt")} == set(wheels.GROUPS)
    floor = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert floor == f">={wheels.PYTHONS[0]}"
