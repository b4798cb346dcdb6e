"""The id of a row: a hash of its feature values, which says on which side of the split the row falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

from contract.model import Contract
from contract.reading import Value

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class RowIdentity:
    """The same for equal values, however a file spells them: 880, 880.0 and 8.8e2 are one."""

    salt: str

    @classmethod
    def under(cls, contract: Contract) -> RowIdentity:
        return cls(contract.split.salt)

    def row_id(self, values: Sequence[Value]) -> str:
        """32 hexadecimal digits. `values`: those of the features, in the contract's order."""
        return md5((self.salt + _SEPARATOR.join(map(spelled, values))).encode(), usedforsecurity=False).hexdigest()


def spelled(value: Value) -> str:
    """The one spelling of a value; "" for a missing one. Adding zero makes 0.0 of -0.0, which equals it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value + 0.0)
