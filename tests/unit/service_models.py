"""Reads AWS's descriptions of its services once, for folders whose tests make many clients: SageMaker's takes 0.1 s."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.loaders import create_loader

LOADER = create_loader()


@pytest.fixture(scope="module", autouse=True)
def service_models() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _: LOADER)
        yield
