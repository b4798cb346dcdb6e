"""Log streams of jobs and endpoints, written with the credentials of their role."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import platform
from localcloud.sagemaker.s3io import SESSION

logger = logging.getLogger("localcloud")


@dataclass
class LogStream:
    """A sink of log lines. As on AWS a role that may not write logs does not stop its job: the denial is recorded."""

    group: str
    stream: str
    role_arn: str
    _refused: threading.Event = field(default_factory=threading.Event)

    def __call__(self, lines: Sequence[str]) -> None:
        if self._refused.is_set():
            return
        try:
            platform.put_log(self.group, self.stream, lines, role_arn=self.role_arn, session_name=SESSION)
        except (ClientError, BotoCoreError, platform.AccessDenied) as error:
            self._refused.set()
            logger.warning("no logs in %s: %s", self.group, error)


def tail_text(lines: Sequence[str], limit: int = 700) -> str:
    """The end of a log: its last traceback when that fits, else its last lines."""
    kept = [line for line in lines if line.strip()]
    starts = [i for i, line in enumerate(kept) if line.startswith("Traceback (most recent call last)")]
    if starts and len(text := "\n".join(kept[starts[-1] :])) <= limit:
        return text
    while len(kept) > 1 and len("\n".join(kept)) > limit:
        kept = kept[1:]
    return "\n".join(kept)[-limit:]
