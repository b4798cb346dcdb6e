"""What Python source names inside MiniStack: found in the source, so that no list has to be kept beside it."""

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "ministack"
# Our functions that put something in the place of an internal, which they take as module and name.
REPLACING = frozenset({"replace", "setattr", "wrap"})
READING = frozenset({"getattr"})


@dataclass(frozen=True, order=True)
class Use:
    """One internal of MiniStack, "ministack.services.s3" and "_buckets", where it is named."""

    module: str
    name: str
    rebound: bool
    file: Path
    line: int

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def private(self) -> bool:
        return any(part.startswith("_") for part in self.name.split("."))


@dataclass(frozen=True)
class Counts:
    """How much of MiniStack some source depends on. Each internal counts once."""

    modules: int
    packages: int
    internals: int
    private: int
    rebound: int


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def uses(files: Iterable[Path]) -> list[Use]:
    """Every internal that the files import, read, call or rebind."""
    return sorted(use for path in files for use in _uses_of(path))


def counts(found: Iterable[Use]) -> Counts:
    found = list(found)
    return Counts(
        modules=len({use.file for use in found}),
        packages=len({use.file.parent for use in found}),
        internals=len({use.full_name for use in found}),
        private=len({use.full_name for use in found if use.private}),
        rebound=len({use.full_name for use in found if use.rebound}),
    )


@cache
def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _uses_of(path: Path) -> Iterator[Use]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {item.asname or PACKAGE: item.name for item in node.names if _within(item.name)}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _within(node.module or ""):
            for item in node.names:
                full = f"{node.module}.{item.name}"
                if is_module(full):
                    modules[item.asname or item.name] = full
                else:
                    yield Use(str(node.module), item.name, False, path, node.lineno)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield from _attribute(node, modules, path)
        elif isinstance(node, ast.Call):
            yield from _by_name(node, modules, path)


def _within(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def _attribute(node: ast.Attribute, modules: dict[str, str], path: Path) -> Iterator[Use]:
    """`s3._buckets`, and what is private in what it gives, as in `sqs._queues._data`."""
    if isinstance(node.value, ast.Name) and node.value.id in modules:
        rebound = isinstance(node.ctx, ast.Store)
        yield Use(modules[node.value.id], node.attr, rebound, path, node.lineno)
    inner = node.value
    if not node.attr.startswith("_") or not isinstance(inner, ast.Attribute) or not isinstance(inner.value, ast.Name):
        return
    if inner.value.id in modules:
        yield Use(modules[inner.value.id], f"{inner.attr}.{node.attr}", False, path, node.lineno)


def _by_name(node: ast.Call, modules: dict[str, str], path: Path) -> Iterator[Use]:
    """`wrap(s3, "_copy_object", ...)`, where the name is a text."""
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called not in REPLACING | READING or len(node.args) < 2:
        return
    owner, name = node.args[:2]
    if isinstance(owner, ast.Name) and owner.id in modules and isinstance(name, ast.Constant):
        yield Use(modules[owner.id], str(name.value), called in REPLACING, path, node.lineno)
