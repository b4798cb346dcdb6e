"""What holds for every function: clients share what botocore reads, and no call goes unseen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import StubResponseError

from tests.unit.service_models import service_models

__all__ = ["service_models"]


@pytest.fixture(autouse=True)
def no_call_goes_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A call that a test does not expect is a BotoCoreError, which a function may take for a failure of AWS."""
    yield
    raised = [record.exc_info[1] for record in caplog.get_records("call") if record.exc_info]
    assert [error for error in raised if isinstance(error, StubResponseError)] == []
