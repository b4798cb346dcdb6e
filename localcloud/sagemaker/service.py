"""All operations of the local SageMaker, registered with MiniStack."""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud import platform
from localcloud.sagemaker import (
    endpointconfigs,
    endpoints,
    invoke,
    jobs,
    models,
    pipelineruns,
    pipelines,
    registry,
    s3io,
    shapes,
    store,
    tags,
)
from localcloud.sagemaker.processing import PROCESSING
from localcloud.sagemaker.training import TRAINING
from localcloud.sagemaker.transform import TRANSFORM

OPERATIONS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    **pipelines.OPERATIONS,
    **pipelineruns.OPERATIONS,
    **jobs.operations(PROCESSING),
    **jobs.operations(TRAINING),
    **jobs.operations(TRANSFORM),
    **models.OPERATIONS,
    **endpointconfigs.OPERATIONS,
    **endpoints.OPERATIONS,
    **registry.OPERATIONS,
    **tags.OPERATIONS,
}


def install() -> None:
    store.reset()
    s3io.forget_clients()
    # Reading the service's model takes a third of a second: not while the first request waits.
    platform.spawn(shapes.operation, "CreatePipeline")
    platform.json_target_service(
        "sagemaker",
        target_prefix="SageMaker.",
        operations=OPERATIONS,
        botocore_service="sagemaker",
        rest=invoke.handle,
        rest_services=("sagemaker-runtime",),
    )
