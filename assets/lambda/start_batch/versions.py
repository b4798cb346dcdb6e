"""The version that predicts a file, and its contract, which its artifact holds: the model reads it there too."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import IO, Any

from botocore.exceptions import ClientError

from contract import Contract, ContractError, Recipe, RecipeError
from tracking.artifacts import (
    NOWHERE,
    Artifact,
    ChangedArtifactError,
    UnservableError,
    artifact_of,
    check,
    container_of,
)
from tracking.remains import way_back
from tracking.resources import found
from tracking.versions import newest_approved

RECIPE = PurePosixPath("recipe.json")
# S3 answers a HEAD without a body, and so without its own word.
GONE = ("404", "NoSuchKey")
# Some hundred features with their levels and statistics are a few hundred kilobytes.
MAX_RECIPE = 64 << 20


class Refused(Exception):  # noqa: N818 - the end of a batch, not an error of the function
    """A file that cannot be predicted. The text says why and what to do."""


class UnreadableError(Exception):
    """An artifact without a recipe that can be read. The text is part of a sentence."""


@dataclass(frozen=True)
class Package:
    """A version in the model registry. `environment` is what it sets in its container."""

    arn: str
    version: int
    environment: Mapping[str, str]
    artifact: Artifact = NOWHERE
    run_id: str = ""

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Package:
        """Raises UnservableError."""
        return cls(
            described["ModelPackageArn"],
            described["ModelPackageVersion"],
            environment=container_of(described).get("Environment", {}),
            artifact=artifact_of(described),
            run_id=described.get("CustomerMetadataProperties", {}).get("run_id", ""),
        )


@dataclass(frozen=True)
class Chosen:
    """The version that a batch runs with, from its start to its end, and the contract that it was trained by."""

    package: Package
    contract: Contract

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What every record of the batch says of it."""
        return {
            "model_version": self.package.version,
            "model_package": self.package.arn,
            "contract_hash": self.contract.hash,
        }


class Versions:
    """Of models, with their contracts: an artifact that is what was registered never changes, so each is read once."""

    def __init__(self, s3: Any, sagemaker: Any) -> None:
        self._s3, self._sagemaker = s3, sagemaker
        self._contracts: dict[Artifact, Contract] = {}

    def choose(self, group: str, earlier: str | None, *, model: str) -> Chosen:
        """The version that an earlier delivery chose, as long as it is approved; else the newest approved one.

        `earlier` is its ARN. Raises Refused.
        """
        described = self._approved_still(earlier) or newest_approved(self._sagemaker, group)
        if described is None:
            raise Refused(f"no version of {model} is approved; train and approve one, then upload the file again")
        try:
            package = Package.of(described)
        except UnservableError as error:
            version = described["ModelPackageVersion"]
            raise Refused(f"version {version} cannot be used. {error} Reject it, then upload the file again") from error
        try:
            check(self._s3, package.artifact)
            return Chosen(package, self._contract_of(package))
        except ChangedArtifactError as changed:
            raise Refused(f"version {package.version} cannot be used. {changed} Reject it, or train again") from changed
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            gone = f"version {package.version} cannot be used: its artifact {package.artifact.uri} is gone"
            raise Refused(f"{gone}. It is made again by: {way_back(package.run_id)}") from error
        except UnreadableError as error:
            raise Refused(
                f"the contract of version {package.version} of {model} cannot be read: {error}; "
                "approve another version, then upload the file again"
            ) from error

    def _approved_still(self, arn: str | None) -> dict[str, Any] | None:
        described = found(self._sagemaker.describe_model_package, ModelPackageName=arn) if arn else None
        return described if described and described["ModelApprovalStatus"] == "Approved" else None

    def _contract_of(self, package: Package) -> Contract:
        if package.artifact not in self._contracts:
            self._contracts[package.artifact] = contract_in(self._s3.get_object(**package.artifact.place)["Body"])
        return self._contracts[package.artifact]


def contract_in(archive: IO[bytes]) -> Contract:
    """From a model.tar.gz, which is read no farther than its recipe. Raises UnreadableError."""
    try:
        with tarfile.open(fileobj=archive, mode="r|gz") as packed:
            for member in packed:
                if PurePosixPath(member.name) == RECIPE and member.isreg() and member.size <= MAX_RECIPE:
                    content = packed.extractfile(member)
                    assert content is not None, "it is a regular file"
                    return Recipe.from_json(content.read().decode("utf-8")).contract
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"its artifact is not a whole tar.gz archive ({error})") from error
    except (RecipeError, ContractError, UnicodeDecodeError) as error:
        raise UnreadableError(f"its {RECIPE} cannot be used ({error})") from error
    raise UnreadableError(f"its artifact holds no {RECIPE}")
