"""Counts the files that decide by feature type, task or algorithm: what a new one of them may touch.

python -m tests.decisions [--files] prints the counts, and the files.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What ships, and what drives it. The local cloud knows nothing of the application.
FOLDERS = ("assets", "cli", "frontend", "stacks")

TYPES = frozenset({"number", "category", "boolean", "text"})
TASKS = frozenset({"regression", "binary"})
# Features whose values are held as numbers, and those whose values are levels.
_SELECTIONS = frozenset({"numeric", "categories", "categorical"})
_ALGORITHM = re.compile(r"xgboost|\.ubj$|^(reg|binary):")
_OF_ALGORITHM = frozenset({"Booster", "DMatrix", "QuantileDMatrix", "inplace_predict", "best_iteration"})
_Finds = Callable[[ast.AST], bool]


def decides_by_type(node: ast.AST) -> bool:
    """A comparison of a type with the name of one, a list of the names, or a field that is made with one."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return any(map(_is_type, sides)) and any(TYPES & set(_texts(side)) for side in sides)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return {"number", "category"} <= set(_texts(node))
    if isinstance(node, ast.keyword):
        return node.arg == "type" and bool(TYPES & set(_texts(node.value)))
    return False


def decides_by_holding(node: ast.AST) -> bool:
    """A comparison with how values are held, a way that several types share, or a selection of features by it."""
    if isinstance(node, ast.Attribute):
        return node.attr in _SELECTIONS
    if isinstance(node, ast.Match):
        return _is_held(node.subject)
    return isinstance(node, ast.Compare) and any(map(_is_held, [node.left, *node.comparators]))


def decides_by_task(node: ast.AST) -> bool:
    """The name of a task, the target's levels or the threshold, which only one task has, or a table by task."""
    if isinstance(node, ast.Constant):
        return node.value in TASKS
    if isinstance(node, ast.Attribute):
        of_target = isinstance(node.value, ast.Attribute) and node.value.attr in ("target", "goal")
        named = isinstance(node.value, ast.Name) and node.value.id in ("target", "goal")
        return node.attr == "threshold" or (node.attr == "levels" and (of_target or named))
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Attribute) and node.slice.attr == "task"


def decides_by_algorithm(node: ast.AST) -> bool:
    """An import of its library, the name of a part of it, an objective, or the name of its file."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
        return any(name.partition(".")[0] == "xgboost" for name in modules)
    if isinstance(node, ast.Attribute):
        return node.attr in _OF_ALGORITHM
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_ALGORITHM.search(node.value))


QUESTIONS: dict[str, _Finds] = {
    "feature type": decides_by_type,
    "how values are held": decides_by_holding,
    "task": decides_by_task,
    "algorithm": decides_by_algorithm,
}


def files() -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


@cache
def deciding() -> Mapping[str, list[str]]:
    """By question, the files with a decision of this sort, by their paths in the tree."""
    found: dict[str, list[str]] = {question: [] for question in QUESTIONS}
    for path in files():
        nodes = list(code_of(path.read_text()))
        for question, decides in QUESTIONS.items():
            if any(map(decides, nodes)):
                found[question].append(path.relative_to(ROOT).as_posix())
    return found


def code_of(text: str) -> Iterator[ast.AST]:
    """The nodes of a module without its docstrings, which are expressions that nothing takes."""
    tree = ast.parse(text)
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return (node for node in ast.walk(tree) if id(node) not in words)


def _is_type(node: ast.AST) -> bool:
    """feature.type, document["type"], or a name that holds one."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "type"
    return (isinstance(node, ast.Attribute) and node.attr == "type") or (
        isinstance(node, ast.Name) and node.id in ("type", "kind")
    )


def _is_held(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "held"


def _texts(node: ast.AST) -> Iterator[str]:
    return (item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str))


def main(arguments: list[str]) -> int:
    for question, found in deciding().items():
        sys.stdout.write(f"{len(found):>3} files decide by {question}\n")
        if "--files" in arguments:
            sys.stdout.write("".join(f"      {name}\n" for name in found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
