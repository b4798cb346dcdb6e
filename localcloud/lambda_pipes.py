"""What comes out of a function's process: its answers, and its log up to the end of each invocation."""

import json
import queue
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import IO, Any

from localcloud import lambda_bootstrap

LogLine = tuple[int, str]

LOG_SECONDS = 2.0


@dataclass
class Pipes:
    """The two readers of a process: its answers, and its log up to each end mark."""

    answers: "queue.Queue[dict[str, Any] | None]" = field(default_factory=queue.Queue)
    log: deque[LogLine] = field(default_factory=deque)
    log_ended: threading.Event = field(default_factory=threading.Event)

    def read(self, child: "subprocess.Popen[bytes]") -> None:
        for target, pipe in ((self._read_answers, child.stdout), (self._read_log, child.stderr)):
            threading.Thread(target=target, args=(pipe,), daemon=True).start()

    def _read_answers(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self.answers.put(json.loads(line))
        self.answers.put(None)

    def _read_log(self, pipe: IO[bytes]) -> None:
        with pipe:
            for raw in pipe:
                line = raw.decode("utf-8", errors="replace").rstrip("\n")
                if line == lambda_bootstrap.END_OF_LOG:
                    self.log_ended.set()
                else:
                    self.log.append((int(time.time() * 1000), line.replace(lambda_bootstrap.LINE_BREAK, "\n")))
        self.log_ended.set()

    def await_log(self) -> None:
        """Wait for the end of what loading the handler logged; the first invocation takes it along."""
        self.log_ended.wait(LOG_SECONDS)
        self.log_ended.clear()

    def take_log(self) -> tuple[LogLine, ...]:
        self.await_log()
        return tuple(self.log.popleft() for _ in range(len(self.log)))
