"""What of MiniStack is used is found, and what another release has otherwise is said by name."""

import logging
import shutil
import threading
from pathlib import Path

import pytest

from localcloud.ministack import baseline, sources
from localcloud.ministack.baseline import Difference, HookError
from localcloud.ministack.replacing import ReplacedError, wrap, wrap_entry
from localcloud.ministack.uses import counts, uses

DISPATCH = "ministack.services.eventbridge._dispatch_event"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of the files of MiniStack that something is used of."""
    installed, root = baseline.installed_root(), tmp_path / "ministack"
    for module in baseline.read().files:
        source = sources.path_of(installed, module)
        assert source is not None
        target = root / source.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    return root


def rewrite(root: Path, module: str, old: str, new: str) -> None:
    path = sources.path_of(root, module)
    assert path is not None
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_baseline_is_of_the_installed_release_and_of_everything_that_is_used():
    known = baseline.read()

    assert known.release == baseline.installed_release()
    assert sorted(known.hooks) == baseline.used_names()
    assert baseline.record(baseline.installed_root(), known.release) == known


def test_nothing_is_said_of_a_copy(release, caplog):
    baseline.warn(release, baseline.read())

    assert not caplog.records


def test_a_changed_body_is_named_with_what_to_do(release, caplog, monkeypatch):
    rewrite(release, "ministack.services.eventbridge", "def _dispatch_event(event, view=None):\n", CHANGED)

    monkeypatch.setattr(baseline, "installed_root", lambda: release)
    monkeypatch.setattr(baseline, "_is_there", lambda root, name: True)  # importing every service starts its threads
    with caplog.at_level(logging.WARNING):
        baseline.check()
        for thread in threading.enumerate():
            if thread.name == baseline.THREAD:
                thread.join(60)

    (record,) = caplog.records
    assert f"1 internals differ from what the local cloud was written against ({DISPATCH}: body)" in record.message
    assert "./dev setup" in record.message


CHANGED = "def _dispatch_event(event, view=None):\n    event = dict(event)\n"


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("def _dispatch_event(event, view=None):", "def _dispatch_event(event, bus, view=None):", "signature"),
        ("def _dispatch_event(event, view=None):", "def _dispatch_events(event, view=None):", "gone"),
    ],
)
def test_other_arguments_and_another_name_are_told_apart(release, old, new, kind):
    rewrite(release, "ministack.services.eventbridge", old, new)

    assert baseline.differences(release, baseline.read()) == [Difference(DISPATCH, kind)]


def test_what_is_gone_stops_the_start_by_name(release, monkeypatch):
    rewrite(release, "ministack.services.eventbridge", "def _dispatch_event(", "def _moved(")
    monkeypatch.setattr(baseline, "installed_root", lambda: release)
    monkeypatch.setattr(baseline, "_is_there", lambda root, name: name != DISPATCH)

    with pytest.raises(HookError, match=r"these internals moved or are gone: ministack\.services\.eventbridge\._disp"):
        baseline.check()


@pytest.mark.parametrize(
    "new",
    [
        "# a comment\ndef _dispatch_event(event, view=None):",
        "def _dispatch_event(  event,   view = None ) :  # form",
        "def _another(): ...\n\n\ndef _dispatch_event(event, view=None):",
    ],
)
def test_comments_form_and_other_functions_are_no_difference(release, new):
    rewrite(release, "ministack.services.eventbridge", "def _dispatch_event(event, view=None):", new)

    assert baseline.differences(release, baseline.read()) == []


def test_a_changed_value_is_a_difference_and_a_longer_table_is_none(release):
    rewrite(release, "ministack.services.scheduler", "_SCHEDULE_TICK_INTERVAL = ", "_SCHEDULE_TICK_INTERVAL = 1 + ")
    rewrite(
        release,
        "ministack.services.cloudformation.provisioners",
        "_RESOURCE_HANDLERS = {",
        "_RESOURCE_HANDLERS = {'A': {},",
    )

    found = baseline.differences(release, baseline.read())

    assert found == [Difference("ministack.services.scheduler._SCHEDULE_TICK_INTERVAL", "body")]


def test_a_name_is_followed_to_where_it_is_defined(release):
    assert baseline.read().hooks["ministack.app.detect_service"].defined_in == "ministack.core.router"
    rewrite(release, "ministack.core.router", "def detect_service(", "def detect_service(first, ")

    assert Difference("ministack.app.detect_service", "signature") in baseline.differences(release, baseline.read())


def test_uses_are_found_however_they_are_written(tmp_path):
    source = tmp_path / "uses.py"
    source.write_text(
        "from ministack.services import s3 as store, sqs\n"
        "from ministack.core.responses import get_region\n"
        "store._a = store._b(sqs._queues._data)\n"
        "wrap(sqs, '_c', None)\n"
        "getattr(store, '_d')\n"
        "other._e = 1\n"
    )

    found = uses([source])

    names = {use.full_name.removeprefix("ministack."): use.rebound for use in found}
    assert names == {
        "core.responses.get_region": False,
        "services.s3._a": True,
        "services.s3._b": False,
        "services.s3._d": False,
        "services.sqs._c": True,
        "services.sqs._queues": False,
        "services.sqs._queues._data": False,
    }
    assert counts(found).private == 6


def test_an_internal_is_replaced_once(monkeypatch):
    monkeypatch.setattr(sources, "path_of", sources.path_of)
    monkeypatch.setattr("localcloud.ministack.replacing._replaced", set())
    wrap(sources, "path_of", lambda known: known)
    table = {"a": 1, "b": 1}
    wrap_entry(table, "a", lambda known: known + 1, of="table")

    with pytest.raises(ReplacedError, match=r"localcloud\.ministack\.sources\.path_of is replaced already"):
        wrap(sources, "path_of", lambda known: known)
    with pytest.raises(ReplacedError, match=r"table\[a\] is replaced already"):
        wrap_entry(table, "a", lambda known: known + 1, of="table")
    assert table == {"a": 2, "b": 1}


def test_an_unknown_internal_cannot_be_recorded(monkeypatch):
    monkeypatch.setattr(baseline, "used_names", lambda: ["ministack.app.moved", "ministack.gone.thing"])

    with pytest.raises(HookError, match=r"does not have ministack\.app\.moved, ministack\.gone\.thing"):
        baseline.record(baseline.installed_root(), "1.0")


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("ministack.core.router.SERVICE_PATTERNS", True),
        ("ministack.core.router.SERVICE_PATTERNS.items", True),
        ("ministack.core.router.moved", False),
        ("ministack.core.gone.thing", False),
    ],
)
def test_whether_an_internal_is_there_is_asked_of_the_module(name, there):
    assert baseline._is_there(baseline.installed_root(), name) is there
