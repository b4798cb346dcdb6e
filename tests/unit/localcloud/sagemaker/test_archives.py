"""Archives of models and sources are unpacked into their folder and nowhere else, on every Python."""

import tarfile
from pathlib import Path

import pytest

from localcloud.sagemaker.archives import ArchiveError, pack, unpack
from tests.unit.hostile_archives import HOSTILE, stays_inside, write


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_are_refused(tmp_path: Path, what: str):
    archive = write(tmp_path / "model.tar.gz", *HOSTILE[what])

    said = stays_inside(unpack, archive, ArchiveError)

    name = HOSTILE[what][0].name
    assert said.startswith(f"model.tar.gz cannot be unpacked: {name} ")


def test_a_link_within_the_archive_becomes_a_copy(tmp_path: Path):
    file, link, hard = tarfile.TarInfo("code/train.py"), tarfile.TarInfo("code/latest"), tarfile.TarInfo("again.py")
    file.mode = 0o6711
    link.type, link.linkname = tarfile.SYMTYPE, "train.py"
    hard.type, hard.linkname = tarfile.LNKTYPE, "code/train.py"
    archive = write(tmp_path / "source.tar.gz", file, link, hard, content=b"print(1)\n")

    unpack(archive, tmp_path / "out")

    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.*")}
    assert sorted(found) == ["again.py", "code/train.py"]
    copied = tmp_path / "out/code/latest"
    assert not copied.is_symlink() and copied.read_bytes() == b"print(1)\n" == found["again.py"].read_bytes()
    assert found["code/train.py"].stat().st_mode & 0o7777 == 0o755


def test_what_was_packed_comes_back(tmp_path: Path):
    (tmp_path / "in/code").mkdir(parents=True)
    (tmp_path / "in/code/a.py").write_text("1")

    pack(tmp_path / "in", tmp_path / "packed.tar.gz")
    unpack(tmp_path / "packed.tar.gz", tmp_path / "out")

    assert (tmp_path / "out/code/a.py").read_text() == "1"


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00" + b"\x00" * 20])
def test_what_is_no_archive_is_said(tmp_path: Path, content: bytes):
    (tmp_path / "model.tar.gz").write_bytes(content)

    with pytest.raises(ArchiveError, match=r"^model\.tar\.gz cannot be unpacked: "):
        unpack(tmp_path / "model.tar.gz", tmp_path / "out")
