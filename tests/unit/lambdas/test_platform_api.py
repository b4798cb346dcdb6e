"""platform_api: routes and documents over stubbed AWS calls; what is final is read once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from description import openapi
from tests.unit.lambdas.loading import load_function

ENVIRONMENT = {
    "RESOURCE_PREFIX": "mlops-dev-",
    "PROCESSED_BUCKET": "processed",
    "WORKFLOW": "mlops-dev-etl",
    "JOB_TIMEOUT_SECONDS": "3600",
    "API_KEYS": "pagekey=page",
    "ARTIFACT_BUCKET": "artifacts",
}
MODEL = "california_housing"
GROUP = "mlops-dev-california-housing"
ARN = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVALUATION = {
    "unit": "USD",
    "metrics": {"rmse": 41000.5, "mae": 27000.0},
    "interval": {"rmse": [40000.0, 42000.0], "level": 0.95, "method": "bootstrap"},
    "gate": {"decision": "register", "reason": "good enough", "metric": "rmse", "value": 41000.5, "limit": 60000.0},
    "slices": [],
    "plots": ["predicted_vs_actual.png"],
}


@cache
def platform_function() -> SimpleNamespace:
    return load_function("platform_api", ENVIRONMENT)


def missing(operation: str, code: str = "ValidationException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Could not find it."}}, operation)


class Cloud:
    """AWS as these tests need it: services are attributes, calls are counted."""

    def __init__(self) -> None:
        self.versions: dict[int, dict[str, Any]] = {}
        self.live: int | None = None
        self.status = "InService"
        self.shared = ""
        self.runs: list[str] = []
        self.workflow_status = "COMPLETED"
        self.objects: dict[tuple[str, str], bytes] = {}
        self.alarms: list[str] = []
        self.metrics: dict[str, list[tuple[datetime, float]]] = {}
        self.calls: list[str] = []

    def client(self, service: str) -> Any:
        return Client(self, service)

    def add_version(self, number: int, **metadata: str) -> None:
        uri = f"s3://artifact/{MODEL}/{number}/evaluation/evaluation.json"
        self.objects["artifact", f"{MODEL}/{number}/evaluation/evaluation.json"] = json.dumps(EVALUATION).encode()
        self.versions[number] = {
            "ModelPackageArn": f"{ARN}/{number}",
            "ModelPackageVersion": number,
            "ModelApprovalStatus": "Approved",
            "CreationTime": NOW + timedelta(days=number),
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://artifact/model.tar.gz"}]},
            "CustomerMetadataProperties": {
                "run_id": f"run{number}",
                "metric": "rmse",
                "metric_value": "41000.5",
                "evaluation_uri": uri,
                "deployment_state": "deployed",
                "deployment_verified_at": "2026-01-02T03:04:05+00:00",
                **metadata,
            },
        }

    def keep_contract(self, number: int, document: Mapping[str, Any]) -> None:
        """As the evaluation of the version's run does."""
        key = f"{MODEL}/{number}/evaluation/contract.json"
        kept = {"version": 1, "contract_hash": "h", "contract": document}
        self.objects["artifact", key] = json.dumps(kept).encode()
        self.versions[number]["CustomerMetadataProperties"]["contract_uri"] = f"s3://artifact/{key}"

    def add_run(self, run_id: str) -> None:
        """One whose pipeline succeeded and registered the version with the number of runs so far."""
        self.runs.append(run_id)
        manifest = {
            "rows": {"read": 10, "rejected": 2, "train": 5, "validation": 1, "test": 2},
            "reasons": {"age: below 0": 1, "plan: unknown level": 1},
            "examples": {"age: below 0": "line 2: age must be at least 0, is -1"},
            "warnings": ["the file looks like one sent twice"],
            "files": {"raw_test": [f"{MODEL}/run={run_id}/raw/test/part-00000.parquet"]},
            "source": {"key": f"{MODEL}/{run_id}.csv"},
        }
        self.objects["processed", f"{MODEL}/run={run_id}/manifest.json"] = json.dumps(manifest).encode()
        self.objects["artifact", f"{MODEL}/{run_id}/evaluation/evaluation.json"] = json.dumps(EVALUATION).encode()
        self.add_version(len(self.runs), run_id=run_id)


Request = Mapping[str, Any]


class Client:
    def __init__(self, cloud: Cloud, service: str) -> None:
        self._cloud, self._service = cloud, service

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: str, **request: Any) -> Any:
            self._cloud.calls.append(name)
            return getattr(Answers, name)(self._cloud, request)

        return call

    def get_paginator(self, name: str) -> Any:
        def paginate(**request: Any) -> list[Any]:
            return [getattr(self, name)(**request)]

        return SimpleNamespace(paginate=paginate)


class Answers:
    """The answer to each call."""

    @staticmethod
    def describe_endpoint(cloud: Cloud, request: Request) -> Any:
        if cloud.live is None or request["EndpointName"] not in (GROUP, cloud.shared):
            raise missing("DescribeEndpoint")
        return {"EndpointStatus": cloud.status, "EndpointConfigName": "config", "LastModifiedTime": NOW}

    @staticmethod
    def describe_endpoint_config(cloud: Cloud, request: Request) -> Any:
        return {"ProductionVariants": [{"ModelName": "m", "VariantName": "AllTraffic", "ServerlessConfig": {}}]}

    @staticmethod
    def describe_model(cloud: Cloud, request: Request) -> Any:
        return {"PrimaryContainer": {"ModelPackageName": f"{ARN}/{cloud.live}"}}

    @staticmethod
    def describe_model_package(cloud: Cloud, request: Request) -> Any:
        number = int(request["ModelPackageName"].rsplit("/", 1)[1])
        if number not in cloud.versions:
            raise missing("DescribeModelPackage")
        return cloud.versions[number]

    @staticmethod
    def list_model_packages(cloud: Cloud, request: Request) -> Any:
        members = ("ModelPackageArn", "ModelPackageVersion", "ModelApprovalStatus", "CreationTime")
        wanted = request.get("ModelApprovalStatus")
        known = [v for v in cloud.versions.values() if wanted in (None, v["ModelApprovalStatus"])]
        known.sort(key=lambda version: version["ModelPackageVersion"], reverse=True)
        return {"ModelPackageSummaryList": [{name: v[name] for name in members} for v in known]}

    @staticmethod
    def get_object(cloud: Cloud, request: Request) -> Any:
        place = request["Bucket"], request["Key"]
        if place not in cloud.objects:
            raise missing("GetObject", "NoSuchKey")
        body = cloud.objects[place]
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": '"1"'}

    @staticmethod
    def generate_presigned_url(cloud: Cloud, request: Request) -> str:
        return f"https://signed/{request['Params']['Key']}?{request['ExpiresIn']}"

    @staticmethod
    def list_objects_v2(cloud: Cloud, request: Request) -> Any:
        if "Delimiter" not in request:
            keys = [key for bucket, key in cloud.objects if bucket == request["Bucket"]]
            return {"Contents": [{"Key": key} for key in keys if key.startswith(request["Prefix"])]}
        return {"CommonPrefixes": [{"Prefix": f"{request['Prefix']}{run_id}/"} for run_id in cloud.runs]}

    @staticmethod
    def get_workflow_runs(cloud: Cloud, request: Request) -> Any:
        assert "IncludeGraph" not in request
        return {"Runs": [workflow_run(cloud, run_id) for run_id in cloud.runs]}

    @staticmethod
    def get_workflow_run(cloud: Cloud, request: Request) -> Any:
        assert request["IncludeGraph"]
        run_id = request["RunId"].removeprefix("wr_")
        started = {"StartedOn": NOW, "CompletedOn": NOW + timedelta(seconds=7)}
        job = {"Id": "jr_1", "JobRunState": "SUCCEEDED", **started}
        graph = {"Nodes": [{"Name": "Prepare rows", "JobDetails": {"JobRuns": [job]}}]}
        return {"Run": {**workflow_run(cloud, run_id), "Graph": graph}}

    @staticmethod
    def list_pipeline_executions(cloud: Cloud, request: Request) -> Any:
        found = [
            {
                "PipelineExecutionArn": f"arn:execution/{run_id}",
                "PipelineExecutionDisplayName": f"run-{run_id}",
                "PipelineExecutionStatus": "Succeeded",
                "StartTime": NOW + timedelta(minutes=cloud.runs.index(run_id), seconds=20),
            }
            for run_id in reversed(cloud.runs)
        ]
        return {"PipelineExecutionSummaries": found}

    @staticmethod
    def list_pipeline_execution_steps(cloud: Cloud, request: Request) -> Any:
        run_id = request["PipelineExecutionArn"].rsplit("/", 1)[1]
        number = cloud.runs.index(run_id) + 1
        evaluate = {"ProcessingJob": {"Arn": f"arn:processing-job/{run_id}"}}
        register = {"RegisterModel": {"Arn": f"{ARN}/{number}"}}
        times = {"StartTime": NOW, "EndTime": NOW + timedelta(seconds=3)}
        return {
            "PipelineExecutionSteps": [
                {"StepName": "Evaluate", "StepStatus": "Succeeded", "Metadata": evaluate, **times},
                {"StepName": "Register", "StepStatus": "Succeeded", "Metadata": register, **times},
            ]
        }

    @staticmethod
    def describe_log_streams(cloud: Cloud, request: Request) -> Any:
        # Of the groups of a Glue job, the one for errors has something.
        quiet = request["logGroupName"].endswith("/output")
        return {"logStreams": [] if quiet else [{"logStreamName": request["logStreamNamePrefix"]}]}

    @staticmethod
    def get_log_events(cloud: Cloud, request: Request) -> Any:
        return {"events": [{"timestamp": 1, "message": f"last words of {request['logStreamName']}\n"}]}

    @staticmethod
    def get_metric_data(cloud: Cloud, request: Request) -> Any:
        assert request["ScanBy"] == "TimestampAscending"
        assert request["EndTime"] - request["StartTime"] > timedelta(days=7)
        results = []
        for query in request["MetricDataQueries"]:
            values = cloud.metrics.get(query["MetricStat"]["Metric"]["MetricName"], [])
            results.append(
                {"Id": query["Id"], "Timestamps": [t for t, _ in values], "Values": [value for _, value in values]}
            )
        return {"MetricDataResults": results}

    @staticmethod
    def describe_alarms(cloud: Cloud, request: Request) -> Any:
        found = [name for name in cloud.alarms if name.startswith(request["AlarmNamePrefix"])]
        alarm = {"StateValue": "OK", "StateReason": "fine", "StateUpdatedTimestamp": NOW, "AlarmDescription": "d"}
        return {"MetricAlarms": [{"AlarmName": name, **alarm} for name in found]}


def workflow_run(cloud: Cloud, run_id: str) -> dict[str, Any]:
    return {
        "WorkflowRunId": f"wr_{run_id}",
        "WorkflowRunProperties": {"run_id": run_id, "model": MODEL},
        "StartedOn": NOW + timedelta(minutes=cloud.runs.index(run_id)),
        "Status": cloud.workflow_status,
    }


class Ask:
    """GET requests to a fresh function, checked against its own description."""

    def __init__(self, function: SimpleNamespace) -> None:
        self._handler = function.handler
        self._description = openapi.document(function.handler.CONTRACTS, key_header=True)

    def __call__(self, resource: str, status: int = 200, **path: str) -> dict[str, Any]:
        resource, _, query = resource.partition("?")
        event = {
            "resource": resource,
            "queryStringParameters": dict(part.split("=") for part in query.split("&")) if query else None,
            "pathParameters": path or None,
            "requestContext": {"requestId": "request-1", "identity": {"apiKeyId": "pagekey"}},
        }
        response = self._handler.handler(event, None)
        assert response["statusCode"] == status, response["body"]
        document: dict[str, Any] = json.loads(response["body"])
        (kind,) = self._description["paths"][resource]["get"]["responses"][str(status)]["content"].items()
        assert response["headers"]["Content-Type"] == kind[0]
        schema = {**kind[1]["schema"], "components": self._description["components"]}
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
        return document


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def ask(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    function = platform_function()
    place = function.records.Place(
        client=cloud.client,
        prefix="mlops-dev-",
        processed_bucket="processed",
        shared_bucket="artifact",
        workflow="mlops-dev-etl",
        artifact_bucket="artifact",
    )
    monkeypatch.setattr(function.handler, "RECORDS", function.records.Records(place))
    yield Ask(function)


def test_models_are_there_before_one_is_live(ask: Ask) -> None:
    models = ask("/models")["models"]
    assert [(model["name"], model["task"], model["live"]) for model in models] == [
        ("breast_cancer", "binary", None),
        (MODEL, "regression", None),
    ]
    assert models[0]["target"]["levels"] == ["benign", "malignant"]


def test_the_live_version_with_its_metric(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(1)
    cloud.add_version(2)
    cloud.live = 2
    assert ask("/models")["models"][1]["live"] == {
        "version": 2,
        "run_id": "run2",
        "since": "2026-01-02T03:04:05+00:00",
        "metric": {"name": "rmse", "value": 41000.5},
        "interval": [40000.0, 42000.0],
    }


def test_a_model_tells_what_a_form_needs(ask: Ask) -> None:
    model = ask(f"/models/{MODEL}")
    (income,) = [feature for feature in model["features"] if feature["name"] == "median_income"]
    assert income == {
        "name": "median_income",
        "type": "number",
        "nullable": False,
        "min": 0.1,
        "max": 20.0,
        "unit": "10,000 USD a year",
        "default": 3.5,
        "description": "Median household income",
    }
    jsonschema.Draft202012Validator(model["schema"]).validate(model["example"])
    assert model["gate"] == {"metric": "rmse", "max": 60000.0, "margin": 0.0}
    assert (model["max_instances"], model["derived"]["rooms_per_household"]) == (500, "total_rooms / households")
    assert ask("/models/breast_cancer")["threshold"] == 0.5
    assert {"", "NA", "NaN", "null"} < set(model["data"]["missing"])
    assert model["data"].keys() == {"missing"}


def without_age_with_lot(document: dict[str, Any]) -> dict[str, Any]:
    """The contract of a version, as a deployment that drops lot_area and adds housing_median_age follows it."""
    features = {name: item for name, item in document["features"].items() if name != "housing_median_age"}
    features["lot_area"] = {"type": "number", "min": 1, "max": 9000, "unit": "square feet", "default": 500}
    target = {**document["target"], "unit": "EUR"}
    outliers = {**document["outliers"], "columns": []}
    return {**document, "features": features, "derived": {}, "outliers": outliers, "target": target}


def test_a_model_is_told_by_the_contract_of_the_version_that_answers(ask: Ask, cloud: Cloud) -> None:
    deployed = platform_function().handler.CONTRACTS[MODEL]
    cloud.add_version(1)
    cloud.add_version(2)
    cloud.keep_contract(2, without_age_with_lot(deployed.to_dict()))
    cloud.live = 2
    model, listed = ask(f"/models/{MODEL}"), ask("/models")["models"][1]
    names = [feature["name"] for feature in model["features"]]
    assert names[-1] == "lot_area"
    assert "housing_median_age" not in names
    assert (list(model["example"]), list(model["schema"]["properties"])) == (names, names)
    assert (model["target"]["unit"], listed["target"]["unit"]) == ("EUR", "EUR")
    assert (model["contract"]["version"], model["contract"]["deployed_hash"]) == (2, deployed.hash)
    assert model["contract"]["hash"] != deployed.hash
    expected = (
        "Version 2 is live with the contract of 4 January 2026; the deployed contract adds housing_median_age, drops "
        "lot_area and changes [target], [derived] and [outliers]: upload data to train a version by it."
    )
    assert (model["notice"], listed["notice"]) == (expected, expected)
    cloud.live = 1


def test_a_version_without_a_contract_of_its_own_is_told_by_the_deployed(ask: Ask, cloud: Cloud) -> None:
    deployed = platform_function().handler.CONTRACTS[MODEL]
    for number, change in enumerate([None, {}, {"features": {}}], start=1):
        cloud.add_version(number)
        if change is not None:
            cloud.keep_contract(number, {**deployed.to_dict(), **change})
        cloud.live = number
        model = ask(f"/models/{MODEL}")
        assert [feature["name"] for feature in model["features"]] == [item.name for item in deployed.features]
        assert model["contract"] == {
            "hash": deployed.hash,
            "version": 2 if number == 2 else None,
            "deployed_hash": deployed.hash,
        }
        assert model["notice"] == ""


def test_a_contract_that_somebody_deleted_is_told_with_the_way_back(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(2, contract_uri=f"s3://artifact/{MODEL}/2/evaluation/contract.json")
    cloud.live = 2
    assert ask(f"/models/{MODEL}")["notice"] == (
        "The contract that version 2 answers by (contract.json) is gone, and the deployed one is shown. "
        "A version that has its own: mlops retry run2 --fresh"
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("deployed", f"Version 2 was live, and its endpoint is gone: mlops deploy {MODEL} brings it back."),
        ("stopped", f"Version 2 is approved, and {MODEL} was stopped: mlops deploy {MODEL} brings it back."),
        (
            "blocked",
            f"Version 2 is approved, and cannot be deployed now: no quota. Once that is mended, mlops deploy {MODEL} "
            "brings it back.",
        ),
        ("requested", "Version 2 is approved and on its way: it answers once its endpoint is there."),
        ("", "Version 2 is approved and on its way: it answers once its endpoint is there."),
    ],
)
def test_where_nothing_answers_it_is_told_why(ask: Ask, cloud: Cloud, state: str, words: str) -> None:
    cloud.add_version(2, deployment_state=state, deployment_reason="no quota.")
    assert (ask(f"/models/{MODEL}")["notice"], ask("/models")["models"][1]["notice"]) == (words, words)


def test_where_no_version_is_approved_the_way_to_one_is_told(ask: Ask, cloud: Cloud) -> None:
    assert ask(f"/models/{MODEL}")["notice"] == ""
    for number in (2, 3):
        cloud.add_version(number, deployment_state="")
        cloud.versions[number]["ModelApprovalStatus"] = "Rejected"
    told = f"No version of {MODEL} is approved. Why the newest is not: mlops model 3 --model {MODEL}."
    assert ask(f"/models/{MODEL}")["notice"] == told
    cloud.versions[2]["ModelApprovalStatus"] = "PendingManualApproval"
    told = f"Version 2 waits for a person's approval: mlops approve 2 --model {MODEL} deploys it."
    assert ask(f"/models/{MODEL}")["notice"] == told


@pytest.mark.parametrize("status", ["Creating", "Failed", "OutOfService", "Deleting"])
def test_a_version_whose_endpoint_answers_nobody_is_not_live(ask: Ask, cloud: Cloud, status: str) -> None:
    """It was told as live while its endpoint was created, and after that had failed."""
    cloud.add_version(2, deployment_state="requested")
    cloud.live, cloud.status = 2, status
    model = ask(f"/models/{MODEL}")
    assert (model["live"], model["notice"]) == (
        None,
        "Version 2 is approved and on its way: it answers once its endpoint is there.",
    )
    (version,) = ask(f"/models/{MODEL}/versions")["versions"]
    assert (version["live"], version["deployment"]) == (False, "being deployed")
    cloud.versions[2] |= {"ModelApprovalStatus": "Rejected"}
    (version,) = ask(f"/models/{MODEL}/versions")["versions"]
    assert (version["live"], version["deployment"]) == (False, "rejected")


@pytest.mark.parametrize("containers", [None, [], [{"ModelDataUrl": "s3://a"}, {"ModelDataUrl": "s3://b"}]])
def test_a_version_that_somebody_registered_otherwise_is_listed_with_the_others(
    ask: Ask, cloud: Cloud, containers: list[Any] | None
) -> None:
    """SageMaker takes a version without a container, and one with a chain of them."""
    cloud.add_version(2)
    cloud.add_version(3, deployment_state="")
    cloud.live = 2
    if containers is None:
        del cloud.versions[3]["InferenceSpecification"]
    else:
        cloud.versions[3]["InferenceSpecification"] = {"Containers": containers}
    found = ask(f"/models/{MODEL}/versions")["versions"]
    assert [(version["version"], version["live"]) for version in found] == [(3, False), (2, True)]
    assert ask(f"/models/{MODEL}")["live"]["version"] == 2


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"])
def test_an_endpoint_answers_while_it_changes(ask: Ask, cloud: Cloud, status: str) -> None:
    cloud.add_version(2)
    cloud.live, cloud.status = 2, status
    assert ask(f"/models/{MODEL}")["live"]["version"] == 2


def test_an_endpoint_whose_configuration_somebody_deleted_is_told_still(
    ask: Ask, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Cloud, __: Request) -> Any:
        raise missing("DescribeEndpointConfig")

    cloud.add_version(2)
    cloud.live = 2
    monkeypatch.setattr(Answers, "describe_endpoint_config", staticmethod(gone))
    assert ask(f"/models/{MODEL}")["live"] is None
    found = ask(f"/models/{MODEL}/monitoring")["endpoint"]
    assert (found["name"], found["status"], found["version"]) == (GROUP, "InService", None)


def test_runs_are_the_newest_first_in_pages(ask: Ask, cloud: Cloud) -> None:
    for number in range(5):
        cloud.add_run(f"run{number}")
    cloud.live = 5
    first = ask(f"/models/{MODEL}/runs?limit=2")
    assert [(run["run_id"], run["state"]) for run in first["runs"]] == [("run4", "live"), ("run3", "superseded")]
    second = ask(f"/models/{MODEL}/runs?limit=2&before={first['before']}")
    third = ask(f"/models/{MODEL}/runs?limit=2&before={second['before']}")
    assert [run["run_id"] for run in second["runs"] + third["runs"]] == ["run2", "run1", "run0"]
    assert third["before"] is None
    assert ask(f"/models/{MODEL}/runs?before=run0") == {"runs": [], "before": None}
    run = first["runs"][0]
    assert (run["file"], run["rows"], run["model_version"]) == (
        f"{MODEL}/run4.csv",
        {"read": 10, "rejected": 2, "train": 5, "validation": 1, "test": 2},
        5,
    )
    assert run["books"] == {
        "sentence": "10 rows read = 2 rejected + 5 train + 1 validation + 2 test",
        "balanced": True,
        "frequent": [
            "1 rejected: age: below 0 (line 2: age must be at least 0, is -1)",
            "1 rejected: plan: unknown level",
        ],
        "reasons": [
            {"kind": "age: below 0", "rows": 1, "example": "line 2: age must be at least 0, is -1"},
            {"kind": "plan: unknown level", "rows": 1, "example": ""},
        ],
        "notes": [],
        "warnings": ["the file looks like one sent twice"],
    }
    assert run["steps"][:2] == [
        {"name": "Prepare rows", "status": "SUCCEEDED", "seconds": 7.0, "reason": ""},
        {"name": "Evaluate", "status": "Succeeded", "seconds": 3.0, "reason": ""},
    ]


def test_a_data_set_that_was_made_anew_is_about_to_be_trained_on(
    ask: Ask, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training of the data set before it ended, and tells nothing of this one."""
    cloud.add_run("run1")
    cloud.live = 1
    assert ask(f"/models/{MODEL}/runs/{{run_id}}", run_id="run1")["state"] == "live"
    anew = {**workflow_run(cloud, "run1"), "WorkflowRunId": "wr_anew", "StartedOn": NOW + timedelta(hours=1)}
    monkeypatch.setitem(globals(), "workflow_run", lambda *_: anew)
    again = ask(f"/models/{MODEL}/runs/{{run_id}}", run_id="run1")
    assert (again["state"], again["model_version"]) == ("training", None)


def test_an_evaluation_from_the_cache_is_that_of_the_execution_which_wrote_it(
    ask: Ask, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.add_run("run1")
    cloud.add_run("run2")
    key = f"{MODEL}/run1/evaluation/evaluation.json"
    del cloud.objects["artifact", f"{MODEL}/run2/evaluation/evaluation.json"]
    cloud.objects["artifact", key] = json.dumps(
        {**EVALUATION, "gate": {**EVALUATION["gate"], "reason": "the first"}}
    ).encode()  # type: ignore[dict-item]
    hit = {
        "StepName": "Evaluate",
        "StepStatus": "Succeeded",
        "CacheHitResult": {"SourcePipelineExecutionArn": "a/run1"},
    }
    monkeypatch.setattr(
        Answers, "list_pipeline_execution_steps", staticmethod(lambda *_: {"PipelineExecutionSteps": [hit]})
    )
    assert ask(f"/models/{MODEL}/runs/{{run_id}}", run_id="run2")["evaluation"]["gate"]["reason"] == "the first"


def test_twenty_runs_are_a_few_calls_and_fewer_the_second_time(ask: Ask, cloud: Cloud) -> None:
    """Two listings for all, and the graphs of those that are shown.

    Of a run that is final only its version, which people may still decide on.
    """
    for number in range(30):
        cloud.add_run(f"run{number}")
    cloud.live = 30
    assert len(ask(f"/models/{MODEL}/runs")["runs"]) == 20
    first, cloud.calls = cloud.calls, []
    ask(f"/models/{MODEL}/runs")
    assert (first.count("get_workflow_runs"), first.count("list_pipeline_executions")) == (1, 1)
    assert first.count("list_pipeline_execution_steps") == 20
    assert first.count("get_workflow_run") == 20
    assert sorted(set(cloud.calls)) == [
        "describe_endpoint",
        "describe_endpoint_config",
        "describe_model",
        "describe_model_package",
        "get_object",
        "get_workflow_runs",
        "list_objects_v2",
        "list_pipeline_executions",
    ]
    assert cloud.calls.count("describe_model_package") == 20
    # Which version a shared endpoint answers from stands in an object.
    assert cloud.calls.count("describe_model") == cloud.calls.count("get_object") == 1


def test_a_workflow_run_that_is_under_way_is_read_again(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    for status, wanted in (("RUNNING", 1), ("COMPLETED", 1), ("COMPLETED", 0)):
        cloud.workflow_status, cloud.calls = status, []
        ask(f"/models/{MODEL}/runs")
        assert cloud.calls.count("get_workflow_run") == wanted


@pytest.mark.parametrize("ago", [10, 40])
def test_a_state_that_is_not_the_last_one_has_an_age_and_past_its_limit_a_way_out(
    ask: Ask, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, ago: int
) -> None:
    """The event of the manifest is lost: no pipeline follows."""
    cloud.add_run("abc")
    ended = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=ago)
    run = {**workflow_run(cloud, "abc"), "CompletedOn": ended}
    monkeypatch.setattr(Answers, "list_pipeline_executions", lambda *_: {"PipelineExecutionSummaries": []})
    monkeypatch.setattr(Answers, "get_workflow_run", lambda *_: {"Run": run})
    (shown,) = ask(f"/models/{MODEL}/runs")["runs"]
    waits = "The data set is ready; the pipeline is about to start."
    past = f" It is so since {ended:%Y-%m-%d %H:%M} UTC, and takes 30 minutes at most: mlops retry abc"
    assert (shown["state"], shown["since"]) == ("training", ended.isoformat())
    assert shown["reason"] == waits + (past if ago > 30 else "")


def test_the_last_state_of_a_run_has_no_age(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    cloud.live = 1
    (shown,) = ask(f"/models/{MODEL}/runs")["runs"]
    assert (shown["state"], shown["since"]) == ("live", None)


def test_a_version_that_was_removed_from_the_registry_leaves_its_run(ask: Ask, cloud: Cloud) -> None:
    for run_id in ("run0", "run1"):
        cloud.add_run(run_id)
    cloud.live = 1
    del cloud.versions[1]
    newer, older = ask(f"/models/{MODEL}/runs")["runs"]
    assert (newer["state"], newer["model_version"]) == ("superseded", 2)
    assert (older["state"], older["reason"], older["model_version"]) == (
        "superseded",
        "The version was removed from the registry.",
        1,
    )
    assert ask("/models")["models"][1]["live"] is None


def test_a_run_with_the_tails_of_its_logs(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    cloud.live = 1
    run = ask(f"/models/{MODEL}/runs/{{run_id}}", run_id="abc")
    assert [(step["name"], step["log"]) for step in run["steps"]] == [
        ("Prepare rows", ["last words of jr_1"]),
        ("Evaluate", ["last words of abc"]),
        ("Register", []),
    ]
    assert run["evaluation"] == {
        "metric": "rmse",
        "value": 41000.5,
        "interval": [40000.0, 42000.0],
        "gate": {"decision": "register", "reason": "good enough"},
    }


def with_rejects(cloud: Cloud, run_id: str, count: int, *, row: str = "a,b") -> None:
    lines = [json.dumps({"line": 2 + number, "reason": "2 fields", "row": row}) for number in range(count)]
    cloud.objects["processed", f"{MODEL}/run={run_id}/rejects/part-00000.json"] = "\n".join(lines).encode()


REJECTS, DATA = f"/models/{MODEL}/runs/{{run_id}}/rejects", f"/models/{MODEL}/runs/{{run_id}}/data"


def test_rejects_come_in_pages(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    with_rejects(cloud, "abc", 5)
    first = ask(f"{REJECTS}?limit=3", run_id="abc")
    assert first["rejects"][0] == {"line": 2, "reason": "2 fields", "row": "a,b"}
    assert ([item["line"] for item in first["rejects"]], first["after"]) == ([2, 3, 4], 4)
    second = ask(f"{REJECTS}?limit=3&after=4", run_id="abc")
    assert ([item["line"] for item in second["rejects"]], second["after"]) == ([5, 6], None)
    exact = ask(f"{REJECTS}?limit=5", run_id="abc")
    assert (len(exact["rejects"]), exact["after"]) == (5, None)


def test_a_page_of_rejects_stays_below_what_a_function_may_answer(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    with_rejects(cloud, "abc", 20, row="\u00e9" * 110_000)
    lines, after = [], 0
    while after is not None:
        answer = ask(f"{REJECTS}?after={after}", run_id="abc")
        assert len(json.dumps(answer)) < 5_000_000
        assert {len(item["row"]) for item in answer["rejects"]} == {100_000}
        lines += [item["line"] for item in answer["rejects"]]
        after = answer["after"]
    assert lines == list(range(2, 22))


def test_a_run_without_rejects_has_none_and_an_unknown_one_is_not_found(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    assert ask(REJECTS, run_id="abc") == {"rejects": [], "after": None}
    for run_id in ("nope", "../x"):
        assert ask(REJECTS, 404, run_id=run_id)["detail"] == f"There is no run {run_id!r} of {MODEL}."
        assert ask(DATA, 404, run_id=run_id)["detail"] == f"There is no run {run_id!r} of {MODEL}."
    ask(f"{REJECTS}?limit=0", 400, run_id="abc")
    ask(f"{REJECTS}?lines=0", 400, run_id="abc")


def test_links_lead_to_the_rows_of_a_side(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    found = ask(DATA, run_id="abc")
    url = f"https://signed/{MODEL}/run=abc/raw/test/part-00000.parquet?900"
    assert found == {
        "split": "test",
        "rows": 2,
        "splits": ["test"],
        "files": [{"name": "test-1.parquet", "url": url}],
    }
    assert ask(f"{DATA}?split=train", 404, run_id="abc")["detail"] == (
        "Run abc keeps no train rows as they were in the file; it keeps test."
    )
    assert ask(f"{DATA}?split=all", 400, run_id="abc")["errors"][0]["field"] == "split"


def test_a_refused_file_has_rejects_and_no_data(ask: Ask, cloud: Cloud) -> None:
    cloud.add_run("abc")
    del cloud.objects["processed", f"{MODEL}/run=abc/manifest.json"]
    rows = {"read": 9, "rejected": 3, "replaced": 0, "dropped_equal": 0, "usable": 6}
    refused = {"reason": "too many", "rows": rows, "reasons": {"age: missing": 3}, "examples": {}}
    cloud.objects["processed", f"{MODEL}/run=abc/refused.json"] = json.dumps(refused).encode()
    with_rejects(cloud, "abc", 1)
    assert len(ask(REJECTS, run_id="abc")["rejects"]) == 1
    assert ask(DATA, 404, run_id="abc")["detail"] == "Run abc has no data set."
    run = ask(f"/models/{MODEL}/runs/{{run_id}}", run_id="abc")
    assert (run["state"], run["rows"]) == ("refused", rows)
    assert run["books"]["sentence"] == "9 rows read = 3 rejected + 6 usable, of which nothing was made"
    assert run["books"]["frequent"] == ["3 rejected: age: missing"]


def test_versions_with_what_was_decided(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(1)
    cloud.add_version(2, decided_by="ada", decision_reason="looks fine")
    cloud.live = 1
    newest, oldest = ask(f"/models/{MODEL}/versions")["versions"]
    assert (newest["version"], newest["live"], newest["decided_by"]) == (2, False, "ada")
    assert (oldest["version"], oldest["live"], oldest["deployment"]) == (1, True, "live")
    assert "decided_by" not in oldest
    assert (oldest["metric"], oldest["gate_reason"]) == ({"name": "rmse", "value": 41000.5}, "good enough")
    assert oldest["unit"] == "USD"


def test_a_version_with_links_to_its_plots(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(7)
    version = ask(f"/models/{MODEL}/versions/{{version}}", version="7")
    folder = f"https://signed/{MODEL}/7/evaluation"
    assert version["plots"] == [
        {
            "name": "predicted_vs_actual.png",
            "title": "Predicted vs actual",
            "url": f"{folder}/predicted_vs_actual.png?900",
        }
    ]
    assert version["report_url"] == f"{folder}/report.html?900"
    assert version["metrics"] == EVALUATION["metrics"]
    assert version["lineage"]["run_id"] == "run7"


def test_a_version_that_somebody_registered_by_hand(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(1)
    cloud.versions[1]["CustomerMetadataProperties"] = {}
    version = ask(f"/models/{MODEL}/versions/{{version}}", version="1")
    assert (version["metric"], version["plots"], version["report_url"]) == (None, [], None)
    assert "unit" not in version


def test_monitoring_flags_what_the_week_does_not_let_expect(
    ask: Ask, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.add_version(3)
    cloud.live = 3
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    values = [(now - timedelta(hours=hours), 100.0) for hours in range(48, 2, -1)]
    cloud.metrics["Invocations"] = [*values, (now - timedelta(hours=2), 900.0), (now - timedelta(hours=1), 100.0)]
    found = ask(f"/models/{MODEL}/monitoring?hours=3")
    assert found["endpoint"] == {
        "name": GROUP,
        "status": "InService",
        "state": "live",
        "mode": "serverless",
        "version": 3,
        "config": "config",
        "updated": NOW.isoformat(),
    }
    invocations, latency, *_ = found["metrics"]
    assert (invocations["name"], invocations["statistic"], invocations["period_seconds"]) == ("Invocations", "Sum", 300)
    assert [value for _, value in invocations["points"]] == [900.0, 100.0]
    assert invocations["anomalies"] == [(now - timedelta(hours=2)).isoformat()]
    assert invocations["expected"] == {"low": 75.0, "high": 125.0}
    assert (latency["points"], latency["anomalies"], "expected" in latency) == ([], [], False)


def test_a_rejected_version_that_goes_on_serving_is_told(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(3)
    cloud.live = 3
    cloud.versions[3]["ModelApprovalStatus"] = "Rejected"
    words = "rejected, still serving, nothing to go back to"
    assert ask(f"/models/{MODEL}/monitoring")["endpoint"]["state"] == words
    (version,) = ask(f"/models/{MODEL}/versions")["versions"]
    assert (version["live"], version["deployment"]) == (True, words)
    cloud.add_version(2)
    versions = ask(f"/models/{MODEL}/versions")["versions"]
    assert [version["deployment"] for version in versions] == [
        "rejected, serving until the next is live",
        "waits for its turn",
    ]


def test_monitoring_of_days_is_by_the_hour(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(1)
    cloud.live = 1
    found = ask(f"/models/{MODEL}/monitoring?hours=168")
    assert {metric["period_seconds"] for metric in found["metrics"]} == {3600}


def test_alarms_are_those_of_the_model(ask: Ask, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = platform_function().handler.CONTRACTS
    monkeypatch.setitem(contracts, f"{MODEL}_old", contracts[MODEL])
    cloud.alarms = [f"{GROUP}-5xx", f"{GROUP}-old-5xx", "mlops-dev-breast-cancer-5xx"]
    found = ask(f"/models/{MODEL}/monitoring")
    assert (found["endpoint"], found["metrics"]) == (None, [])
    state = {"state": "OK", "reason": "fine", "updated": NOW.isoformat(), "description": "d"}
    assert found["alarms"] == [{"name": f"{GROUP}-5xx", **state}]


def test_a_model_of_the_shared_endpoint_is_watched_there(ask: Ask, cloud: Cloud) -> None:
    cloud.add_version(3)
    cloud.live, cloud.shared = 3, "mlops-dev-multi-model"
    served = {"package": f"{ARN}/3", "version": 3, "target": f"{MODEL}/3-0.tar.gz"}
    cloud.objects["artifact", f"multi-model/live/{MODEL}.json"] = json.dumps(served).encode()
    cloud.alarms = [f"{GROUP}-verification", "mlops-dev-multi-model-5xx", "mlops-dev-breast-cancer-5xx"]
    found = ask(f"/models/{MODEL}/monitoring")
    assert (found["endpoint"]["name"], found["endpoint"]["version"]) == ("mlops-dev-multi-model", 3)
    assert [alarm["name"] for alarm in found["alarms"]] == [f"{GROUP}-verification", "mlops-dev-multi-model-5xx"]


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        *((f"/models/{MODEL}/runs?limit={value}", "limit") for value in ("0", "101", "-1", "1.5", "x", "9" * 20, "²")),
        *((f"/models/{MODEL}/monitoring?hours={value}", "hours") for value in ("0", "169", "day")),
        *((f"{path}?limits=3", "limits") for path in ("/models", f"/models/{MODEL}/runs")),
    ],
)
def test_wrong_parameters_are_named(ask: Ask, resource: str, field: str) -> None:
    assert [error["field"] for error in ask(resource, 400)["errors"]] == [field]


@pytest.mark.parametrize("run_id", ["nothing", "../x", "é"])
def test_an_unknown_run(ask: Ask, run_id: str) -> None:
    assert "There is no run" in ask(f"/models/{MODEL}/runs/{{run_id}}", 404, run_id=run_id)["detail"]


@pytest.mark.parametrize("run_id", ["nothing", ""])
def test_runs_before_an_unknown_run(ask: Ask, run_id: str) -> None:
    assert "There is no run" in ask(f"/models/{MODEL}/runs?before={run_id}", 404)["detail"]


@pytest.mark.parametrize("version", ["4", "-1", "x", "²", "9" * 40])
def test_an_unknown_version(ask: Ask, version: str) -> None:
    assert "There is no version" in ask(f"/models/{MODEL}/versions/{{version}}", 404, version=version)["detail"]


def test_aws_that_is_busy_is_503_and_what_it_denies_is_raised(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(code: str) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            raise missing("DescribeEndpoint", code)

        return call

    monkeypatch.setattr(Answers, "describe_endpoint", fail("ThrottlingException"))
    assert ask("/models", 503)["status"] == 503
    monkeypatch.setattr(Answers, "describe_endpoint", fail("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ask("/models")
