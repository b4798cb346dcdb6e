"""The id of a run: who uploads a file, who starts its run and who looks for it afterwards must name the same one."""

from __future__ import annotations

import hashlib

_LENGTH = 16


def run_id_of(*, model: str, content: str, size: int, contract_hash: str, code_hash: str) -> str:
    """Same bytes, same contract and same code: same run, however and however often the file is uploaded.

    `content` is the MD5 of the bytes (`tracking.content`), `size` their number. 16 hexadecimal digits.
    """
    parts = (model, content, str(size), contract_hash, code_hash)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_LENGTH]
