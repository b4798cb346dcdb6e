"""What permission checks evaluate: resources and further permissions of requests."""

import pytest

from localcloud.iam import condition_keys, glue_resource, logs_resource, sagemaker_resource
from localcloud.passrole import Check, further_checks

SAGEMAKER = "arn:aws:sagemaker:us-east-1:000000000000"
GLUE = "arn:aws:glue:us-east-1:000000000000"
LOGS = "arn:aws:logs:us-east-1:000000000000"
EXECUTION = f"{SAGEMAKER}:pipeline/train/execution/abc"


@pytest.mark.parametrize(
    ("operation", "request_body", "resource"),
    [
        ("StartPipelineExecution", {"PipelineName": "Train"}, "pipeline/train"),
        ("StartPipelineExecution", {"PipelineName": f"{SAGEMAKER}:pipeline/train"}, "pipeline/train"),
        ("UpdatePipeline", {"PipelineName": "train"}, "pipeline/train"),
        ("DescribePipelineExecution", {"PipelineExecutionArn": EXECUTION}, "pipeline/train/execution/abc"),
        ("ListPipelineExecutionSteps", {"PipelineExecutionArn": EXECUTION}, "pipeline/train/execution/abc"),
        ("CreateModelPackage", {"ModelPackageGroupName": "group"}, "model-package/group/*"),
        ("ListModelPackages", {"ModelPackageGroupName": "group"}, "model-package/group/*"),
        ("UpdateModelPackage", {"ModelPackageArn": f"{SAGEMAKER}:model-package/g/1"}, "model-package/g/1"),
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "group"}, "model-package-group/group"),
        ("CreateModel", {"ModelName": "m"}, "model/m"),
        ("CreateEndpointConfig", {"EndpointConfigName": "c"}, "endpoint-config/c"),
        ("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, "endpoint/e"),
        ("CreateProcessingJob", {"ProcessingJobName": "p"}, "processing-job/p"),
        ("StopTrainingJob", {"TrainingJobName": "t"}, "training-job/t"),
        ("CreateTransformJob", {"TransformJobName": "t"}, "transform-job/t"),
    ],
)
def test_sagemaker_requests_are_checked_on_their_resource(operation, request_body, resource):
    assert sagemaker_resource(operation, "/", request_body, SAGEMAKER) == f"{SAGEMAKER}:{resource}"


def test_sagemaker_lists_have_no_resource_and_invocations_have_their_endpoint():
    assert sagemaker_resource("ListEndpoints", "/", {}, SAGEMAKER) == "*"
    assert sagemaker_resource("", "/endpoints/Live/invocations", {}, SAGEMAKER) == f"{SAGEMAKER}:endpoint/live"


@pytest.mark.parametrize(
    ("operation", "request_body", "resource"),
    [
        ("StartWorkflowRun", {"Name": "etl"}, f"{GLUE}:workflow/etl"),
        ("GetWorkflowRunProperties", {"Name": "etl", "RunId": "r"}, f"{GLUE}:workflow/etl"),
        ("StartJobRun", {"JobName": "clean"}, f"{GLUE}:job/clean"),
        ("CreateJob", {"Name": "clean"}, f"{GLUE}:job/clean"),
        ("GetJobRuns", {"JobName": "clean"}, f"{GLUE}:job/clean"),
        ("StartTrigger", {"Name": "start"}, f"{GLUE}:trigger/start"),
        ("GetTable", {"DatabaseName": "d", "Name": "t"}, None),
        ("GetJobs", {}, "*"),
    ],
)
def test_glue_requests_are_checked_on_their_resource(operation, request_body, resource):
    assert glue_resource(operation, request_body, GLUE) == resource


@pytest.mark.parametrize(
    ("action", "request_body", "keys"),
    [
        ("cloudwatch:PutMetricData", {"Namespace": "own"}, {"cloudwatch:namespace": "own"}),
        ("cloudwatch:PutMetricData", {"Namespace": 3}, {}),
        ("cloudwatch:GetMetricStatistics", {"Namespace": "own"}, {}),
        (
            "application-autoscaling:RegisterScalableTarget",
            {"ServiceNamespace": "sagemaker"},
            {"application-autoscaling:service-namespace": "sagemaker"},
        ),
    ],
)
def test_requests_have_the_condition_keys_of_their_service(action, request_body, keys):
    assert condition_keys(action, request_body) == keys


def test_log_requests_match_policies_that_end_in_a_wildcard():
    stream = {"logGroupName": "/g", "logStreamName": "s"}

    assert logs_resource("PutLogEvents", stream, LOGS) == f"{LOGS}:log-group:/g:log-stream:s"
    assert logs_resource("DescribeLogStreams", {"logGroupName": "/g"}, LOGS) == f"{LOGS}:log-group:/g:log-stream:"


@pytest.mark.parametrize(
    ("service", "operation", "request_body", "principal"),
    [
        ("lambda", "CreateFunction", {"Role": "arn:aws:iam::000000000000:role/r"}, "lambda"),
        ("glue", "CreateJob", {"Role": "r"}, "glue"),
        ("glue", "UpdateJob", {"JobUpdate": {"Role": "r"}}, "glue"),
        ("sagemaker", "CreateModel", {"ExecutionRoleArn": "arn:aws:iam::000000000000:role/r"}, "sagemaker"),
        ("sagemaker", "CreatePipeline", {"RoleArn": "arn:aws:iam::000000000000:role/r"}, "sagemaker"),
        ("sagemaker", "CreateTrainingJob", {"RoleArn": "arn:aws:iam::000000000000:role/r"}, "sagemaker"),
    ],
)
def test_a_request_that_passes_a_role_needs_pass_role(service, operation, request_body, principal):
    checks = list(further_checks(service, f"{service}:{operation}", request_body))

    context = {"iam:PassedToService": f"{principal}.amazonaws.com"}
    assert checks == [Check("iam:PassRole", "arn:aws:iam::000000000000:role/r", context)]


def test_an_endpoint_is_checked_on_its_configuration_too():
    checks = list(
        further_checks("sagemaker", "sagemaker:UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "C"})
    )

    assert checks == [Check("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint-config/c", {})]


def test_tags_on_creation_need_their_own_permission():
    tagged = {"ModelName": "m", "Tags": [{"Key": "a", "Value": "b"}]}

    checks = list(further_checks("sagemaker", "sagemaker:CreateModel", tagged))

    assert checks == [Check("sagemaker:AddTags", f"{SAGEMAKER}:model/m", {})]


def test_requests_that_pass_no_role_need_nothing_more():
    assert list(further_checks("sagemaker", "sagemaker:CreateTransformJob", {"TransformJobName": "t"})) == []
