"""The grammar of derived features: Python's own parser, and a walk over its tree that lets only arithmetic through."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from contract.wording import closest

FUNCTIONS = ("abs", "cos", "exp", "ln", "power", "sin", "sqrt")
MAX_LENGTH = 500  # bounds the depth of the tree, and so the recursion below

_FOREIGN = re.compile(r"\*\*|//|[^A-Za-z0-9_+\-*/()., ]")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


class ExpressionError(ValueError):
    """An expression outside the grammar. `position` counts characters from 1."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(text, position, reason)
        self.text, self.position, self.reason = text, position, reason

    def __str__(self) -> str:
        text = self.text if len(self.text) <= 100 else f"{self.text[:97]}..."
        return f"{self.reason}, at character {self.position} of {text!r}"


def parse_tree(text: str, names: Collection[str]) -> tuple[ast.expr, tuple[str, ...]]:
    """The checked tree, and the names it uses. Raises ExpressionError."""
    tree = _tree_of(text)
    used: dict[str, None] = {}
    _check(tree, text, names, used)
    if not used:
        raise ExpressionError(text, 1, "it uses no column, so every row would get the same value; use a feature")
    return tree, tuple(used)


def _tree_of(text: str) -> ast.expr:
    if not text.strip():
        raise ExpressionError(text, 1, "the expression is empty; write arithmetic over the features")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(text, MAX_LENGTH + 1, f"it is longer than {MAX_LENGTH} characters; split it in two")
    foreign = _FOREIGN.search(text)
    if foreign:
        hint = "; write power(x, 2)" if foreign.group() == "**" else ""
        raise ExpressionError(text, foreign.start() + 1, f"{foreign.group()!r} is not allowed{hint}")
    stripped = text.lstrip()
    try:
        return ast.parse(stripped, mode="eval").body
    except SyntaxError as error:
        position = _start(text) + (error.offset or len(stripped))
        raise ExpressionError(text, min(position, len(text)), f"not an arithmetic expression ({error.msg})") from error
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(text, 1, "it is nested too deeply; split it in two") from error


def _check(node: ast.expr, text: str, names: Collection[str], used: dict[str, None]) -> None:
    """Walks the whole tree: what no branch accepts is refused."""
    if isinstance(node, ast.Constant):
        _check_number(node, text)
    elif isinstance(node, ast.Name):
        _check_name(node, text, names, used)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand, text, names, used)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
        _check(node.left, text, names, used)
        _check(node.right, text, names, used)
    elif isinstance(node, ast.Call):
        _check_call(node, text, names, used)
    else:
        raise _refusal(node, text, f"only numbers, columns, + - * / ( ) and {', '.join(FUNCTIONS)} are allowed")


def _check_number(node: ast.Constant, text: str) -> None:
    source = _source(node, text)
    if not _NUMBER.fullmatch(source):
        raise _refusal(node, text, f"{source} is not a decimal number")
    if float(source) == float("inf"):
        raise _refusal(node, text, f"{source} is larger than a double can hold")


def _check_name(node: ast.Name, text: str, names: Collection[str], used: dict[str, None]) -> None:
    if node.id not in names:
        hint = closest(node.id, names)
        raise _refusal(node, text, f"{node.id} is no number feature and no earlier derived feature; {hint}")
    used[node.id] = None


def _check_call(node: ast.Call, text: str, names: Collection[str], used: dict[str, None]) -> None:
    name = _source(node.func, text)
    if not isinstance(node.func, ast.Name) or name not in FUNCTIONS:
        raise _refusal(node, text, f"{name} is not a function here; there are {', '.join(FUNCTIONS)}")
    wanted = 2 if name == "power" else 1
    if node.keywords or len(node.args) != wanted:
        raise _refusal(node, text, f"{name} takes {wanted} argument{'s' * (wanted > 1)}")
    _check(node.args[0], text, names, used)
    if name == "power":
        _check_exponent(node.args[1], text)


def _check_exponent(node: ast.expr, text: str) -> None:
    constant = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if not isinstance(constant, ast.Constant):
        raise _refusal(node, text, "the second argument of power must be a number")
    _check_number(constant, text)
    if number(constant) == 0:
        raise _refusal(node, text, "the second argument of power must not be 0: the result is always 1")


def _refusal(node: ast.expr, text: str, reason: str) -> ExpressionError:
    return ExpressionError(text, _start(text) + node.col_offset + 1, reason)


def _source(node: ast.expr, text: str) -> str:
    start = _start(text)
    return text[start + node.col_offset : start + (node.end_col_offset or 0)]


def _start(text: str) -> int:
    """Leading blanks are stripped before Python's parser sees the text, and so missing in its columns."""
    return len(text) - len(text.lstrip())


def number(node: ast.expr) -> float:
    if isinstance(node, ast.UnaryOp):
        return -number(node.operand)
    assert isinstance(node, ast.Constant)
    return float(node.value)  # type: ignore[arg-type]  # _check_number let only numbers through
