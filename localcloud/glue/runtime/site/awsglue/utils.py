"""A job's arguments, resolved by the rules of AWS Glue."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

BOOKMARKS = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
CONTINUATIONS = ("continuation-enabled", "continuation-readonly", "continuation-ignore")
RANGE = ("job-bookmark-from", "job-bookmark-to")
# Always answered, and refused when a script asks for them: JOB_RUN_ID is in the result without asking.
RESERVED = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type")
FOLDERS = ("RedshiftTempDir", "TempDir")


class GlueArgumentError(Exception):
    """An option that the script requires was not given, or has a value that is not allowed."""


class GlueArgumentParser(argparse.ArgumentParser):
    """Raises instead of leaving the process, so that the error becomes the run's message."""

    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def _refuse_reserved(options: Sequence[str]) -> None:
    for bare in ("continuation-option", "job-bookmark-option"):
        if bare in options:
            raise RuntimeError(f"Using reserved arguments {bare}")
    for name in (*RANGE, *RESERVED):
        if name in options:
            raise RuntimeError(f"Using reserved arguments --{name}")


def _parser(options: Sequence[str]) -> GlueArgumentParser:
    parser = GlueArgumentParser()
    parser.add_argument("--job-bookmark-option", choices=BOOKMARKS)
    parser.add_argument("--continuation-option", choices=CONTINUATIONS)
    parser.add_argument("--encryption-type", choices=("sse-s3",))
    for name in (*RANGE, *RESERVED[:-1], *FOLDERS):
        parser.add_argument(f"--{name}")
    for name in options:
        if name not in FOLDERS:
            parser.add_argument(f"--{name}", required=True)
    return parser


def _settle_bookmark(resolved: dict[str, Any]) -> None:
    old_style = resolved.pop("continuation_option")
    if resolved["job_bookmark_option"] is None:
        index = CONTINUATIONS.index(old_style) if old_style else len(BOOKMARKS) - 1
        resolved["job_bookmark_option"] = BOOKMARKS[index]
    absent = [name for name in RANGE if resolved[name.replace("-", "_")] is None]
    if resolved["job_bookmark_option"] == "job-bookmark-pause":
        if len(absent) == 1:
            raise RuntimeError(f"Missing option or value for --{absent[0]}")
    elif not absent:
        raise RuntimeError("Invalid option(s)" + " ".join(f"--{name}" for name in RANGE))


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:  # noqa: N802 - AWS's name
    """The values of `options`, all of them required, out of `sys.argv`; other arguments are ignored.

    Raises GlueArgumentError when one is missing, RuntimeError when the script asks for a reserved name.
    """
    _refuse_reserved(options)
    known, _ = _parser(options).parse_known_args(args[1:])
    resolved = vars(known)
    folder = resolved["TempDir"] if resolved["TempDir"] is not None else resolved["RedshiftTempDir"]
    resolved.update(TempDir=folder, RedshiftTempDir=folder)
    _settle_bookmark(resolved)
    return resolved
