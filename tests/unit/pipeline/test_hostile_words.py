"""Words of a contract and of data in the report and the plots: no tag, no script, no formula."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import Contract, Target
from contract.books import books_of
from tests.unit.pipeline.binary import binary_contract
from tests.unit.pipeline.test_evaluate import evaluation

__all__ = ["evaluation"]  # a fixture
from steps import plots, report

EVIL = "</title></style><script>e()</script><img src=http://evil.invalid/i.png onerror=e()>\"'&lt;<b>"
# Pairs of dollars that are no formula, and parts of one.
MATH = ["US$ per $m", "$x^$", "$\\frac{$", "a_b^c \\notacommand $", "$$", "\\$", "%{}#&~<1H>"]
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "b", "span", "table", "tr", "th", "td"),
    *("figure", "img", "figcaption"),
}


MANIFEST = {
    "rows": {"read": 2, "rejected": 1, "train": 1},
    "reasons": {EVIL: 1},
    "examples": {EVIL: EVIL},
    "warnings": [EVIL],
}


class Page(HTMLParser):
    """Tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def poisoned(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: poisoned(value) for key, value in document.items()}
    if isinstance(document, list):
        return [poisoned(item) for item in document]
    return f"{document}{EVIL}" if isinstance(document, str) else document


def test_the_report_holds_words_alone(evaluation: dict[str, Any], contract: Contract) -> None:
    hostile = replace(
        contract,
        name=f"{contract.name}{EVIL}",
        description=EVIL,
        target=replace(contract.target, unit=EVIL),
    )
    words = {**poisoned(evaluation), "task": evaluation["task"]}
    words["gate"] |= {"decision": evaluation["gate"]["decision"]}
    training = {
        "refit": False,
        **dict.fromkeys(("rounds", "rounds_allowed", "rows_fitted"), 1),
        "validation": {EVIL: 1.0},
        "rows": {EVIL: 1},
        "parameters": {EVIL: EVIL},
        "libraries": {EVIL: EVIL},
    }
    page = Page(
        report.page(words, hostile, training, books=books_of(MANIFEST), plots={"roc_curve.png": b"png"}, skipped=None)
    )
    assert page.tags <= TAGS
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "name", "content", "class", "src", "alt"}
    assert {value[:22] for name, value in page.attributes if name == "src"} == {"data:image/png;base64,"}
    assert page.text.count("<script>e()") > 10


@pytest.mark.parametrize("words", MATH)
@pytest.mark.parametrize("levels", [(), ("no", "yes")], ids=["regression", "binary"])
def test_plots_draw_words_and_no_formulas(
    tmp_path: Path, contract: Contract, words: str, levels: tuple[str, ...]
) -> None:
    target = Target(name="price", unit=words, levels=tuple(f"{level} {words}" for level in levels))
    asking = replace(binary_contract() if levels else contract, target=target)
    actual = np.array([0.0, 1.0] * 20)
    names = plots.draw(
        tmp_path, actual=actual, predicted=np.linspace(0.1, 0.9, 40), importance={words: 1.0, "b": 2.0}, contract=asking
    )
    assert [(tmp_path / name).read_bytes()[1:4] for name in names] == [b"PNG"] * 3
