"""The one exception that a command turns into a message and a non-zero exit."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class CliError(Exception):
    """What went wrong in a sentence, what to do about it, and the last log lines of what failed."""

    message: str
    hint: str = ""
    log: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
