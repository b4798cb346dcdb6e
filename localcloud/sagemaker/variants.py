"""The production variants of an endpoint: a server process each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localcloud import platform
from localcloud.sagemaker import archives, models, s3io
from localcloud.sagemaker.container import Workspace
from localcloud.sagemaker.hosting import ModelServer, Unhealthy
from localcloud.sagemaker.joblogs import LogStream
from localcloud.sagemaker.multimodel import MultiModelServer
from localcloud.sagemaker.naming import now, random_id

Json = dict[str, Any]
HEALTH_CHECK_SECONDS = 60.0
# Why a container does not start: its own fault, its artifact's or its role's.
EXPECTED = (Unhealthy, s3io.TransferError, archives.ArchiveError, platform.AccessDenied, platform.OperationError)


@dataclass(frozen=True)
class Variant:
    """A running production variant."""

    config: Json
    image: str
    server: ModelServer | MultiModelServer
    started: float

    @property
    def name(self) -> str:
        return str(self.config["VariantName"])

    @property
    def weight(self) -> float:
        return float(self.config.get("InitialVariantWeight", 1.0))

    @property
    def multi_model(self) -> bool:
        return isinstance(self.server, MultiModelServer)

    def server_of(self, model: str) -> ModelServer:
        """The server that answers; `model` names one of a multi-model container's. Raises Gone, Unhealthy."""
        return self.server.load(model) if isinstance(self.server, MultiModelServer) else self.server

    def summary(self) -> Json:
        deployed = {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.started}
        shown: Json = {
            "VariantName": self.name,
            "DeployedImages": [deployed],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
        }
        if "ServerlessConfig" in self.config:
            return shown | dict.fromkeys(
                ("CurrentServerlessConfig", "DesiredServerlessConfig"), self.config["ServerlessConfig"]
            )
        count = self.config.get("InitialInstanceCount", 1)
        return shown | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}


def start(endpoint_name: str, config: Json) -> Variant:
    served = models.served_container(models.find(config["ModelName"]))
    instance = random_id(17)
    log = LogStream(f"/aws/sagemaker/Endpoints/{endpoint_name}", f"{config['VariantName']}/i-{instance}", served.role)
    folder = f"endpoints/{endpoint_name}/{config['VariantName']}-{instance}"
    server = (
        MultiModelServer(served, folder, log)
        if served.multi_model
        else ModelServer(served, Workspace.create(folder), log)
    )
    try:
        server.start(config.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_CHECK_SECONDS))
    except Unhealthy as error:
        server.stop()
        raise Unhealthy(f"The primary container for production variant {config['VariantName']} {error}") from error
    except s3io.TransferError as error:
        server.stop()
        raise s3io.TransferError(
            f'Failed to download model data for container "container_1" from URL: "{served.artifact}". Please ensure '
            "that there is an object located at the URL and that the role passed to CreateModel has permissions to "
            f"download the object. ({error})"
        ) from error
    except archives.ArchiveError as error:
        server.stop()
        raise archives.ArchiveError(
            f'Failed to extract model data archive for container "container_1" from URL "{served.artifact}". Please '
            f"ensure that the object located at the URL is a valid tar.gz archive. ({error})"
        ) from error
    except EXPECTED:
        server.stop()
        raise
    return Variant(config, served.image, server, now())


def stop(variants: Sequence[Variant]) -> None:
    for variant in variants:
        variant.server.stop()
