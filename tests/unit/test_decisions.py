"""How many files decide by feature type, task or algorithm: a count may fall, and does not rise by itself."""

from __future__ import annotations

import ast

import pytest

from tests import decisions

MOST = {"feature type": 0, "how values are held": 16, "task": 4, "algorithm": 10}


@pytest.mark.parametrize("question", decisions.QUESTIONS)
def test_no_more_files_decide_than_did(question: str) -> None:
    found = decisions.deciding()[question]
    assert len(found) == MOST[question], found


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("feature type", 'if feature.type == "category": pass'),
        ("feature type", 'value = 1 if document["type"] != "number" else 2'),
        ("feature type", 'kind = table.choice("type", ("number", "category"))'),
        ("feature type", 'Feature(name=name, type="number")'),
        ("how values are held", 'if kind.held == "level": pass'),
        ("how values are held", "names = [item.name for item in contract.numeric]"),
        ("task", 'if contract.task == "binary": pass'),
        ("task", "found = OF_SLICES[contract.task]"),
        ("task", "words = contract.target.levels[-1]"),
        ("algorithm", "import xgboost as xgb"),
        ("algorithm", "from xgboost.core import Booster"),
        ("algorithm", 'objective = "reg:squarederror"'),
        ("algorithm", "matrix = library.DMatrix(rows)"),
    ],
)
def test_a_decision_is_found(question: str, line: str) -> None:
    assert any(map(decisions.QUESTIONS[question], decisions.code_of(line)))


@pytest.mark.parametrize(
    "line",
    [
        '"""Asks whether feature.type == "category", which binary models have too."""',
        'schema = {"type": "number"}',
        'Parameter(name="x", type="String")',
        "first = feature.levels[0]",
        'words = "numbers alone"',
    ],
)
def test_what_decides_nothing_is_not_found(line: str) -> None:
    found = [name for name, decides in decisions.QUESTIONS.items() if any(map(decides, decisions.code_of(line)))]
    assert found == []


def test_docstrings_are_no_code() -> None:
    nodes = decisions.code_of('def f():\n    "of xgboost"\n    return 1\n')
    assert not any(isinstance(node, ast.Constant) and node.value == "of xgboost" for node in nodes)
