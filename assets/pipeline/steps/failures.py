"""How a step fails: with a reason that a person can act on, as the last line of its log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from contract import ContractError, RecipeError
from steps import logs


class StepError(Exception):
    """Why a step cannot go on: what is wrong in which file or column, and what to do."""


def run(step: Callable[[], None], *, failure_file: Path | None = None) -> int:
    """The exit status of the process. SageMaker shows the content of `failure_file` as the job's failure reason."""
    try:
        step()
    except (StepError, ContractError, RecipeError, OSError) as error:
        _record(failure_file, str(error))
        logs.failure(str(error))
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        _record(failure_file, reason)
        logs.failure(reason)
        raise
    return 0


def _record(path: Path | None, reason: str) -> None:
    if path and path.parent.is_dir():
        path.write_text(reason)
