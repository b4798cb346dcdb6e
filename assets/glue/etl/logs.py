"""One JSON object a log line: counts and ids, never the content of rows."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_logger = logging.getLogger("etl")


def configure(**ids: str) -> None:
    """Every later line carries `ids`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter(ids))
    _logger.handlers = [handler]
    _logger.setLevel(logging.INFO)
    _logger.propagate = False


def event(name: str, **fields: object) -> None:
    _logger.info(name, extra={"fields": fields})


class _JsonFormatter(logging.Formatter):
    def __init__(self, ids: dict[str, str]) -> None:
        super().__init__()
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", {})
        return json.dumps({"at": at, "level": record.levelname, "event": record.getMessage(), **self._ids, **fields})
