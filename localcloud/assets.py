"""Uploading the assets of an assembly: zipped the same way every time, several at once, none twice."""

import io
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.assembly import Asset

UPLOADS_AT_ONCE = 4
# Zip files hold no time before this one; a fixed time keeps the bytes the same.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def upload(assets: Iterable[Asset], s3: Any, *, region: str) -> int:
    """Upload what is not there yet, creating the buckets; the number of uploaded files."""
    wanted = {(asset.bucket, asset.key): asset for asset in assets}
    present: set[tuple[str, str]] = set()
    for bucket in {bucket for bucket, _ in wanted}:
        _create_bucket(s3, bucket, region)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        present |= {(bucket, item["Key"]) for page in pages for item in page.get("Contents", [])}
    missing = [asset for place, asset in wanted.items() if place not in present]
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda asset: _upload(s3, asset), missing))
    return len(missing)


def _create_bucket(s3: Any, bucket: str, region: str) -> None:
    options = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **options)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def _upload(s3: Any, asset: Asset) -> None:
    body = zip_folder(asset.source) if asset.zipped else asset.source.read_bytes()
    s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=body)


def zip_folder(folder: Path) -> bytes:
    """A zip whose bytes depend on names, contents and modes only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), ZIP_TIME)
            entry.external_attr = (file.stat().st_mode & 0xFFFF) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()
