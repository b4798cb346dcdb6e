"""A trained model's archive is unpacked into its folder and nowhere else, with the filters of `tarfile` and without."""

import stat
import tarfile
from pathlib import Path

import pytest

from steps.archives import unpack
from tests.unit.hostile_archives import HOSTILE, stays_inside, write


@pytest.fixture(params=["as it is", "older than 3.11.4"], autouse=True)
def python(request, monkeypatch):
    if request.param == "older than 3.11.4":
        for name in ("data_filter", "tar_filter", "fully_trusted_filter", "FilterError"):
            monkeypatch.delattr(tarfile, name, raising=False)
        unfiltered = tarfile.TarFile.extractall
        monkeypatch.setattr(
            tarfile.TarFile,
            "extractall",
            lambda self, path=".", members=None, *, numeric_owner=False: unfiltered(self, path, members),
        )


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_are_refused(tmp_path: Path, what: str):
    archive = write(tmp_path / "model.tar.gz", *HOSTILE[what])

    said = stays_inside(unpack, archive, tarfile.TarError)

    name = HOSTILE[what][0].name
    assert said in (f"{name} lies outside the archive's folder", f"{name} is neither a file nor a folder")


def test_what_the_archive_holds_arrives_without_its_modes(tmp_path: Path):
    folder = tarfile.TarInfo("code")
    folder.type, folder.mode = tarfile.DIRTYPE, 0o000
    file = tarfile.TarInfo("./code/deeper/inference.py")
    file.mode, file.uid, file.uname = 0o6777, 12345, "somebody"
    archive = write(tmp_path / "model.tar.gz", folder, file, content=b"import os\n")

    unpack(archive, tmp_path / "out")

    unpacked = tmp_path / "out/code/deeper/inference.py"
    assert unpacked.read_bytes() == b"import os\n"
    assert unpacked.stat().st_uid == (tmp_path / "out").stat().st_uid
    assert unpacked.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR | stat.S_IWOTH) == 0
