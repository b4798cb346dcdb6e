"""tar.gz files: the same folder always gives the same bytes, and nothing is unpacked outside its folder."""

import gzip
import shutil
import stat
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO


class ArchiveError(Exception):
    """A file that is no tar.gz, or one that would write outside its folder."""


def pack(folder: Path, target: Path) -> None:
    """All files below a folder, sorted, without times and owners."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            archive.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 0
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def unpack(archive: Path, folder: Path) -> None:
    """Files and folders; a link becomes a copy of the file of the archive that it names. Raises ArchiveError.

    By hand, as the filters of `tarfile` came with Python 3.11.4, and their own holes were mended later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, mode="r:gz") as packed:
            for member in packed.getmembers():
                _extract(packed, member, folder)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{archive.name} cannot be unpacked: {error}") from error


def _extract(packed: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise tarfile.ExtractError(f"{member.name} lies outside the archive's folder")
    target = folder / path
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = _content(packed, member)
    if content is None:
        raise tarfile.ExtractError(f"{member.name} is neither a file, a folder nor a link to a file of the archive")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)
    if member.mode & stat.S_IXUSR:
        target.chmod(0o755)


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    """None for what has none: devices, pipes, and links to folders, out of the archive, or around in a circle."""
    try:
        return packed.extractfile(member)
    except (KeyError, RecursionError):
        return None
