"""Models: the containers that an endpoint or a transform job serves, also those of an approved model package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud import platform
from localcloud.sagemaker import events, images, registry, s3io, shapes, tags
from localcloud.sagemaker.faults import invalid, unsupported
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, now
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
_LISTING = Listing("ListModels", "Models", "ModelName")


@dataclass(frozen=True)
class ServedContainer:
    """What a server process needs to know of a model."""

    image: str
    artifact: str
    """S3 URI of model.tar.gz, or of the prefix of several; empty for a model without one."""
    environment: Mapping[str, str]
    role: str
    isolated: bool = False
    multi_model: bool = False


def create(request: Json) -> Json:
    name = request["ModelName"]
    model_arn = arn("model", name)
    if name in STORE.models:
        raise invalid(f'Cannot create already existing model "{model_arn}".')
    record = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "ModelArn": model_arn,
        "CreationTime": now(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
    }
    served = served_container(record)
    # What lies below a prefix is read when it is asked for.
    check_access(served.role, served.image, "" if served.multi_model else served.artifact)
    with STORE.lock:
        STORE.models[name] = record
    tags.put(model_arn, request.get("Tags", []))
    events.model_changed(model_arn, name)
    return {"ModelArn": model_arn}


def served_container(model: Mapping[str, Any]) -> ServedContainer:
    """The one container of a model. Raises ValidationException for what cannot be served."""
    containers = model.get("Containers") or [model.get("PrimaryContainer")]
    if len(containers) != 1 or containers[0] is None:
        raise unsupported("A model of several containers" if containers[0] else "A model without a container")
    role = model.get("ExecutionRoleArn")
    if not role:
        raise invalid("ExecutionRoleArn is required to create a model")
    container = dict(containers[0])
    multi_model = container.get("Mode", "SingleModel") == "MultiModel"
    base = _package_container(container["ModelPackageName"]) if "ModelPackageName" in container else {}
    merged = {**base, **container}
    if "Image" not in merged:
        raise invalid("Model container without an Image or a ModelPackageName")
    environment = {**base.get("Environment", {}), **container.get("Environment", {})}
    artifact, isolated = _artifact(merged), bool(model.get("EnableNetworkIsolation"))
    if multi_model and not artifact.startswith("s3://"):
        raise invalid("A container of Mode MultiModel needs the S3 prefix of its models as ModelDataUrl")
    return ServedContainer(merged["Image"], artifact, environment, role, isolated, multi_model)


def _package_container(name: str) -> Json:
    package = registry.package(name)
    if package.get("ModelApprovalStatus", "Approved") != "Approved":
        found = package["ModelApprovalStatus"]
        raise invalid(
            f"Model package {package['ModelPackageArn']} is not approved for deployment: its status is {found}"
        )
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        raise unsupported(f"Model package {package['ModelPackageArn']} of {len(containers)} containers")
    return dict(containers[0])


def _artifact(container: Mapping[str, Any]) -> str:
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return str(container.get("ModelDataUrl", ""))
    if source.get("CompressionType") != "Gzip" or source.get("S3DataType") != "S3Object":
        raise unsupported("A ModelDataSource that is not one gzip archive (S3Object)")
    return str(source["S3Uri"])


def check_access(role: str, image: str, artifact: str) -> None:
    """As AWS does it when a model is created or registered: the role must be able to read image and artifact."""
    images.check_read(role, image)
    if not artifact:
        return
    location = s3io.Location.parse(artifact)
    try:
        platform.check_role(role, "s3:GetObject", f"arn:aws:s3:::{location.bucket}/{location.key}")
        s3io.client(role).head_object(Bucket=location.bucket, Key=location.key)
    except (ClientError, BotoCoreError, platform.AccessDenied) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "404" and _may_list(role, location):
            raise invalid(f"Could not find model data at {artifact}.") from error
        raise invalid(
            f'Could not access model data at {artifact}. Please ensure that the role "{role}" exists and '
            'that its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            f'"{s3io.PRINCIPAL}". Also ensure that the role has "s3:GetObject" permissions and that the object is '
            f"located in {platform.region()}. ({error})"
        ) from error


def _may_list(role: str, location: s3io.Location) -> bool:
    """Whether S3 says 404 of what is not there; to others it says 403, as of what they may not read."""
    try:
        platform.check_role(role, "s3:ListBucket", f"arn:aws:s3:::{location.bucket}")
    except platform.AccessDenied:
        return False
    return True


def find(name: str) -> Json:
    if name not in STORE.models:
        raise invalid(f'Could not find model "{arn("model", name)}".')
    return STORE.models[name]


def describe(request: Json) -> Json:
    return shapes.response("DescribeModel", find(request["ModelName"]))


def listed(request: Json) -> Json:
    return _LISTING.page(request, list(STORE.models.values()))


def delete(request: Json) -> Json:
    record = find(request["ModelName"])
    del STORE.models[record["ModelName"]]
    events.model_changed(record["ModelArn"], record["ModelName"])
    tags.forget(record["ModelArn"])
    return {}


OPERATIONS = {"CreateModel": create, "DescribeModel": describe, "ListModels": listed, "DeleteModel": delete}
