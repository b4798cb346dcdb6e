"""The REST API's own description: an OpenAPI document and a page, which follow from the contracts alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from contract import Contract
from description import openapi, page


@dataclass(frozen=True)
class Document:
    """What is answered below `path`: the same for everybody, so that no function has to."""

    path: str
    content: bytes
    headers: Mapping[str, str]


def documents(contracts: Mapping[str, Contract], *, key_header: bool) -> tuple[Document, Document]:
    """`key_header`: callers send an API key; otherwise they sign with AWS Signature Version 4."""
    described = openapi.document(contracts, key_header=key_header)
    return (
        Document("openapi.json", json.dumps(described).encode(), {"Content-Type": "application/json"}),
        Document("docs", page.of(described).encode(), page.HEADERS),
    )
