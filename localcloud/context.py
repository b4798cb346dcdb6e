"""Where we are: account, region, endpoint, state folder, and threads that remember them."""

import contextvars
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.ministack import scope


def account() -> str:
    """The account of the current request."""
    return scope.current_account()


def region() -> str:
    """The region of the current request."""
    return scope.current_region()


def endpoint() -> str:
    """The URL at which this local cloud answers."""
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"


def state_dir() -> Path:
    """The folder that holds everything a run leaves behind."""
    return Path(os.environ["LOCALCLOUD_STATE"])


def arn(service: str, resource: str) -> str:
    """The ARN of a regional resource of the current account."""
    return f"arn:aws:{service}:{region()}:{account()}:{resource}"


def spawn(fn: Callable[..., Any], *args: Any) -> threading.Thread:
    """Run `fn` in a daemon thread that keeps account and region."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(fn, *args), daemon=True)
    thread.start()
    return thread
