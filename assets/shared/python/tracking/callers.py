"""Holders of an API key: who they are, and what the key is for."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

# Ask for predictions, or read runs with their logs, the registry and monitoring. What a model takes may know everybody.
Use = Literal["predict", "read"]
USES: Mapping[Use, str] = {"predict": "predictions", "read": "runs, versions and monitoring"}

# Below it the artifact bucket has a record for each key that was made while the platform runs.
RECORDS = "api-keys/"
# How long a change of a record may take to be seen.
SECONDS = 30.0

log = logging.getLogger("callers")


@dataclass(frozen=True)
class Caller:
    """`models` and `use` are what the key is for, None for everything."""

    name: str
    models: tuple[str, ...] | None = None
    use: Use | None = None

    def refusal(self, model: str | None, use: Use | None) -> str:
        """Why the caller may not do this, "" when it may. None: of no model in particular, of no use in particular."""
        if model is not None and not self.has(model):
            return f"The key {self.name} is not for {model}, but for {', '.join(self.models or ())}."
        if use is not None and self.use not in (None, use):
            return f"The key {self.name} is not for {USES[use]}, but for {USES[self.use]} alone."
        return ""

    def has(self, model: str) -> bool:
        return self.models is None or model in self.models

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Caller:
        """Raises ValueError for what is no record."""
        document = json.loads(text)
        try:
            name, models, use = document["name"], document["models"], document["use"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"no record of a caller: {error!r}") from error
        if use not in (None, *USES) or not (models is None or isinstance(models, list)):
            raise ValueError(f"no record of a caller: use {use!r}, models {models!r}")
        return cls(name=str(name), models=None if models is None else tuple(map(str, models)), use=use)


# Where callers sign with IAM: policies say what each of them may.
SIGNED = Caller("IAM")


def record_of(key_id: str) -> str:
    """Where the artifact bucket keeps it."""
    return f"{RECORDS}{key_id}.json"


def known_callers(text: str) -> dict[str, Caller]:
    """The keys of the deployment itself, which are for everything: from `<id>=<name>,<id>=<name>`."""
    pairs = (item.partition("=") for item in filter(None, text.split(",")))
    return {key_id: Caller(name) for key_id, _, name in pairs}


class Callers:
    """Finds the holder of a key.

    `read` gives the text of a record, None where there is none; it raises `unavailable` when it cannot say.
    """

    def __init__(
        self,
        known: Mapping[str, Caller],
        read: Callable[[str], str | None],
        *,
        unavailable: type[Exception],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known, self._read, self._unavailable, self._clock = known, read, unavailable, clock
        self._found: dict[str, tuple[float, Caller | None]] = {}

    def of(self, key_id: str) -> Caller | None:
        """Raises what `read` raises for a key that was not asked for before."""
        if key_id in self._known:
            return self._known[key_id]
        read_at, found = self._found.get(key_id, (float("-inf"), None))
        now = self._clock()
        if now - read_at > SECONDS:
            try:
                found = self._caller(key_id)
            except self._unavailable:
                if key_id not in self._found:
                    raise
                log.warning("Record not read, the one before is used", exc_info=True, extra={"key_id": key_id})
            self._found[key_id] = now, found
        return found

    def _caller(self, key_id: str) -> Caller | None:
        text = self._read(record_of(key_id))
        try:
            return None if text is None else Caller.from_json(text)
        except ValueError:
            log.exception("Record not understood: the key is for nothing", extra={"key_id": key_id})
            return None
