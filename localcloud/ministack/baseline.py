"""The MiniStack that the verbs were written against: what of it is used, with signatures and digests of the source.

`baseline.json` holds them. At a start whole files are compared first, which takes milliseconds; only one that differs
is read, and then each internal in it that is used.
"""

import hashlib
import importlib
import importlib.metadata
import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from localcloud.ministack import sources
from localcloud.ministack.uses import PACKAGE, python_files, uses

DOOR = Path(__file__).resolve().parent
FILE = DOOR / "baseline.json"
THREAD = "differences of MiniStack"

logger = logging.getLogger("localcloud")


class HookError(RuntimeError):
    """MiniStack no longer has something that we replace or call."""


@dataclass(frozen=True)
class Hook:
    """An internal as it was: where it is defined, its arguments ("" for no function), a digest of its source."""

    defined_in: str
    signature: str
    digest: str


@dataclass(frozen=True)
class Baseline:
    release: str
    files: Mapping[str, str]
    hooks: Mapping[str, Hook]


@dataclass(frozen=True)
class Difference:
    """An internal that is not what it was: "gone", or another "signature" or "body"."""

    name: str
    kind: str


def used_names() -> list[str]:
    """Every internal that the verbs name, "ministack.services.s3._buckets"."""
    return sorted({use.full_name for use in uses(python_files(DOOR))})


def read() -> Baseline:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    hooks = {name: Hook(*values) for name, values in document["hooks"].items()}
    return Baseline(release=document["release"], files=document["files"], hooks=hooks)


def write(baseline: Baseline) -> None:
    document = {
        "release": baseline.release,
        "files": dict(baseline.files),
        "hooks": {name: list(asdict(hook).values()) for name, hook in baseline.hooks.items()},
    }
    FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def installed_root() -> Path:
    """The folder of the MiniStack that runs here."""
    return Path(str(importlib.import_module(PACKAGE).__file__)).parent


def installed_release() -> str:
    return importlib.metadata.version(PACKAGE)


def record(root: Path, release: str) -> Baseline:
    """What the MiniStack in this folder has now of all that is used. Raises HookError for what it does not have."""
    names = used_names()
    found = {name: _hook(root, name) for name in names}
    if missing := [name for name, hook in found.items() if hook is None]:
        raise HookError(f"MiniStack {release} does not have {', '.join(missing)}")
    hooks = {name: hook for name, hook in found.items() if hook is not None}
    modules = sorted({hook.defined_in for hook in hooks.values()} | {sources.module_of(root, name) for name in names})
    return Baseline(release, {module: _file_digest(root, module) for module in modules}, hooks)


def _hook(root: Path, name: str) -> Hook | None:
    found = sources.definition(root, name)
    return Hook(found.module, found.signature, found.digest) if found else None


def _file_digest(root: Path, module: str) -> str:
    path = sources.path_of(root, module)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path else ""


def differences(root: Path, baseline: Baseline) -> list[Difference]:
    """What the MiniStack in this folder has otherwise."""
    changed = changed_modules(root, baseline)
    return list(_differences(root, baseline, changed)) if changed else []


def changed_modules(root: Path, baseline: Baseline) -> set[str]:
    """The modules whose files differ, in whatever."""
    return {module for module, digest in baseline.files.items() if _file_digest(root, module) != digest}


def _differences(root: Path, baseline: Baseline, changed: set[str]) -> Iterator[Difference]:
    for name, old in baseline.hooks.items():
        if not {old.defined_in, sources.module_of(root, name)} & changed:
            continue
        new = _hook(root, name)
        if new is None:
            yield Difference(name, "gone")
        elif new.signature != old.signature:
            yield Difference(name, "signature")
        elif new.digest != old.digest:
            yield Difference(name, "body")


def check() -> None:
    """Raise HookError for what this MiniStack does not have; a thread says by name what it has otherwise.

    Call it before anything is replaced. Reading the source takes seconds, for which no start should wait.
    """
    baseline, root = read(), installed_root()
    if not changed_modules(root, baseline):
        return
    if gone := [name for name in baseline.hooks if not _is_there(root, name)]:
        raise HookError(f"{_expected(baseline)}: these internals moved or are gone: {', '.join(gone)}")
    threading.Thread(target=warn, args=(root, baseline), name=THREAD, daemon=True).start()


def warn(root: Path, baseline: Baseline) -> None:
    """Say in the log what the MiniStack in this folder has otherwise."""
    found = differences(root, baseline)
    if found:
        logger.warning(
            "%s: %d internals differ from what the local cloud was written against (%s). It may behave otherwise than "
            "before. Install what is locked by `./dev setup`, or look at each by `%s -m localcloud.ministack compare`.",
            _expected(baseline),
            len(found),
            ", ".join(f"{one.name}: {one.kind}" for one in found),
            sys.executable,
        )


def _expected(baseline: Baseline) -> str:
    return f"MiniStack {baseline.release} is expected, {installed_release()} is installed"


def _is_there(root: Path, name: str) -> bool:
    module = sources.module_of(root, name)
    target: object = importlib.import_module(module or PACKAGE)
    for part in name.removeprefix(f"{module}.").split("."):
        if not hasattr(target, part):
            return False
        target = getattr(target, part)
    return True
