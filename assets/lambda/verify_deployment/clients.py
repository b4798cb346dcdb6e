"""AWS, made once for all requests."""

import boto3

sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
s3 = boto3.client("s3")
sns = boto3.client("sns")
cloudwatch = boto3.client("cloudwatch")
autoscaling = boto3.client("application-autoscaling")
