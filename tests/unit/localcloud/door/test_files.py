"""What another user of the machine can read of a local cloud: nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from localcloud.host import LocalCloud
from localcloud.private import private_folder, write_private
from tests.unit.localcloud.door.conftest import BUCKET, CONTENT, KEY

NOBODY = 65534


def test_nobody_else_has_a_right_on_anything_in_the_state_folder(cloud: LocalCloud, state: Path) -> None:
    assert cloud.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CONTENT
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in state.rglob("*")}
    assert {path.name for path in found} >= {"credentials.json", "localcloud.log"}
    assert stat.S_IMODE((state / "credentials.json").stat().st_mode) == 0o600
    assert {str(path): oct(mode) for path, mode in found.items() if mode & 0o077} == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_nothing(cloud: LocalCloud, state: Path) -> None:
    command = ["find", str(state), "-type", "f", "-exec", "head", "--bytes=1", "{}", ";"]
    mine = subprocess.run(command, capture_output=True, check=True)
    theirs = subprocess.run(command, capture_output=True, check=False, user=NOBODY, group=NOBODY)
    assert mine.stdout
    assert (theirs.stdout, b"Permission denied" in theirs.stderr) == (b"", True)


def test_the_keys_are_on_no_command_line_and_in_no_log(cloud: LocalCloud, state: Path) -> None:
    secret = cloud.keys.secret_key
    assert secret not in (state / "localcloud.log").read_text()
    assert secret not in repr(cloud.keys)
    listed = subprocess.run(["ps", "-e", "-ww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert str(state) in listed
    assert secret not in listed


def test_each_start_has_keys_of_its_own(cloud: LocalCloud, tmp_path: Path) -> None:
    with LocalCloud(state_dir=tmp_path / "other") as other:
        assert other.keys != cloud.keys
        assert json.loads((tmp_path / "other" / "credentials.json").read_text())["access_key"] == other.keys.access_key


def test_a_file_is_private_and_replaced_in_one_step(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path / "a" / "private")
        write_private(folder / "file", "one")
        write_private(folder / "file", "two")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600
    assert ((folder / "file").read_text(), len(list(folder.iterdir()))) == ("two", 1)


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write_private(tmp_path / "file", "secret")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
