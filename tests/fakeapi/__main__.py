"""python -m tests.fakeapi [PORT]: the fake API until Ctrl-C, to look at the page by hand."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime

from tests.fakeapi import KEY, serving

with serving(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as api:
    api.now = datetime.now(UTC)
    sys.stdout.write(f"API_URL={api.url} API_KEY={KEY}\n")
    sys.stdout.flush()
    threading.Event().wait()
