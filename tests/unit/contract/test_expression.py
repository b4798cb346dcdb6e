"""Expressions: what is refused and where, and that SQL, numpy and plain Python give the same values."""

from __future__ import annotations

import math
from collections.abc import Callable

import duckdb
import numpy as np
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import Expression, ExpressionError

NAMES = ("a", "b", "c")
Tree = str | float | tuple
SETTINGS = settings(deadline=None, database=None, max_examples=150)

doubles = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
literals = st.floats(min_value=0, max_value=1e300, allow_subnormal=False)
# Only operations that IEEE 754 rounds exactly: engines must agree to the last bit, whatever the nesting.
trees = st.recursive(
    st.sampled_from(NAMES) | literals,
    lambda inner: (
        st.tuples(st.sampled_from("+-*/"), inner, inner) | st.tuples(st.sampled_from(("-", "abs", "sqrt")), inner)
    ),
    max_leaves=10,
)


def text_of(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    if isinstance(tree, float):
        return repr(tree)
    if len(tree) == 3:
        return f"({text_of(tree[1])} {tree[0]} {text_of(tree[2])})"
    return f"-{text_of(tree[1])}" if tree[0] == "-" else f"{tree[0]}({text_of(tree[1])})"


def value_of(tree: Tree, row: dict[str, float]) -> float:
    """The meaning of a tree, written a second time."""
    if isinstance(tree, str | float):
        return row[tree] if isinstance(tree, str) else tree
    values = [value_of(part, row) for part in tree[1:]]
    if math.isnan(sum(values)) and any(map(math.isnan, values)):
        return math.nan
    operations: dict[tuple[str, int], Callable[..., float]] = {
        ("+", 2): lambda x, y: x + y,
        ("-", 2): lambda x, y: x - y,
        ("*", 2): lambda x, y: x * y,
        ("/", 2): lambda x, y: math.nan if y == 0 else x / y,
        ("-", 1): lambda x: -x,
        ("abs", 1): abs,
        ("sqrt", 1): lambda x: math.nan if x < 0 else math.sqrt(x),
    }
    return operations[tree[0], len(values)](*values)


def names_of(tree: Tree) -> set[str]:
    if isinstance(tree, str):
        return {tree}
    return set() if isinstance(tree, float) else set().union(*map(names_of, tree[1:]))


def in_numpy(expression: Expression, row: dict[str, float]) -> float | None:
    value = expression.evaluate({name: np.array([number]) for name, number in row.items()})[0]
    return None if math.isnan(value) else float(value)


def in_duckdb(expression: Expression, row: dict[str, float]) -> float | None:
    columns, quote = ", ".join(f"?::double as {name}" for name in row), '"'
    return duckdb.execute(f"select {expression.sql(quote)} from (select {columns})", list(row.values())).fetchone()[0]


@SETTINGS
@given(tree=trees.filter(names_of), values=st.tuples(doubles, doubles, doubles))
def test_numpy_and_sql_give_what_the_tree_means(tree: Tree, values: tuple[float, ...]) -> None:
    row = dict(zip(NAMES, values, strict=True))
    expression = Expression.parse(text_of(tree), NAMES)
    wanted = value_of(tree, row)
    expected = wanted if math.isfinite(wanted) else None
    assert set(expression.names) == names_of(tree)
    assert in_numpy(expression, row) == expected
    assert in_duckdb(expression, row) == expected


@SETTINGS
@given(call=st.sampled_from(("ln(a)", "exp(a)", "sin(a)", "cos(a)", "power(a, 2)", "power(a, -0.5)")), value=doubles)
def test_numpy_and_sql_agree_on_functions(call: str, value: float) -> None:
    expression = Expression.parse(call, NAMES)
    expected = in_numpy(expression, {"a": value})
    found = in_duckdb(expression, {"a": value})
    assert found == (expected if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-300))


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("ln(a)", math.e, 1.0),
        ("ln(a)", 0.0, None),
        ("ln(a)", -1.0, None),
        ("sqrt(a)", -1e-310, None),
        ("sqrt(a)", 0.0, 0.0),
        ("exp(a)", 1000.0, None),
        ("sin(exp(a))", 1000.0, None),
        ("1 / exp(a)", 1000.0, 0.0),
        ("1 / a", -0.0, None),
        ("power(a, -2)", 0.0, None),
        ("power(a, 0.5)", -4.0, None),
        ("power(a, 3)", -2.0, -8.0),
        ("1/3 + 0*a", 5.0, 1 / 3),
        ("- -a", 5.0, 5.0),
        ("  a * 1e-7 ", 5.0, 5e-7),
        ("a - 1 - 1", 5.0, 3.0),
        ("cos(0 * a)", 5.0, 1.0),
    ],
)
def test_values_at_the_edge_of_a_domain(text: str, value: float, expected: float | None) -> None:
    expression = Expression.parse(text, NAMES)
    wanted = None if expected is None else pytest.approx(expected, rel=1e-15)
    assert in_numpy(expression, {"a": value}) == wanted
    assert in_duckdb(expression, {"a": value}) == wanted


def test_sql_written_for_spark_keeps_its_meaning_in_duckdb() -> None:
    expression = Expression.parse(
        "sqrt(power(0.8 * (a + 118.24), 2) + ln(b) / abs(c)) + sin(a) - exp(-b) * cos(c)", NAMES
    )
    row = {"a": -122.0, "b": 3.0, "c": -2.5}
    [translated] = sqlglot.transpile(f"select {expression.sql()} as v from t", read="spark", write="duckdb")
    found = duckdb.execute(f"with t as (select ? as a, ? as b, ? as c) {translated}", list(row.values())).fetchone()[0]
    direct = math.sqrt((0.8 * (-122.0 + 118.24)) ** 2 + math.log(3) / 2.5) + math.sin(-122.0)
    assert found == pytest.approx(direct - math.exp(-3.0) * math.cos(-2.5), rel=1e-12)
    assert in_numpy(expression, row) == pytest.approx(found, rel=1e-12)


def test_sql_reads_constants_as_doubles() -> None:
    assert Expression.parse("a * 2.5 + 1e-7", NAMES).sql().count("((`a` * 2.5e0) + 1e-07)") == 2


def test_a_missing_value_makes_the_result_missing() -> None:
    expression = Expression.parse("a / b", NAMES)
    values = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([2.0, 2.0, 0.0])}
    np.testing.assert_array_equal(expression.evaluate(values), [0.5, np.nan, np.nan])


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("1 + 2", 1, "uses no column"),
        ("a ** 2", 3, "write power(x, 2)"),
        ("a // b", 3, "'//' is not allowed"),
        ("a % b", 3, "'%' is not allowed"),
        ("a + ", 4, "not an arithmetic expression"),
        ("a + unknown_one", 5, "unknown_one is no number feature"),
        ("__import__", 1, "no number feature"),
        ("a.real", 1, "only numbers"),
        ("(a, b)", 1, "only numbers"),
        ("a if b else c", 1, "only numbers"),
        ("a and b", 1, "only numbers"),
        ("not a", 1, "only numbers"),
        ("+a", 1, "only numbers"),
        ("a + 'x'", 5, "is not allowed"),
        ("a + 1j", 5, "1j is not a decimal number"),
        ("a + 0x10", 5, "0x10 is not a decimal number"),
        ("a + 1_000", 5, "1_000 is not a decimal number"),
        ("a + 1e999", 5, "larger than a double"),
        ("a + True", 5, "True is not a decimal number"),
        ("  a + None", 7, "None is not a decimal number"),
        ("eval(a)", 1, "eval is not a function"),
        ("a + (b)(c)", 5, "is not a function"),
        ("sqrt(a, b)", 1, "sqrt takes 1 argument"),
        ("sqrt()", 1, "sqrt takes 1 argument"),
        ("power(a)", 1, "power takes 2 arguments"),
        ("power(a, b)", 10, "must be a number"),
        ("power(a, 0)", 10, "must not be 0"),
        ("power(a, --1)", 10, "must be a number"),
        ("sqrt(*a)", 6, "only numbers"),
        ("a # comment", 3, "'#' is not allowed"),
        ("a\n+ b", 2, "is not allowed"),
        ("a; b", 2, "';' is not allowed"),
        ("lambda: a", 7, "':' is not allowed"),
        ("a + é", 5, "'é' is not allowed"),
        ("(" * 250 + "a" + ")" * 250, 501, "longer than 500"),
        ("(" * 240 + "a" + ")" * 240, 201, "not an arithmetic expression"),
    ],
)
def test_anything_else_is_refused_with_its_position(text: str, position: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text, NAMES)
    assert (caught.value.position, reason in caught.value.reason) == (position, True), str(caught.value)
    assert f"at character {position} of" in str(caught.value)


def test_a_misspelt_name_gets_a_hint() -> None:
    with pytest.raises(ExpressionError, match="did you mean households"):
        Expression.parse("total_rooms / household", ("total_rooms", "households"))


@SETTINGS
@given(text=st.text(alphabet="abc019.+-*/(),_ esqrtpow'[]{}:=<>\n", max_size=30) | st.text(max_size=10))
def test_any_text_parses_or_is_refused_inside_the_text(text: str) -> None:
    try:
        expression = Expression.parse(text, NAMES)
    except ExpressionError as error:
        assert 1 <= error.position <= max(len(text), 1)
    else:
        assert Expression.parse(text, NAMES) == expression
        assert set(expression.names) <= set(NAMES)


def test_the_longest_expressions_evaluate() -> None:
    chain = Expression.parse("+".join(["a"] * 250), NAMES)
    minus = Expression.parse("-" * 498 + "a", NAMES)
    assert in_numpy(chain, {"a": 2.0}) == in_duckdb(chain, {"a": 2.0}) == 500.0
    assert in_numpy(minus, {"a": 2.0}) == 2.0
