"""AWS Glue that runs: workflows with their triggers, and jobs as processes of their own, each with its own role."""

from ministack.services import glue

from localcloud.glue import catalog, operations, records, resources, security
from localcloud.platform import json_target_service

HOOKS: tuple[tuple[str, str], ...] = (
    *records.HOOKS,
    *operations.HOOKS,
    *catalog.HOOKS,
    *resources.HOOKS,
    *security.HOOKS,
)


def install() -> None:
    catalog.install()
    resources.install()
    security.install()
    json_target_service(
        "glue",
        target_prefix=operations.TARGET,
        operations=operations.operations(),
        botocore_service="glue",
        rest=glue._handle_request_sync,
    )
