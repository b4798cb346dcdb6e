"""A client that asks without pause: it looks what the model takes, and asks for a prediction of that shape."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

import urllib3

from cli.target import Target

# With the two requests of a look and a question: as fast as the usage plan of a key lets a client go.
PAUSE_SECONDS = 0.2
RETRIES = urllib3.Retry(2, status=0, backoff_factor=0.1)


class Form(NamedTuple):
    """What a version takes, and in what unit it answers."""

    features: frozenset[str]
    unit: str


class Asking:
    """Asks from `with` to its end, and keeps count of what it was answered.

    `faults` are answers that nobody could explain to a client: of 5xx, those of a version that takes another shape than
    was sent or that is told to answer in another unit, and refusals although the version that was looked at is the one
    that refuses.
    """

    def __init__(self, target: Target, model: str) -> None:
        self._url = f"{target.api_url}/models/{model}"
        self._headers = {"x-api-key": target.cli_key or "", "content-type": "application/json"}
        self._http = urllib3.PoolManager(retries=RETRIES, timeout=35.0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask_until_the_end, daemon=True)
        self._forms: dict[str, Form] = {}
        self._answered: Counter[tuple[str, Form]] = Counter()
        self._problems: list[str] = []
        self.explained = 0

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        self._end.set()
        self._thread.join(60)

    @property
    def answered(self) -> Counter[str]:
        """Predictions by the version that made them."""
        found: Counter[str] = Counter()
        for (version, _), times in self._answered.items():
            found[version] += times
        return found

    @property
    def faults(self) -> list[str]:
        mixed = [
            f"version {version} answered a record of {sorted(form.features)} in {form.unit or 'no unit'}"
            for version, form in self._answered
            if self._forms.get(version, form) != form
        ]
        return [*self._problems, *mixed]

    def words(self) -> str:
        by_version = ", ".join(f"{times} by version {version}" for version, times in sorted(self.answered.items()))
        return (
            f"{self.answered.total()} predictions ({by_version}); {self.explained} refusals because the version "
            f"changed between look and request; {len(self.faults)} faults"
        )

    def _ask_until_the_end(self) -> None:
        try:
            while not self._end.wait(PAUSE_SECONDS):
                self._ask()
        except Exception as error:
            self._problems.append(f"the client failed: {error!r}")
            raise

    def _ask(self) -> None:
        status, told = self._call("GET", self._url)
        if status != 200:
            self._problems.append(f"GET answers {status}: {told}")
            return
        looked, record = str(told["live"]["version"]), told["example"]
        self._forms[looked] = Form(frozenset(record), told["target"]["unit"])
        status, answer = self._call("POST", f"{self._url}/predictions", {"instances": [record]})
        if status == 200:
            unit = answer["predictions"][0].get("unit", "")
            self._answered[answer["model_version"], Form(frozenset(record), unit)] += 1
        elif status == 400 and answer.get("model_version") not in (None, looked) and answer.get("errors"):
            self.explained += 1
        else:
            self._problems.append(f"version {looked} was looked at, and POST answers {status}: {answer}")

    def _call(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, url, body=content, headers=self._headers)
        while answer.status == 429 and not self._end.wait(PAUSE_SECONDS):
            answer = self._http.request(method, url, body=content, headers=self._headers)
        return answer.status, json.loads(answer.data)
