"""The internals of MiniStack that the local cloud builds on, checked by name before anything starts."""

import importlib
import importlib.util
from collections.abc import Iterable

MINISTACK_VERSION = "1.5.33"

Hook = tuple[str, str]


class HookError(RuntimeError):
    """MiniStack no longer has something that we replace or call."""


def _exists(hook: Hook) -> bool:
    module, attribute = hook
    if importlib.util.find_spec(module) is None:
        return False
    target: object = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(target, part):
            return False
        target = getattr(target, part)
    return True


def check(hooks: Iterable[Hook]) -> None:
    """Raise HookError naming every (module, attribute) that MiniStack does not have."""
    missing = sorted({f"{module}.{attribute}" for module, attribute in hooks if not _exists((module, attribute))})
    if missing:
        names = ", ".join(missing)
        raise HookError(f"MiniStack {MINISTACK_VERSION} is expected; these internals moved or are gone: {names}")
