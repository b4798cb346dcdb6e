"""Wrong arguments: typer's messages, which quote what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from cli.terminal import plain_lines


@contextmanager
def _shown() -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        error.message = plain_lines(error.message)
        raise


class Group(TyperGroup):
    """Every verb is run by it, so that every message about arguments passes here."""

    def make_context(self, *args: Any, **options: Any) -> typer.Context:
        with _shown():
            return super().make_context(*args, **options)  # type: ignore[return-value]

    def invoke(self, ctx: Any) -> Any:
        with _shown():
            return super().invoke(ctx)
