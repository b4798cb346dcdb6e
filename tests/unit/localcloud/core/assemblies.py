"""A small application as a cloud assembly, written by hand."""

import hashlib
import json
from pathlib import Path
from typing import Any

HANDLER = """
import json, logging, os, sys, time
import boto3

logger = logging.getLogger()

def handler(event, context):
    do = event["do"]
    if do == "who":
        try:
            import numpy
        except ImportError:
            numpy = None
        try:
            import localcloud
        except ImportError:
            localcloud = None
        import shared
        return {
            "numpy": bool(numpy), "localcloud": bool(localcloud), "layer": shared.VALUE, "cwd": os.getcwd(),
            "arn": boto3.client("sts").get_caller_identity()["Arn"], "pid": os.getpid(), "path": sys.path,
            "environment": sorted(os.environ), "files": sorted(os.listdir()),
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            "remaining": context.get_remaining_time_in_millis(),
        }
    if do == "put":
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=event["key"], Body=b"x")
        return "stored"
    if do == "log":
        print("plain text")
        logger.info("hello", extra={"run": "r1"})
        return None
    if do == "fail":
        raise ValueError("broken on purpose")
    if do == "sleep":
        time.sleep(30)
    if do == "nap":
        time.sleep(0.5)
        return os.getpid()
    if do == "exit":
        os._exit(3)
    if do == "pass":
        boto3.client("glue").create_job(Name="x", Role=event["role"], Command={"Name": "glueetl"})
    if do == "metadata":
        return {1, 2}
"""


def template(*, bucket: str = "data", name: str = "worker") -> dict[str, Any]:
    """Bucket, role, function with layer and dead letter queue, rule."""
    queue_arn = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    statements = [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": {"Fn::Sub": "${Bucket.Arn}/allowed/*"}},
        {"Effect": "Allow", "Action": ["s3:GetObject*", "s3:DeleteObject"], "Resource": {"Fn::Sub": "${Bucket.Arn}/*"}},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn},
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": ["Logs", "Arn"]},
        },
        {"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "glue:CreateJob",
            "Resource": {"Fn::Sub": "arn:aws:glue:${AWS::Region}:${AWS::AccountId}:job/x"},
        },
    ]
    trust = {
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]
    }
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": bucket}},
        "DeadLetters": {"Type": "AWS::SQS::Queue"},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/core/{name}"}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": name,
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", **trust},
                "Policies": [
                    {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
                ],
            },
        },
        "Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": {"S3Bucket": {"Fn::Sub": "assets-${AWS::AccountId}"}, "S3Key": "layer.zip"}},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": name,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 5,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"S3Bucket": {"Fn::Sub": "assets-${AWS::AccountId}"}, "S3Key": "code.zip"},
                "Layers": [{"Ref": "Layer"}],
                "Environment": {"Variables": {"BUCKET": {"Ref": "Bucket"}}},
                "DeadLetterConfig": {"TargetArn": queue_arn},
                "TracingConfig": {"Mode": "Active"},
                "LoggingConfig": {"LogFormat": "JSON", "LogGroup": {"Ref": "Logs"}},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": {"source": ["core.test"]}, "State": "ENABLED"},
        },
    }
    outputs = {name: {"Value": {"Ref": name}} for name in ("Bucket", "Function", "DeadLetters")}
    return {"Resources": resources, "Outputs": outputs}


def write_assembly(
    folder: Path, stack: str, body: dict[str, Any], *, needs: tuple[str, ...] = (), protected: bool = False
) -> Path:
    """A cloud assembly of one stack, laid out as the CDK does it, in `folder`/assembly-test."""
    inner = folder / "assembly-test"
    (inner / "asset.code").mkdir(parents=True, exist_ok=True)
    (inner / "asset.code" / "index.py").write_text(HANDLER)
    (inner / "asset.layer" / "python").mkdir(parents=True, exist_ok=True)
    (inner / "asset.layer" / "python" / "shared.py").write_text("VALUE = 'from the layer'\n")
    (inner / f"{stack}.template.json").write_text(json.dumps(body))
    bucket = "assets-${AWS::AccountId}"
    template_key = f"{hashlib.sha256(json.dumps(body).encode()).hexdigest()}.json"

    def file(path: str, key: str, packaging: str) -> dict[str, Any]:
        destination = {"bucketName": bucket, "objectKey": key}
        return {"source": {"path": path, "packaging": packaging}, "destinations": {"here": destination}}

    files = {
        "code": file("asset.code", "code.zip", "zip"),
        "layer": file("asset.layer", "layer.zip", "zip"),
        "template": file(f"{stack}.template.json", template_key, "file"),
    }
    (inner / f"{stack}.assets.json").write_text(json.dumps({"version": "1", "files": files}))
    artifacts = {
        f"{stack}.assets": {"type": "cdk:asset-manifest", "properties": {"file": f"{stack}.assets.json"}},
        stack: {
            "type": "aws:cloudformation:stack",
            "properties": {
                "templateFile": f"{stack}.template.json",
                "stackName": stack,
                "stackTemplateAssetObjectUrl": f"s3://{bucket}/{template_key}",
                "terminationProtection": protected,
            },
            "dependencies": [f"{stack}.assets", *needs],
        },
    }
    (inner / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": artifacts}))
    nested = {"assembly-test": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-test"}}}
    (folder / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": nested}))
    return folder
