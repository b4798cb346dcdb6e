"""AWS, made once for all requests."""

import boto3
from botocore.config import Config

sagemaker = boto3.client("sagemaker")
# SageMaker waits 60 s for a container.
runtime = boto3.client("sagemaker-runtime", config=Config(read_timeout=65, retries={"total_max_attempts": 2}))
s3 = boto3.client("s3")
sns = boto3.client("sns")
cloudwatch = boto3.client("cloudwatch")
autoscaling = boto3.client("application-autoscaling")
