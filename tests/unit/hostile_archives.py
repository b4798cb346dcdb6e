"""Archives that nobody should unpack, and what is wrong with each."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, mode
    return member


HOSTILE: Mapping[str, tuple[tarfile.TarInfo, ...]] = {
    "an absolute name": (_member("/tmp/escaped"),),
    "a name that climbs": (_member("../escaped"),),
    "a name that climbs later": (_member("code/../../escaped"),),
    "a folder outside": (_member("../escaped", tarfile.DIRTYPE),),
    "a link to a file outside": (_member("passwd", tarfile.SYMTYPE, "/etc/passwd"),),
    "a link that climbs": (_member("passwd", tarfile.SYMTYPE, "../../../../../../etc/passwd"),),
    "a hard link to a file outside": (_member("passwd", tarfile.LNKTYPE, "/etc/passwd"),),
    "a file through a link": (_member("out", tarfile.SYMTYPE, ".."), _member("out/escaped")),
    "a file in place of a link": (_member("out", tarfile.SYMTYPE, "../escaped"), _member("out")),
    "links in a circle": (_member("one", tarfile.SYMTYPE, "two"), _member("two", tarfile.SYMTYPE, "one")),
    "a link to itself": (_member("one", tarfile.SYMTYPE, "one"),),
    "a device": (_member("null", tarfile.CHRTYPE),),
    "a disk": (_member("disk", tarfile.BLKTYPE),),
    "a pipe": (_member("pipe", tarfile.FIFOTYPE),),
}


def write(archive: Path, *members: tarfile.TarInfo, content: bytes = b"text") -> Path:
    """A tar.gz with these members; every file holds `content`."""
    with tarfile.open(archive, "w:gz") as packed:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            packed.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return archive


def stays_inside(unpack: Callable[[Path, Path], None], archive: Path, error: type[Exception]) -> str:
    """Unpack into a folder below the archive's; what was refused. Nothing may appear beside the folder."""
    folder = archive.parent / "deep" / "folder"
    folder.mkdir(parents=True)
    before = sorted(archive.parent.rglob("*"))
    said = ""
    try:
        unpack(archive, folder)
    except error as refused:
        said = str(refused)
    outside = [path for path in archive.parent.rglob("*") if folder not in path.parents and path not in before]
    assert outside == []
    assert [path for path in folder.rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())] == []
    return said
