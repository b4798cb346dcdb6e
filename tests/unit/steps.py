"""Counts what a piece of work does, so that a test can hold how its cost grows without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sized
from types import FrameType
from typing import Any

# Methods of builtins that do not look at all of what they are called on.
CONSTANT = frozenset({"append", "pop", "get", "add", "group", "start", "end"})


def steps(work: Callable[[], object]) -> int:
    """Lines that ran, and for each call of a method of a text, of bytes, a list or a tuple as many as it is long."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    def profile(_frame: FrameType, event: str, function: Any) -> None:
        nonlocal count
        if event == "c_call":
            owner = getattr(function, "__self__", None)
            whole = isinstance(owner, str | bytes | list | tuple) and function.__name__ not in CONSTANT
            count += len(owner) if whole and isinstance(owner, Sized) else 1

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return count


def grows_linearly(work: Callable[[int], Callable[[], object]], size: int) -> bool:
    """Whether four times the size costs at most four times the steps. `work(n)` prepares what is counted."""
    for warm in (size, 4 * size):  # what is imported or cached at the first call is no cost of the second
        work(warm)()
    return steps(work(4 * size)) <= 4.2 * steps(work(size)) + 500
