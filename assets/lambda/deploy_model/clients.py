"""AWS, made once for all requests."""

import boto3

sagemaker = boto3.client("sagemaker")
autoscaling = boto3.client("application-autoscaling")
s3 = boto3.client("s3")
cloudwatch = boto3.client("cloudwatch")
bus = boto3.client("events")
sqs = boto3.client("sqs")
functions = boto3.client("lambda")
