"""Whether the project runs on this machine with this interpreter: its path, or exit code 1 and one sentence why not.

`dev` asks every interpreter that it finds, so this file must be understood by old ones too.
"""

import ctypes
import importlib.util
import platform
import sys
import sysconfig
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
RANGE = "Python 3.11 to 3.14"
MACHINES = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64", "x86_64")}
# What the wheels were built for.
GLIBC, MACOS = (2, 28), (13, 0)
LIBSTDCXX = "libstdc++.so.6"
# Where XGBoost's library for macOS looks for OpenMP, which no wheel carries.
LIBOMP = ("/opt/homebrew/opt/libomp/lib/libomp.dylib", "/usr/local/opt/libomp/lib/libomp.dylib")


def why_not() -> str:
    """One sentence, or "" where the project runs."""
    return _interpreter() or _system()


def _interpreter() -> str:
    version, here = platform.python_version(), sys.executable
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        kind = "free-threaded Python" if sys.implementation.name == "cpython" else platform.python_implementation()
        return f"{here} is {kind}, for which packages have no wheels: it takes CPython, {RANGE}."
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return f"{here} is Python {version}: it takes {RANGE}."
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        return f"{here} lacks the module venv: it takes {RANGE} with it (Debian, Ubuntu: apt-get install {package})."
    return ""


def _system() -> str:
    system, machine = platform.system(), platform.machine()
    if system not in MACHINES:
        return f"{system} is not supported: it takes Linux or macOS; on Windows, {RANGE} within WSL."
    if machine not in MACHINES[system] or sys.maxsize < 2**32:
        return f"{system} on {machine} is not supported: it takes 64-bit {RANGE} on {' or '.join(MACHINES[system])}."
    return _linux() if system == "Linux" else _macos()


def _linux() -> str:
    name, version = platform.libc_ver()
    if name != "glibc":
        return f"Packages have no wheels for the C library of this Linux: it takes {RANGE} on glibc."
    if _numbers(version) < GLIBC:
        return f"glibc {version} is too old for the packages' wheels: it takes {RANGE} on glibc 2.28 or later."
    try:
        ctypes.CDLL(LIBSTDCXX)
    except OSError:
        return f"Node, on which the CDK runs, needs {LIBSTDCXX} (on Debian and Ubuntu: apt-get install libstdc++6)."
    return ""


def _macos() -> str:
    version = platform.mac_ver()[0]
    if _numbers(version) < MACOS:
        return f"macOS {version} is too old for the packages' wheels: it takes macOS 13 or later."
    if not any(Path(path).exists() for path in LIBOMP):
        return "XGBoost needs OpenMP, which macOS lacks: run `brew install libomp`, then this again."
    return ""


def _numbers(version: str) -> "tuple[int, ...]":
    return tuple(int(part) for part in version.split(".")[:2])


if __name__ == "__main__":
    reason = why_not()
    if reason:
        sys.exit(reason)
    sys.stdout.write(f"{sys.executable}\n")
