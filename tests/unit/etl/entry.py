"""Runs main() of the Glue script on DuckDB against moto, and prints what came of each file as JSON.

python entry.py CONTRACT_JSON CSV...: a file becomes an old version of an object whose latest version is rubbish.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from worker import BUNDLE, duckdb_session  # type: ignore[import-not-found]  # beside this script

ARGUMENTS = ["script", "--JOB_NAME", "j", "--extra-py-files", "s3://a/b.zip", "--processed_bucket", "processed"]


def resolved_options(argv: list[str], names: list[str]) -> dict[str, str]:
    return {name: argv[argv.index(f"--{name}") + 1] for name in names}


def prepared(body: bytes, model: str) -> list[str]:
    """Buckets, an upload and a workflow run. Returns the arguments of the job."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    for bucket in ("raw", "processed"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    upload = s3.put_object(Bucket="raw", Key=f"{model}/f.csv", Body=body)
    s3.put_object(Bucket="raw", Key=f"{model}/f.csv", Body=b"\x00 a later version")
    properties = {
        "model": model,
        "bucket": "raw",
        "key": f"{model}/f.csv",
        "version": upload["VersionId"],
        "etag": upload["ETag"].strip('"'),
        "size": str(len(body)),
        "run_id": "r1",
        "uploaded_at": "2026-01-01T00:00:00Z",
    }
    glue.create_workflow(Name="w")
    run_id = glue.start_workflow_run(Name="w", RunProperties=properties)["RunId"]
    return [*ARGUMENTS, "--WORKFLOW_NAME", "w", "--WORKFLOW_RUN_ID", run_id]


def outcome(pre_processing: Any, body: bytes, model: str) -> dict[str, Any]:
    """What a run of main() leaves: error, keys, documents and log lines."""
    error = None
    with mock_aws(), contextlib.redirect_stdout(io.StringIO()) as logs:
        arguments = prepared(body, model)
        try:
            pre_processing.main(arguments)
        except pre_processing.Refused as refusal:
            error = f"{type(refusal).__name__}: {refusal}"
        s3 = boto3.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="processed")["Contents"]]
        documents = {
            key.rsplit("/", 1)[-1]: json.loads(s3.get_object(Bucket="processed", Key=key)["Body"].read())
            for key in keys
            if key.endswith(("manifest.json", "refused.json"))
        }
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    return {"error": error, "keys": keys, "documents": documents, "logs": lines}


def main() -> None:
    sys.path[:0] = map(str, BUNDLE)
    utils = types.ModuleType("awsglue.utils")
    utils.getResolvedOptions = resolved_options  # type: ignore[attr-defined]
    sys.modules |= {"awsglue": types.ModuleType("awsglue"), "awsglue.utils": utils}
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    duckdb_session()
    import pre_processing
    from contract import contract_of

    contract = contract_of(json.loads(sys.argv[1]))
    vars(pre_processing)["bundled"] = lambda: {contract.name: contract}
    print(json.dumps([outcome(pre_processing, Path(path).read_bytes(), contract.name) for path in sys.argv[2:]]))


if __name__ == "__main__":
    main()
