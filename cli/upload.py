"""Putting a data file where the platform picks it up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CliError
from cli.target import Target
from cli.terminal import plain
from tracking import identity


@dataclass(frozen=True)
class Upload:
    """One object version in the raw bucket, and the id of the run that it starts."""

    model: str
    bucket: str
    key: str
    version: str
    run_id: str


def upload(target: Target, *, model: str, file: Path, on_bytes: Callable[[int], None] | None = None) -> Upload:
    """Copy the file to the raw bucket under the model's prefix. Raises CliError when there is nothing to copy."""
    check_file(file)
    target.check_model(model)
    s3, bucket, key = target.client("s3"), target.output("RawBucketName"), f"{model}/{file.name}"
    s3.upload_file(str(file), bucket, key, Callback=on_bytes)
    head = s3.head_object(Bucket=bucket, Key=key)
    run_id = run_id_of(target, model=model, content=content_of(file), size=head["ContentLength"])
    return Upload(model=model, bucket=bucket, key=key, version=head["VersionId"], run_id=run_id)


def check_file(file: Path) -> None:
    """Raises CliError for what is no file, and for a name that no key of S3 should have."""
    if not file.is_file():
        raise CliError(f"{file} is a folder." if file.is_dir() else f"There is no file {file}.", "Name a CSV file.")
    if plain(file.name) != file.name or "\t" in file.name:
        raise CliError(f"The name of {file} holds characters that cannot be seen.", "Rename the file.")


def content_of(file: Path) -> str:
    """MD5 of the bytes: what S3 has as ETag of a file that is sent in one part."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def run_id_of(target: Target, *, model: str, content: str, size: int) -> str:
    """The id that start_etl gives a file of this size under the contract and the code that are deployed."""
    contract_hash = json.loads(target.output("ContractHashes"))[model]
    code_hash = target.output("EtlCodeHash")
    return identity.run_id_of(model=model, content=content, size=size, contract_hash=contract_hash, code_hash=code_hash)
