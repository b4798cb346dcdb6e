"""Hostile words through every view: whatever Streamlit reads as Markdown holds them escaped, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from frontend.records import VersionDetail
from frontend.words import chart_title, code, escaped, file_name, plain, verbatim
from tests.fakeapi import FakeApi, documents
from tests.fakeapi.hostile import EVIL
from tests.unit.frontend.test_pages import APP, Opener, opened, submit

__all__ = ["opened"]  # a fixture

VIEWS = sorted(path.stem for path in (APP.parent / "views").glob("*.py"))
# What Streamlit shows as it is: contents of tables, charts, code, lists to choose from, a component's data, names.
AS_IT_IS = {
    ("arrow_data_frame", "data"),
    ("vega_lite_chart", "spec"),
    ("vega_lite_chart", "data"),
    ("selectbox", "options"),
    ("selectbox", "raw_value"),
    ("bidi_component", "json"),
    ("bidi_component", "mixed"),
}
# A backslash in front of a sign takes its meaning from it; two of them are one that is shown.
ESCAPED = re.compile(r"\\[\\!-/:-@\[-`{-~]")
OURS = re.compile(
    r":(?:red|green|blue|gray|orange)(?:-badge)?\[|:material/[a-z_]+:|\*\*|\*Runs\*|^#+ |^- |\]|`+[^`]+`+", re.MULTILINE
)


def texts(message: Message) -> Iterator[tuple[str, str]]:
    """Name and value of every text in it, with those of the messages in it."""
    for field, value in message.ListFields():
        for item in [value] if isinstance(value, str | Message) else value if field.is_repeated else []:
            if isinstance(item, str):
                yield field.name, item
            elif isinstance(item, Message):
                yield from ((f"{field.name}", text) for _, text in texts(item)) if field.name == "json" else texts(item)


def drawn(app: AppTest) -> Iterator[tuple[str, str, str]]:
    """Kind of element, name of its member, and the text in it."""

    def walk(node: object) -> Iterator[tuple[str, str, str]]:
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message):
            yield from ((str(getattr(node, "type", "")), name, text) for name, text in texts(proto))
        for child in getattr(node, "children", {}).values():
            yield from walk(child)

    yield from walk(app._tree)


def obeyed(text: str) -> str:
    """What is left for Markdown to read in it once escapes and the page's own marks are out."""
    left = OURS.sub("", ESCAPED.sub("", text))
    return "".join(re.findall(r"[\[<$`*~|\u202e\x1b]|:violet|:mat|&lt|\n[#>-]", left))


def hostile(app: AppTest) -> tuple[list[tuple[str, str, str]], set[str]]:
    """What is obeyed, and the kinds of elements that show hostile words."""
    wrong, kinds = [], set()
    for kind, name, text in drawn(app):
        if "evil.invalid" not in text.replace("\\", "").lower():
            continue
        kinds.add(kind)
        if (kind, name) == ("dataframe", "columns"):  # a column's heading is drawn as it is, its help is Markdown
            read = " ".join(str(column.get("help") or "") for column in json.loads(text).values())
        elif (kind, name) == ("code", "code_text"):
            read = "".join(letter for letter in text if not letter.isprintable() and letter not in "\t\n")
        else:
            read = "" if (kind, name) in AS_IT_IS or name in ("id", "form_id", "key") else text
        if obeyed(read):
            wrong.append((kind, name, text))
    return wrong, kinds


def hostile_file(app_model: str) -> bytes:
    """Rows that the model takes, beside columns and cells that nobody should obey."""
    features = documents.CONTRACTS[app_model].features
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([f"{feature.name}{EVIL}" for feature in features] + [EVIL, "=cmd()"])
    for level in ("", EVIL * 2):
        values = [f"{f.default}{EVIL}" if f.levels else f.default for f in features]
        writer.writerow([*values[:-1], f"{values[-1]}{level}", EVIL, "=cmd()"])
    return out.getvalue().encode()


def visit(app: AppTest, name: str, model: str) -> Iterator[AppTest]:
    """What a person does on a view, state by state."""
    yield app
    if name == "predict":
        yield submit(app)
        app.selectbox("what-if").select(app.selectbox("what-if").options[-1]).run()
        yield app
    if name == "batch":
        app.file_uploader[0].upload("rows.csv", hostile_file(model), "text/csv").run()
        yield app
        app.button("start").click().run()
        yield app
    if name == "runs":
        for what in ("rejects", "data"):
            app.toggle(f"{what}:{documents.RUN_ID}{EVIL}").set_value(True).run()
            yield app
        for chosen in app.selectbox("log:" + documents.RUN_ID + EVIL).options:
            app.selectbox("log:" + documents.RUN_ID + EVIL).select(chosen).run()
            yield app


@pytest.mark.parametrize("model", documents.CONTRACTS)
@pytest.mark.parametrize("name", VIEWS)
def test_words_are_only_shown(opened: Opener, fake: FakeApi, name: str, model: str) -> None:
    fake.words = EVIL
    shown: set[str] = set()
    for app in visit(opened(name, model), name, model):
        assert not app.exception
        wrong, kinds = hostile(app)
        assert wrong == []
        shown |= kinds
    assert "caption" in shown or "markdown" in shown, "nothing hostile was shown: the visit proves nothing"


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("state", [400, 403, 404, 429, 500, 503])
def test_what_an_api_says_of_an_error_is_only_shown(opened: Opener, fake: FakeApi, name: str, state: int) -> None:
    fake.words = EVIL
    fake.refusals["/models"] = (state, {"detail": "Broken", "request_id": "r-1", "title": "t"}, {"Retry-After": "3"})
    app = opened(name)
    wrong, kinds = hostile(app)
    assert (wrong, kinds) == ([], {"markdown"})


@pytest.mark.parametrize("state", ["failed", "training", "uploaded"])
def test_a_run_in_any_state_is_only_shown(opened: Opener, fake: FakeApi, state: str) -> None:
    fake.words, fake.run_state = EVIL, state
    assert hostile(opened("runs"))[0] == []


def test_a_refused_form_is_only_shown(opened: Opener, fake: FakeApi) -> None:
    fake.words = EVIL
    app = opened()
    fake.answers.append((400, {"detail": "1", "errors": [{"instance": 0, "field": "f", "reason": "r"}]}, {}))
    wrong, kinds = hostile(submit(app))
    assert wrong == [] and "markdown" in kinds


def test_half_a_letter_is_shown_as_a_question_mark(opened: Opener, fake: FakeApi) -> None:
    fake.words = " \udcff"
    for name in VIEWS:
        assert not opened(name).exception


def test_what_is_obeyed_is_found() -> None:
    assert obeyed(EVIL) == obeyed("x" + EVIL) != ""
    for part in ("![i](h)", "[l](h)", ":violet[v]", "$x$", "<b>", "`", "**b", "~~s", "\u202e", "\x1b"):
        assert obeyed(part.replace("**", "*")) != "", part
    assert obeyed(f"### :material/bolt: a\n\n- **{escaped(EVIL)}** :red-badge[{escaped(EVIL)}] {code(EVIL)}") == ""


@given(st.text())
def test_escaped_words_hold_nothing_that_is_read(text: str) -> None:
    assert obeyed(escaped(text)) == ""
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escaped(text)).replace("\u2060", "") == plain(text)
    assert "\n" not in escaped(text) + code(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Longitude (degrees)", "Longitude (degrees)"),
        ("0.8764 is - 5 + 3", "0.8764 is - 5 + 3"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("# head", r"\# head"),
        ("a\n\n    code\tb", "a code b"),
        (":smile: 10:30", "\\:\u2060smile\\: 10\\:30"),
        ("gpj.\u202eexe", r"gpj.\\u202eexe"),
        ("\u65e5\u672c \u05e9\u05dc caf\u00e9 \U0001f600", "\u65e5\u672c \u05e9\u05dc caf\u00e9 \U0001f600"),
    ],
)
def test_plain_words_stay_as_they_are(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_the_title_of_a_chart_ends_no_expression() -> None:
    assert chart_title('a\\" + e() + "\x1b\n') == "a\u2216' + e() + '\u2216x1b"


def test_code_holds_anything() -> None:
    assert verbatim("  File x\n\tline\x1b[2J\u202e") == "  File x\n\tline\\x1b[2J\\u202e"
    assert code("a `b` ``c``") == "``` a `b` ``c`` ```"
    assert code("mlops") == "`mlops`"
    assert code("") == ""


@pytest.mark.parametrize("url", ["/etc/passwd", "javascript:e()", "data:text/html,x", "//evil.invalid", ""])
def test_an_address_that_no_browser_should_follow_is_no_answer(url: str) -> None:
    plot = {"name": "p", "title": "t", "url": url}
    with pytest.raises(ValueError, match="must begin with https://"):
        VersionDetail.of({"version": 1, "plots": [plot]})


def test_a_download_has_a_name_of_letters() -> None:
    assert file_name("../a b\u202e.exe") == "a_b_exe"
    assert file_name("california_housing") == "california_housing"
