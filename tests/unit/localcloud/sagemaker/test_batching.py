"""Files of a transform job as requests, filtered, joined; and a job that does it with a real server."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.batching import BatchError, Format
from localcloud.sagemaker.csvfilter import Filter, FilterError
from tests.unit.localcloud.sagemaker.support import BUCKET, IMAGE, ROLES, until


def asked(*, split: str = "Line", strategy: str = "MultiRecord", megabytes: int = 6, **processing: str) -> Format:
    record = {
        "TransformInput": {"SplitType": split},
        "TransformOutput": {"AssembleWith": "Line"},
        "BatchStrategy": strategy,
        "MaxPayloadInMB": megabytes,
        "DataProcessing": processing,
    }
    return Format.of(record)


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("$[0]", "a"),
        ("$[1:]", "b,c,d"),
        ("$[0,2:]", "a,c,d"),
        ("$[-1]", "d"),
        ("$[:-1]", "a,b,c"),
        ("$[ 3 , 0 ]", "d,a"),
    ],
)
def test_a_filter_selects_fields(path: str, row: str) -> None:
    found = Filter.parse(path)
    assert found is not None
    assert found.apply([b"a,b,c,d"]) == [row.encode()]


def test_quoted_fields_and_foreign_bytes_survive_a_filter() -> None:
    found = Filter.parse("$[1:]")
    assert found is not None
    assert found.apply([b'1,"x, ""y""",\xff']) == [b'"x, ""y""",\xff']


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("$.features", "does not select fields"),
        ("$[a]", "does not select"),
        ("$[1:2:3]", "neither an index nor a slice"),
    ],
)
def test_what_is_no_filter(path: str, reason: str) -> None:
    with pytest.raises(FilterError, match=reason):
        Filter.parse(path)


def test_a_field_that_no_row_has() -> None:
    with pytest.raises(BatchError, match=r"OutputFilter: \$\[3\] asks for field 3 of a row of 3 fields"):
        asked(OutputFilter="$[3]", JoinSource="Input").output(batches(asked(), b"1,2\n")[0], b"9\n")


def batches(form: Format, content: bytes) -> list[Any]:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        return list(form.batches(Path(file.name)))


def test_as_many_lines_as_fit_go_into_a_request() -> None:
    line = b"x" * ((1 << 20) // 4 - 1)
    sizes = [len(batch.body) for batch in batches(asked(megabytes=1), (line + b"\n") * 9)]
    assert sizes == [1 << 20, 1 << 20, 1 << 18]
    assert [batch.body for batch in batches(asked(strategy="SingleRecord"), b"1\r\n\n2")] == [b"1", b"2"]
    with pytest.raises(BatchError, match=r"line 2 has 1048577 bytes, more than MaxPayloadInMB \(1\)"):
        batches(asked(megabytes=1), b"a\n" + b"x" * (1 << 20))
    with pytest.raises(BatchError, match="the file has 1048578 bytes"):
        batches(asked(split="None", megabytes=1), b"a\n" + b"x" * (1 << 20))


def test_input_and_answer_are_joined_line_by_line() -> None:
    form = asked(InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]")
    (batch,) = batches(form, b"id1,10\nid2,20\n")
    assert batch.body == b"10\n20\n"
    assert form.output(batch, b"1.5\n2.5\n") == b"id1,1.5\nid2,2.5\n"
    with pytest.raises(BatchError, match="mismatched line count between the input and the output"):
        form.output(batch, b"1.5\n")
    assert asked(JoinSource="Input").output(batch, b'"a,b"\r\nc') == b'id1,10,"a,b"\nid2,20,c\n'


@pytest.fixture(scope="module")
def doubling(sagemaker: Any, model_data: str) -> str:
    container = {"Image": IMAGE, "ModelDataUrl": model_data, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    sagemaker.create_model(ModelName="batch-doubling", ExecutionRoleArn=f"{ROLES}/job", PrimaryContainer=container)
    return "batch-doubling"


def job(name: str, model: str, **members: Any) -> dict[str, Any]:
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/in/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/{name}/out", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def test_a_job_joins_in_order_with_requests_in_parallel(sagemaker: Any, s3: Any, bus: Any, doubling: str) -> None:
    rows = 60_000
    content = "".join(f"row-{i:032d},{i}\n" for i in range(rows))
    s3.put_object(Bucket=BUCKET, Key="joined/in/rows.csv", Body=content.encode())
    processing = {"InputFilter": "$[1]", "JoinSource": "Input", "OutputFilter": "$[0,2]"}
    request = job("joined", doubling, DataProcessing=processing, MaxPayloadInMB=1, MaxConcurrentTransforms=3)
    sagemaker.create_transform_job(**request)
    describe = sagemaker.describe_transform_job
    until(lambda: describe(TransformJobName="joined")["TransformJobStatus"] in ("Completed", "Failed"))
    done = describe(TransformJobName="joined")
    assert (done["TransformJobStatus"], done["DataProcessing"]) == ("Completed", processing), done
    out = s3.get_object(Bucket=BUCKET, Key="joined/out/rows.csv.out")["Body"].read().decode()
    assert out == "".join(f"row-{i:032d},{i * 2.0}\n" for i in range(rows))
    events = bus.details("SageMaker Transform Job State Change", wanted=2, TransformJobName="joined")
    assert [event["TransformJobStatus"] for event in events] == ["InProgress", "Completed"]
    assert events[1]["TransformEndTime"] >= events[1]["TransformStartTime"] > 1e12, "milliseconds"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"DataProcessing": {"InputFilter": "$.x"}}, "does not select fields of a CSV row"),
        ({"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}, "must not exceed 100"),
        (
            {"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out"}},
            "needs an output that is text/csv too and assembled with Line",
        ),
    ],
)
def test_what_a_job_may_not_ask_for(sagemaker: Any, doubling: str, members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        sagemaker.create_transform_job(**job("refused", doubling, **members))
