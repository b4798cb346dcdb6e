"""The local SageMaker: pipelines, jobs, models, endpoints and the model registry, on MiniStack."""

from localcloud.sagemaker import autoscaling, cfn, service


def install() -> None:
    """Register the service and its CloudFormation types, with nothing stored."""
    service.install()
    autoscaling.install()
    cfn.install()
