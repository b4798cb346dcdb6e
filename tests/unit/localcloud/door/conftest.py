"""One local cloud for the attacks of this folder, with something in it that is worth one."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from localcloud.host import LocalCloud

BUCKET, KEY, CONTENT = "treasure", "a/secret", b"of the house"


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    """In a folder that everybody may enter: pytest's own are closed already."""
    with TemporaryDirectory(prefix="door-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "state"


@pytest.fixture(scope="session")
def cloud(state: Path) -> Iterator[LocalCloud]:
    with LocalCloud(state_dir=state) as started:
        started.client("s3").create_bucket(Bucket=BUCKET)
        started.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
        yield started
