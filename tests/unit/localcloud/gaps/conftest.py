"""One local cloud for all tests of this folder."""

from collections.abc import Iterator

import pytest

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import new_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with new_cloud(tmp_path_factory.mktemp("gaps")) as started:
        yield started
