"""AWS, made once for all looks."""

import boto3

s3 = boto3.client("s3")
sqs = boto3.client("sqs")
glue = boto3.client("glue")
sagemaker = boto3.client("sagemaker")
functions = boto3.client("lambda")
cloudwatch = boto3.client("cloudwatch")
