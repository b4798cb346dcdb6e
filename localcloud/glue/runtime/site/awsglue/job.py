"""Job bookkeeping: bookmarks are not kept locally, so init and commit only keep their order."""

from collections.abc import Mapping
from typing import Any


class Job:
    """`job.init(...)`, the work, `job.commit()`."""

    def __init__(self, glue_context: Any) -> None:
        self._context = glue_context
        self._initialized = False

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        self._initialized = True

    def isInitialized(self) -> bool:  # noqa: N802 - AWS's name
        return self._initialized

    def commit(self) -> None:
        if not self._initialized:
            raise RuntimeError("Job.commit() was called before Job.init()")
