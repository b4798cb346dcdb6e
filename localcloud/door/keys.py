"""The one pair of keys of a local cloud's user: made at its start, known to whoever may read its state folder."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from localcloud.private import write_private

FILE = "credentials.json"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class Keys:
    """An access key and its secret, as AWS shapes them."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Keys(access_key={self.access_key!r})"


def new_keys() -> Keys:
    access_key = "AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return Keys(access_key=access_key, secret_key=secrets.token_urlsafe(30))


def write_keys(state: Path, keys: Keys) -> Path:
    """Leave them in the state folder; the file, which only its owner may read."""
    path = state / FILE
    write_private(path, json.dumps(asdict(keys)))
    return path


def read_keys(path: Path) -> Keys:
    return Keys(**json.loads(path.read_text()))
