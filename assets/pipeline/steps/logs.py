"""One JSON object a log line: counts and ids, never the content of rows."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_logger = logging.getLogger("pipeline")
_ids: dict[str, str] = {}


def configure(**ids: str) -> None:
    """Every later line carries `ids`."""
    _ids.clear()
    about(**ids)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter())
    _logger.handlers = [handler]
    _logger.setLevel(logging.INFO)
    _logger.propagate = False


def about(**ids: str) -> None:
    """Every later line carries these, too."""
    _ids.update(ids)


def event(name: str, **fields: object) -> None:
    _logger.info(name, extra={"fields": fields})


def failure(reason: str) -> None:
    _logger.error("failed", extra={"fields": {"reason": reason}})


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", {})
        return json.dumps({"at": at, "level": record.levelname, "event": record.getMessage(), **_ids, **fields})
