"""The id of a row: a hash of its feature values, which says on which side of the split the row falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

from contract.model import Contract

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class RowIdentity:
    """`numbers` tells for each feature whether it is a number."""

    salt: str
    numbers: tuple[bool, ...]

    @classmethod
    def under(cls, contract: Contract) -> RowIdentity:
        return cls(contract.split.salt, tuple(feature.type == "number" for feature in contract.features))

    def row_id(self, texts: Sequence[str]) -> str:
        """32 hexadecimal digits, the same for 880, 880.0 and 8.8e2; "" where a number cannot be read.

        `texts`: the trimmed text of each feature, in the contract's order.
        """
        try:
            values = [
                # Adding zero makes 0.0 of -0.0, which equals it.
                repr(float(text) + 0.0) if number and text else text
                for text, number in zip(texts, self.numbers, strict=True)
            ]
        except ValueError:
            return ""
        return md5((self.salt + _SEPARATOR.join(values)).encode(), usedforsecurity=False).hexdigest()
