"""Model package groups and model packages: versions, approval, the metadata that a run leaves with a model."""

from typing import Any

from localcloud.sagemaker import events, shapes, tags
from localcloud.sagemaker.faults import conflict, invalid
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, name_of, now
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
UPDATABLE = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
_GROUPS = Listing("ListModelPackageGroups", "ModelPackageGroupSummaryList", "ModelPackageGroupName", newest_first=False)
_PACKAGES = Listing(
    "ListModelPackages",
    "ModelPackageSummaryList",
    "ModelPackageName",
    newest_first=False,
    equals=("ModelApprovalStatus",),
)


def create_group(request: Json) -> Json:
    name = request["ModelPackageGroupName"]
    group_arn = arn("model-package-group", name)
    with STORE.lock:
        if name in STORE.groups:
            raise invalid(f"Model Package Group already exists: {group_arn}")
        STORE.groups[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ModelPackageGroupArn": group_arn,
            "ModelPackageGroupStatus": "Completed",
            "CreationTime": now(),
            "CreatedBy": {},
        }
    tags.put(group_arn, request.get("Tags", []))
    return {"ModelPackageGroupArn": group_arn}


def group(name_or_arn: str) -> Json:
    name = name_of(name_or_arn)
    if name not in STORE.groups:
        raise invalid(f"ModelPackageGroup {arn('model-package-group', name)} does not exist.")
    return STORE.groups[name]


def describe_group(request: Json) -> Json:
    return shapes.response("DescribeModelPackageGroup", group(request["ModelPackageGroupName"]))


def list_groups(request: Json) -> Json:
    return _GROUPS.page(request, list(STORE.groups.values()))


def delete_group(request: Json) -> Json:
    found = group(request["ModelPackageGroupName"])
    name = found["ModelPackageGroupName"]
    if any(package.get("ModelPackageGroupName") == name for package in list(STORE.packages.values())):
        raise conflict(
            f"ModelPackageGroup {found['ModelPackageGroupArn']} cannot be deleted: it still holds model packages"
        )
    del STORE.groups[name]
    tags.forget(found["ModelPackageGroupArn"])
    return {}


def create_package(request: Json) -> Json:
    moment, group_name = now(), request.get("ModelPackageGroupName")
    if not group_name and "ModelPackageName" not in request:
        raise invalid("Either ModelPackageGroupName or ModelPackageName must be given")
    with STORE.lock:
        identity = (
            _version_identity(name_of(group_name)) if group_name else _plain_identity(request["ModelPackageName"])
        )
        package = STORE.packages[identity["ModelPackageArn"]] = {
            **({"ModelApprovalStatus": "PendingManualApproval"} if group_name else {}),
            **{key: value for key, value in request.items() if key not in ("Tags", "ClientToken")},
            **identity,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
    events.package_changed(package, [])
    return {"ModelPackageArn": package["ModelPackageArn"]}


def next_version(group_name: str) -> int:
    """The version that the group's next package will get; versions are never used twice."""
    return int(group(group_name).get("_latest", 0)) + 1


def _version_identity(group_name: str) -> Json:
    version = next_version(group_name)
    group(group_name)["_latest"] = version
    return {
        "ModelPackageName": f"{group_name}/{version}",
        "ModelPackageGroupName": group_name,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn("model-package", f"{group_name}/{version}"),
    }


def _plain_identity(name: str) -> Json:
    package_arn = arn("model-package", name)
    if package_arn in STORE.packages:
        raise invalid(f"Model Package already exists: {package_arn}")
    return {"ModelPackageName": name, "ModelPackageArn": package_arn}


def package(name_or_arn: str) -> Json:
    package_arn = arn("model-package", name_of(name_or_arn))
    if package_arn not in STORE.packages:
        raise invalid(f"ModelPackage {package_arn} does not exist.")
    return STORE.packages[package_arn]


def describe_package(request: Json) -> Json:
    return shapes.response("DescribeModelPackage", dict(package(request["ModelPackageName"])))


def list_packages(request: Json) -> Json:
    """Packages of a group; without a group the unversioned ones, unless ModelPackageType asks for more."""
    group_name = request.get("ModelPackageGroupName")
    packages = [dict(item) for item in list(STORE.packages.values())]
    if group_name:
        packages = [item for item in packages if item.get("ModelPackageGroupName") == name_of(group_name)]
    else:
        wanted = request.get("ModelPackageType", "Unversioned")
        packages = [
            item
            for item in packages
            if wanted in ("Both", "Versioned" if "ModelPackageVersion" in item else "Unversioned")
        ]
    return _PACKAGES.page(request, packages)


def update_package(request: Json) -> Json:
    found = package(request["ModelPackageArn"])
    with STORE.lock:
        changed = {key: request[key] for key in UPDATABLE if key in request}
        updated = list(changed)
        metadata = dict(found.get("CustomerMetadataProperties", {}))
        kept = {k: v for k, v in metadata.items() if k not in request.get("CustomerMetadataPropertiesToRemove", [])}
        kept |= request.get("CustomerMetadataProperties", {})
        if kept != metadata:
            changed["CustomerMetadataProperties"] = kept
            updated.append("CustomerMetadataProperties")
        if added := request.get("AdditionalInferenceSpecificationsToAdd"):
            changed["AdditionalInferenceSpecifications"] = [*found.get("AdditionalInferenceSpecifications", []), *added]
        found.update(changed, LastModifiedTime=now())
    events.package_changed(found, updated)
    return {"ModelPackageArn": found["ModelPackageArn"]}


def delete_package(request: Json) -> Json:
    package_arn = package(request["ModelPackageName"])["ModelPackageArn"]
    del STORE.packages[package_arn]
    tags.forget(package_arn)
    return {}


OPERATIONS = {
    "CreateModelPackageGroup": create_group,
    "DescribeModelPackageGroup": describe_group,
    "ListModelPackageGroups": list_groups,
    "DeleteModelPackageGroup": delete_group,
    "CreateModelPackage": create_package,
    "DescribeModelPackage": describe_package,
    "ListModelPackages": list_packages,
    "UpdateModelPackage": update_package,
    "DeleteModelPackage": delete_package,
}
