"""Where SageMaker has serverless endpoints. AWS names these regions where it gives the quota of each."""

# "Concurrent invocations", https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, read in November
# 2026: what all serverless endpoints of an account may share, 1000 in the first eight, 500 in the others.
SERVERLESS = (
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "eu-west-1",
    "af-south-1",
    "ap-east-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ca-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-2",
    "eu-west-3",
    "me-south-1",
    "sa-east-1",
    "us-west-1",
)
