"""Arithmetic expressions of derived features: parsed once, written as SQL, evaluated with numpy."""

from __future__ import annotations

import ast
import math
import operator
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from contract.grammar import number, parse_tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_Function = Callable[[Mapping[str, Any]], Any]
# The negative double nearest to zero: every negative number is at most this one.
_BELOW_ZERO = "-4.9e-324"
_LARGEST = repr(sys.float_info.max)
_INFINITY, _MINUS_INFINITY = (f"cast('{name}' as double)" for name in ("Infinity", "-Infinity"))


@dataclass(frozen=True)
class Expression:
    """A checked expression over columns of doubles. Where it has no finite value, SQL gives null and numpy NaN."""

    text: str
    names: tuple[str, ...]
    _tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, names: Collection[str]) -> Expression:
        """Raises ExpressionError for anything that is not arithmetic over `names`."""
        tree, used = parse_tree(text, names)
        return cls(text=text, names=used, _tree=tree)

    def sql(self, quote: str = "`") -> str:
        """The same text runs on Spark and, with the quote ", on DuckDB. The columns it names must be doubles."""
        found = _sql(self._tree, quote)
        # Not for NaN either, which both engines order above all numbers. Spark writes the argument of a nullif out
        # twice, and so that of one in another four times.
        return f"case when abs({found}) <= {_LARGEST} then {found} end"

    def evaluate(self, values: Mapping[str, NDArray[np.float64]], missing: float = math.nan) -> NDArray[np.float64]:
        """Arrays of one length in, an array of that length out, with `missing` where there is no finite value."""
        import numpy as np

        with np.errstate(all="ignore"):
            return self.evaluate_quietly(values, missing)

    def evaluate_quietly(self, values: Mapping[str, NDArray[np.float64]], missing: float) -> NDArray[np.float64]:
        """The same for a caller that has silenced numpy once for many expressions."""
        import numpy as np

        result = self._function(values)
        return np.where(np.isfinite(result), result, missing)

    def __getstate__(self) -> dict[str, object]:
        """A compiled expression has no place in a pickle."""
        return {name: value for name, value in vars(self).items() if name != "_function"}

    @cached_property
    def _function(self) -> _Function:
        import numpy as np

        return _compiled(self._tree, np)


def _sql(node: ast.expr, quote: str) -> str:
    if isinstance(node, ast.Constant):
        return _double_sql(number(node))
    if isinstance(node, ast.Name):
        return f"{quote}{node.id}{quote}"  # SQL may have its own use for the name
    if isinstance(node, ast.UnaryOp):
        return f"(-{_sql(node.operand, quote)})"
    if isinstance(node, ast.BinOp):
        left, right = _sql(node.left, quote), _sql(node.right, quote)
        if isinstance(node.op, ast.Div):
            right = f"nullif({right}, 0e0)"
        return f"({left} {_SYMBOLS[type(node.op)]} {right})"
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return _call_sql(node.func.id, node.args, quote)


def _call_sql(name: str, arguments: list[ast.expr], quote: str) -> str:
    """Each argument appears once, so nested calls stay short. Engines differ outside the domain: make that null."""
    argument = _sql(arguments[0], quote)
    if name == "ln":
        return f"ln(nullif(greatest({argument}, 0e0), 0e0))"
    if name == "sqrt":
        return f"sqrt(nullif(greatest({argument}, {_BELOW_ZERO}), {_BELOW_ZERO}))"
    if name in ("sin", "cos"):
        return f"{name}(nullif(nullif({argument}, {_INFINITY}), {_MINUS_INFINITY}))"
    if name == "power":
        exponent = number(arguments[1])
        base = f"nullif({argument}, 0e0)" if exponent < 0 else argument
        return f"power({base}, {_double_sql(exponent)})"
    return f"{name}({argument})"


def _double_sql(value: float) -> str:
    """Spark reads 2.5 as a decimal and 2.5e0 as a double."""
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _compiled(node: ast.expr, np: Any) -> _Function:
    """A call a node instead of a walk over the tree: for one row, the walk is what takes the time."""
    if isinstance(node, ast.Constant):
        value = np.float64(number(node))
        return lambda _: value
    if isinstance(node, ast.Name):
        return operator.itemgetter(node.id)
    if isinstance(node, ast.UnaryOp):
        operand = _compiled(node.operand, np)
        return lambda values: -operand(values)
    if isinstance(node, ast.BinOp):
        left, right = _compiled(node.left, np), _compiled(node.right, np)
        if isinstance(node.op, ast.Div):
            return lambda values: left(values) / _without_zero(right(values), np)
        operation = _OPERATORS[type(node.op)]
        return lambda values: operation(left(values), right(values))
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return _compiled_call(node.func.id, node.args, np)


def _compiled_call(name: str, arguments: list[ast.expr], np: Any) -> _Function:
    argument = _compiled(arguments[0], np)
    if name == "ln":
        return lambda values: np.log(_without_zero(argument(values), np))
    if name == "power":
        exponent = number(arguments[1])
        if exponent < 0:
            return lambda values: np.power(_without_zero(argument(values), np), exponent)
        return lambda values: np.power(argument(values), exponent)
    function = getattr(np, name)
    return lambda values: function(argument(values))


def _without_zero(values: Any, np: Any) -> Any:
    return np.where(values == 0, np.nan, values)
