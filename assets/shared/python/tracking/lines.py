"""Log lines of functions, each with the ids of what it is about: so `mlops logs` finds all that a run left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NONE: Mapping[str, str] = {}
_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=_NONE)


class _WithIds(logging.Filter):
    """Lambda's formatter writes every attribute of a record that is not logging's own."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _ids.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def logger(name: str) -> logging.Logger:
    """The one of a function: what it logs carries the ids that `about` gave."""
    found = logging.getLogger(name)
    found.setLevel(logging.INFO)
    if not found.filters:
        found.addFilter(_WithIds())
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return found


def about(**ids: str) -> None:
    """From here on lines carry these ids and no others. An empty one is not known."""
    _ids.set({name: value for name, value in ids.items() if value})


def invocation(log: logging.Logger) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Of a handler: it starts with no ids, and an exception that leaves it is logged with those it had by then.

    Lambda logs the exception too, with its traceback, and knows no ids.
    """

    def decorate(handler: Callable[P, T]) -> Callable[P, T]:
        @wraps(handler)
        def invoke(*args: P.args, **named: P.kwargs) -> T:
            about()
            try:
                return handler(*args, **named)
            except Exception as error:
                if _ids.get():
                    log.error("Failed", extra={"error": f"{type(error).__name__}: {error}"})
                raise

        return invoke

    return decorate
