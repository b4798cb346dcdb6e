"""AWS Glue that runs: workflows with their triggers, and jobs as processes of their own, each with its own role."""

from localcloud.glue import catalog, operations, resources, security
from localcloud.ministack import glue
from localcloud.platform import json_target_service


def install() -> None:
    catalog.install()
    resources.install()
    security.install()
    json_target_service(
        "glue",
        target_prefix=operations.TARGET,
        operations=operations.operations(),
        botocore_service="glue",
        rest=glue.call,
    )
