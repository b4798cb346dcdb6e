"""Where MiniStack's source defines a name, and that definition without what does not count: comments, docstrings, form.

It is read and never imported, so that another release can be looked at beside the one that is installed.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from localcloud.ministack.uses import PACKAGE

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Definition:
    """`signature` is "" for what is no function, `text` the normalised source."""

    module: str
    signature: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


def path_of(root: Path, module: str) -> Path | None:
    """The file of a module, `root` being the folder of the package."""
    place = root.joinpath(*module.split(".")[1:])
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def module_of(root: Path, name: str) -> str:
    """The module that a full name begins with, "" when there is none."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        if path_of(root, module):
            return module
    return ""


def definition(root: Path, name: str) -> Definition | None:
    """What a full name stands for, wherever it is imported from; None when the source does not say it."""
    module = module_of(root, name)
    return _definition(root, module, name.removeprefix(f"{module}.").split(".")[0]) if module else None


def _definition(root: Path, module: str, name: str) -> Definition | None:
    for node in _statements(_tree(root, module).body):
        if isinstance(node, Documented) and node.name == name:
            arguments = "" if isinstance(node, ast.ClassDef) else f"({ast.unparse(node.args)})"
            return Definition(module, arguments, _text(node))
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in _targets(node):
            return Definition(module, "", _text(node))
        if isinstance(node, ast.ImportFrom):
            for item in node.names:
                if (item.asname or item.name) == name:
                    return _definition(root, _absolute(root, module, node), item.name)
    return None


@cache
def _tree(root: Path, module: str) -> ast.Module:
    path = path_of(root, module)
    return ast.parse(path.read_text(encoding="utf-8")) if path else ast.Module([], [])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Of the module itself, whatever condition they stand under."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements(getattr(node, "orelse", []))


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _absolute(root: Path, module: str, node: ast.ImportFrom) -> str:
    """The module that is imported from."""
    if not node.level:
        return node.module or PACKAGE
    path = path_of(root, module)
    levels = node.level - (1 if path is not None and path.name == "__init__.py" else 0)
    package = module.split(".")[: len(module.split(".")) - levels]
    return ".".join([*package, *([node.module] if node.module else [])])


def _text(node: ast.stmt) -> str:
    """A table of many entries counts by what kind it is: entries come with every release."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict | ast.DictComp | ast.Set):
        return f"{', '.join(_targets(node))} = {type(node.value).__name__}"
    for inner in ast.walk(node):
        if isinstance(inner, Documented) and ast.get_docstring(inner, clean=False) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
    return ast.unparse(node)
