"""Processing, training and transform jobs: what goes in, what comes out, and how they fail."""

import json
import tarfile
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.sagemaker.support import (
    BUCKET,
    IMAGE,
    JOB_POLICY,
    ROLES,
    archive,
    create_role,
    processing,
    training,
    until,
)

COPY = """
import os, pathlib, sys
ml = pathlib.Path(os.environ["ML"])
target = ml / "processing/out"; target.mkdir(parents=True)
source = ml / "processing/in"
files = sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())
(target / "listing.txt").write_text(",".join(files))
(target / "where.txt").write_text(os.getcwd())
(target / "path.txt").write_text(chr(10).join(sys.path))
print("copied", len(files))
"""


def ended(client: Any, kind: str, name: str) -> dict[str, Any]:
    describe = getattr(client, f"describe_{kind.lower()}_job")
    done = ("Completed", "Failed", "Stopped")
    return until(lambda: (found := describe(**{f"{kind}JobName": name}))[f"{kind}JobStatus"] in done and found)


def run(client: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    client.create_processing_job(ProcessingJobName=name, **arguments)
    return ended(client, "Processing", name)


def text(s3: Any, key: str) -> str:
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("processing", "Could not find requested job with name: none"),
        ("transform", "Could not find requested job with name: none"),
        ("training", "Requested resource not found."),
    ],
)
def test_a_job_that_is_not_there_is_a_validation_exception(sagemaker: Any, kind: str, message: str) -> None:
    describe = getattr(sagemaker, f"describe_{kind}_job")
    with pytest.raises(ClientError) as caught:
        describe(**{f"{kind.title()}JobName": "none"})
    assert caught.value.response["Error"] == {"Code": "ValidationException", "Message": message}


@pytest.fixture(scope="module")
def copies(sagemaker: Any, s3: Any) -> dict[str, Any]:
    """A job that lists its input."""
    for key in ("in/a.csv", "in/deep/b.csv", "in/", "inside.csv"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    inputs, outputs = {"in": f"s3://{BUCKET}/in/"}, {"out": f"s3://{BUCKET}/copied"}
    return run(sagemaker, "copies", processing(s3, COPY, inputs=inputs, outputs=outputs))


def test_a_processing_job_gets_its_inputs_and_leaves_its_outputs(copies: dict[str, Any], s3: Any, cloud: Any) -> None:
    job = copies
    assert job["ProcessingJobStatus"] == "Completed", job
    assert text(s3, "copied/listing.txt") == "a.csv,deep/b.csv"
    assert text(s3, "copied/where.txt") == str(cloud.state_dir / "sagemaker" / "processing-job" / "copies")
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"] >= job["CreationTime"]


@pytest.mark.usefixtures("copies")
def test_nothing_of_the_project_is_on_a_jobs_path(s3: Any, pytestconfig: pytest.Config) -> None:
    root = str(pytestconfig.rootpath)
    found = [entry for entry in text(s3, "copied/path.txt").splitlines() if entry.startswith(root)]
    assert [entry for entry in found if "/.venv/" not in entry and "/sagemaker/container_site" not in entry] == []


@pytest.mark.usefixtures("copies")
def test_logs_lie_where_sagemaker_puts_them(cloud: Any) -> None:
    logs = cloud.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="copies/")
    stream = streams["logStreams"][0]["logStreamName"]
    assert stream.startswith("copies/algo-1-")
    events = logs.get_log_events(logGroupName="/aws/sagemaker/ProcessingJobs", logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["copied 2"]


def test_a_prefix_that_is_a_key_copies_one_object(sagemaker: Any, s3: Any) -> None:
    for key in ("one/model.tar.gz", "one/model.tar.gz.sha"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    arguments = processing(
        s3, COPY, inputs={"in": f"s3://{BUCKET}/one/model.tar.gz"}, outputs={"out": f"s3://{BUCKET}/one-copied"}
    )
    assert run(sagemaker, "one-object", arguments)["ProcessingJobStatus"] == "Completed"
    assert text(s3, "one-copied/listing.txt") == "model.tar.gz"


def test_an_input_without_objects_names_its_uri(sagemaker: Any, s3: Any) -> None:
    job = run(sagemaker, "no-input", processing(s3, "pass", inputs={"in": f"s3://{BUCKET}/nothing/here"}))
    assert job["ProcessingJobStatus"] == "Failed"
    assert f's3://{BUCKET}/nothing/here"' in job["FailureReason"]
    assert job["FailureReason"].startswith("ClientError:")


def test_an_output_folder_that_was_not_written_fails_the_job(sagemaker: Any, s3: Any) -> None:
    job = run(sagemaker, "no-output", processing(s3, "pass", outputs={"out": f"s3://{BUCKET}/x"}))
    assert job["FailureReason"] == "ClientError: processing output out: the job wrote no folder /opt/ml/processing/out"


def test_a_failing_script_shows_its_traceback(sagemaker: Any, s3: Any) -> None:
    job = run(sagemaker, "broken", processing(s3, "raise ValueError('column age is missing')"))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExitMessage: Traceback")
    assert job["FailureReason"].endswith("ValueError: column age is missing, exit code: 1")


def test_the_exit_message_is_what_the_container_wrote(sagemaker: Any, s3: Any) -> None:
    script = (
        "import os, pathlib, sys; f = pathlib.Path(os.environ['ML'], 'output/message'); f.parent.mkdir();"
        "f.write_text('no rows left'); sys.exit(3)"
    )
    job = run(sagemaker, "message", processing(s3, script))
    assert job["ExitMessage"] == "no rows left"
    assert job["FailureReason"] == "AlgorithmError: ExitMessage: no rows left, exit code: 3"


def test_environment_and_arguments_are_rewritten(sagemaker: Any, s3: Any) -> None:
    script = (
        "import os, pathlib, sys, json; p = pathlib.Path(os.environ['ML'], 'processing/out'); p.mkdir(parents=True);"
        "(p / 'env.json').write_text(json.dumps([sys.argv[1:], os.environ['DATA'], os.environ['URI'], "
        "'AWS_SESSION_TOKEN' in os.environ]))"
    )
    arguments = processing(
        s3,
        script,
        outputs={"out": f"s3://{BUCKET}/env"},
        Environment={"DATA": "a:/opt/ml/data", "URI": "s3://bucket/opt/ml"},
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    arguments["AppSpecification"]["ContainerArguments"] = ["--dir=/opt/ml/x", "/opt/mlx"]
    assert run(sagemaker, "rewritten", arguments)["ProcessingJobStatus"] == "Completed"
    argv, data, uri, credentials = json.loads(text(s3, "env/env.json"))
    assert argv[0].endswith("/rewritten/x") and argv[1] == "/opt/mlx"
    assert data.endswith("/rewritten/data") and uri == "s3://bucket/opt/ml"
    assert credentials is False, "network isolation leaves a container without credentials"


def test_a_job_whose_time_runs_out_is_stopped(sagemaker: Any, s3: Any) -> None:
    arguments = processing(s3, "import time; time.sleep(30)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert run(sagemaker, "slow", arguments)["ProcessingJobStatus"] == "Stopped"


def test_a_job_can_be_stopped(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_processing_job(ProcessingJobName="stopped", **processing(s3, "import time; time.sleep(30)"))
    sagemaker.stop_processing_job(ProcessingJobName="stopped")
    assert ended(sagemaker, "Processing", "stopped")["ProcessingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:ListBucket", "arn:aws:s3:::artifacts"),
        ("s3:PutObject", "arn:aws:s3:::artifacts/denied/listing.txt"),
        ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
    ],
)
def test_a_denied_call_names_role_action_and_resource(
    cloud: Any, sagemaker: Any, s3: Any, action: str, resource: str
) -> None:
    name = "without-" + action.replace(":", "-")
    denial = {"Effect": "Deny", "Action": action, "Resource": "*"}
    role = create_role(cloud, name, [*JOB_POLICY, denial])
    arguments = processing(s3, COPY, inputs={"in": f"s3://{BUCKET}/in/"}, outputs={"out": f"s3://{BUCKET}/denied"})
    job = run(sagemaker, name, {**arguments, "RoleArn": role})
    assert job["ProcessingJobStatus"] == "Failed"
    for part in (f"assumed-role/{name}/", action, resource):
        assert part in job["FailureReason"]


@pytest.mark.parametrize(
    ("name", "service", "account"),
    [("glue-only", "glue", "000000000000"), ("for-another-account", "sagemaker", "123456789012")],
)
def test_a_role_that_sagemaker_may_not_assume_fails_the_job(
    cloud: Any, sagemaker: Any, s3: Any, name: str, service: str, account: str
) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    role = create_role(cloud, name, JOB_POLICY, trust={"Version": "2012-10-17", "Statement": [statement]})
    job = run(sagemaker, name, {**processing(s3, "pass"), "RoleArn": role})
    assert "sts:AssumeRole" in job["FailureReason"] and "trust policy" in job["FailureReason"]


TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int)
parser.add_argument("--eta", type=float)
args = parser.parse_args()
rows = (pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]) / "rows.txt").read_text()
print("[0] validation-rmse:9.5"); print(f"[{args.rounds}] validation-rmse:0.25")
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "model.json").write_text(json.dumps({"rounds": args.rounds, "eta": args.eta, "rows": rows}))
(model / "env.json").write_text(json.dumps({k: v for k, v in os.environ.items() if k.startswith("SM_")}))
(pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "notes.txt").write_text("done")
"""


def train(sagemaker: Any, s3: Any, name: str, script: str = TRAIN) -> dict[str, Any]:
    s3.put_object(Bucket=BUCKET, Key=f"code/{name}.tar.gz", Body=archive({"train.py": script}))
    s3.put_object(Bucket=BUCKET, Key="train/rows.txt", Body=b"7")
    arguments = training(
        channels={"train": f"s3://{BUCKET}/train"},
        source=f"s3://{BUCKET}/code/{name}.tar.gz",
        rounds="20",
        eta="0.1",
    )
    sagemaker.create_training_job(TrainingJobName=name, **arguments)
    return ended(sagemaker, "Training", name)


def members(s3: Any, uri: str) -> dict[str, bytes]:
    body = s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    with tarfile.open(fileobj=BytesIO(body)) as packed:
        return {item.name: packed.extractfile(item).read() for item in packed if item.isfile()}


def test_a_training_job_in_script_mode(sagemaker: Any, s3: Any) -> None:
    job = train(sagemaker, s3, "fit")
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/models/fit/output/model.tar.gz"
    model = members(s3, job["ModelArtifacts"]["S3ModelArtifacts"])
    assert json.loads(model["model.json"]) == {"rounds": 20, "eta": 0.1, "rows": "7"}
    env = json.loads(model["env.json"])
    assert (env["SM_HP_ROUNDS"], env["SM_HPS"]) == ("20", '{"eta":0.1,"rounds":20}')
    assert env["SM_USER_ARGS"] == '["--eta","0.1","--rounds","20"]'
    assert members(s3, f"s3://{BUCKET}/models/fit/output/output.tar.gz") == {"notes.txt": b"done"}
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics == {"validation:rmse": 0.25}
    assert [item["Status"] for item in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]


def test_the_same_training_gives_the_same_bytes(sagemaker: Any, s3: Any) -> None:
    script = TRAIN.replace('(model / "env.json")', '(model.parent / "env.json")')
    bodies = []
    for name in ("again-1", "again-2"):
        train(sagemaker, s3, name, script)
        bodies.append(s3.get_object(Bucket=BUCKET, Key=f"models/{name}/output/model.tar.gz")["Body"].read())
    assert bodies[0] == bodies[1]


def test_a_failure_file_is_the_reason(sagemaker: Any, s3: Any) -> None:
    script = "import os, sys; open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('no rows'); sys.exit(2)"
    assert train(sagemaker, s3, "failing", script)["FailureReason"] == "AlgorithmError: no rows, exit code: 2"


def test_what_cannot_run_here_is_refused_by_name(sagemaker: Any, s3: Any) -> None:
    arguments = processing(s3, "pass")
    arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    with pytest.raises(ClientError, match="more than one instance is not supported by the local SageMaker"):
        sagemaker.create_processing_job(ProcessingJobName="two", **arguments)
    plain = training(channels={}, source="s3://b/c")
    del plain["HyperParameters"], plain["InputDataConfig"]
    with pytest.raises(ClientError, match="sagemaker_program"):
        sagemaker.create_training_job(TrainingJobName="algorithm-mode", **plain)


@pytest.mark.usefixtures("copies")
def test_a_name_is_used_once(sagemaker: Any, s3: Any) -> None:
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_processing_job(ProcessingJobName="copies", **processing(s3, "pass"))


def test_jobs_are_listed_with_filters_and_pages(sagemaker: Any, s3: Any) -> None:
    for name, script in (("listed-b", "pass"), ("listed-c", "1/0"), ("listed-a", "1/0")):
        run(sagemaker, name, processing(s3, script))

    def names(**request: Any) -> tuple[list[str], str | None]:
        page = sagemaker.list_processing_jobs(NameContains="LISTED-", **request)
        return [job["ProcessingJobName"] for job in page["ProcessingJobSummaries"]], page.get("NextToken")

    assert names(StatusEquals="Failed", SortBy="Name")[0] == ["listed-a", "listed-c"]
    assert names(SortOrder="Descending")[0] == ["listed-a", "listed-c", "listed-b"]
    first, token = names(MaxResults=2)
    assert (first, names(MaxResults=2, NextToken=token)) == (["listed-b", "listed-c"], (["listed-a"], None))


def transform(sagemaker: Any, name: str, **source: str) -> dict[str, Any]:
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="doubling",
        BatchStrategy="SingleRecord" if source else "MultiRecord",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/batch/"}},
            "ContentType": "text/csv",
            **source,
        },
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/{name}", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    return ended(sagemaker, "Transform", name)


def test_a_transform_job_runs_files_through_the_model(sagemaker: Any, s3: Any, model_data: str) -> None:
    environment = {"SAGEMAKER_PROGRAM": "inference.py"}
    container = {"Image": IMAGE, "ModelDataUrl": model_data, "Environment": environment}
    sagemaker.create_model(ModelName="doubling", ExecutionRoleArn=f"{ROLES}/job", PrimaryContainer=container)
    s3.put_object(Bucket=BUCKET, Key="batch/part/a.csv", Body=b"1\n2\n")
    job = transform(sagemaker, "by-line", SplitType="Line")
    assert job["TransformJobStatus"] == "Completed", job
    assert text(s3, "by-line/part/a.csv.out") == "2.0\n4.0\n"
    s3.put_object(Bucket=BUCKET, Key="batch/part/b.csv", Body=b"x\n")
    refused = transform(sagemaker, "whole-file")
    assert refused["TransformJobStatus"] == "Failed"
    assert "b.csv: the container answered 500: <!doctype html" in refused["FailureReason"]
