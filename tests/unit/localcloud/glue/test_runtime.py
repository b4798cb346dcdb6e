"""What a job's process sees: its arguments, its engine, and how its end is reported."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.glue.runtime import BOOTSTRAP


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BOOTSTRAP.parent / "site"))
    from awsglue.utils import getResolvedOptions

    return lambda line, *options: getResolvedOptions(["script.py", *line.split()], list(options))


def test_required_options_are_taken_and_others_are_ignored(resolve):
    options = resolve(
        "--JOB_NAME etl --JOB_RUN_ID jr_1 --bucket data --extra-py-files s3://b/x.zip", "JOB_NAME", "bucket"
    )

    assert (options["JOB_NAME"], options["bucket"], options["JOB_RUN_ID"]) == ("etl", "data", "jr_1")
    assert options["job_bookmark_option"] == "job-bookmark-disable"
    assert "extra_py_files" not in options


def test_a_missing_option_is_an_argument_error(resolve):
    from awsglue.utils import GlueArgumentError

    with pytest.raises(GlueArgumentError, match="the following arguments are required: --bucket"):
        resolve("--JOB_NAME etl", "JOB_NAME", "bucket")


def test_reserved_options_cannot_be_asked_for(resolve):
    with pytest.raises(RuntimeError, match="Using reserved arguments --JOB_RUN_ID"):
        resolve("--JOB_RUN_ID jr_1", "JOB_RUN_ID")


def test_the_temporary_folder_has_two_names(resolve):
    assert resolve("--TempDir s3://b/t")["RedshiftTempDir"] == "s3://b/t"


def run(tmp_path: Path, source: str, *, command: str = "pythonshell") -> tuple[subprocess.CompletedProcess, str]:
    script, report = tmp_path / "script.py", tmp_path / "error.json"
    script.write_text(source)
    environment = {"LOCALCLOUD_GLUE_COMMAND": command, "LOCALCLOUD_GLUE_REPORT": str(report)}
    argv = [sys.executable, "-P", BOOTSTRAP, script, "--key", "value"]
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    return done, json.loads(report.read_text())["error"] if report.exists() else ""


def test_the_script_is_main_with_its_own_arguments(tmp_path):
    done, error = run(tmp_path, "import sys\nprint(__name__, sys.argv[1:])\n")

    assert (done.returncode, error, done.stdout) == (0, "", "__main__ ['--key', 'value']\n")


@pytest.mark.parametrize(("status", "expected"), [("", 0), ("0", 0), ("3", 1), ("'no data'", 1)])
def test_leaving_with_a_status_fails_unless_it_is_zero(tmp_path, status, expected):
    done, error = run(tmp_path, f"import sys\nsys.exit({status})\n")

    assert done.returncode == expected
    assert error == ("" if expected == 0 else f"SystemExit: {status.strip(chr(39))}")


def test_an_exception_is_reported_with_the_frames_of_the_script_only(tmp_path):
    done, error = run(tmp_path, "def f():\n    raise KeyError('column')\nf()\n")

    assert done.returncode == 1
    assert error == "KeyError: 'column'"
    assert done.stderr.count("File ") == 2
    assert "runpy" not in done.stderr


def test_glue_boilerplate_runs_on_the_local_engine(tmp_path):
    source = """
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job

context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init("etl", {})
spark = context.spark_session
print(type(spark).__module__, spark.sql("select 40 + 2 as n").collect()[0]["n"])
print(spark.sql("select current_setting('autoload_known_extensions') as s").collect()[0]["s"])
job.commit()
"""
    done, error = run(tmp_path, source, command="glueetl")

    assert (error, done.stdout) == ("", "sqlframe.duckdb.session 42\nFalse\n")


def test_what_the_local_engine_lacks_fails_by_name(tmp_path):
    _, error = run(tmp_path, "from pyspark.ml import Pipeline\n", command="glueetl")
    assert error == "ModuleNotFoundError: No module named 'pyspark.ml'"

    _, error = run(tmp_path, "from pyspark import SparkConf\n", command="glueetl")
    assert error == "ImportError: cannot import name 'SparkConf' from 'pyspark' (unknown location)"


def test_the_engine_uses_every_processor_where_the_system_names_none(monkeypatch: pytest.MonkeyPatch):
    bootstrap = runpy.run_path(str(BOOTSTRAP))

    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS

    assert bootstrap["_threads"]() == os.cpu_count()
