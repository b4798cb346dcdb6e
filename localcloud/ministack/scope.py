"""The account and the region that a request, or work of our own, belongs to, and answers in the JSON protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ministack.core import responses as _responses

Response = tuple[int, dict[str, str], bytes]


def current_account() -> str:
    """The account of the current request."""
    return str(_responses.get_account_id())


def current_region() -> str:
    """The region of the current request."""
    return str(_responses.get_region())


@contextmanager
def acting_in(account: str, region: str) -> Iterator[None]:
    """Within the block everything that is looked up or made is of this account and region."""
    with _responses.request_scope(account, region):
        yield


def scopes(store: Any) -> set[tuple[str, str]]:
    """The accounts and regions that have something in one of MiniStack's stores."""
    return {key[:2] for key in store._data}


def json_error(code: str, message: str, status: int = 400) -> Response:
    """A refusal in the JSON protocol."""
    found: Response = _responses.error_response_json(code, message, status)
    return found


def json_answer(data: Any, status: int = 200) -> Response:
    found: Response = _responses.json_response(data, status)
    return found
