"""A multi-model container: each model of its prefix is loaded by the first request for it, in its own process."""

import threading
from dataclasses import dataclass, field, replace

from localcloud import platform
from localcloud.sagemaker import archives, images, s3io
from localcloud.sagemaker.container import Workspace
from localcloud.sagemaker.hosting import Gone, ModelServer, Unhealthy
from localcloud.sagemaker.joblogs import LogStream
from localcloud.sagemaker.models import ServedContainer


@dataclass
class _Slot:
    """The place of one model; its lock is held while it loads."""

    number: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    server: ModelServer | None = None


class MultiModelServer:
    def __init__(self, served: ServedContainer, folder: str, log: LogStream) -> None:
        self.log = log
        self._served = served
        self._folder = folder
        self._startup_seconds = 0.0
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def start(self, seconds: float) -> None:
        """The container starts without any model. Raises AccessDenied."""
        images.check_pull(self._served.role, self._served.image)
        self._startup_seconds = seconds

    def load(self, target: str) -> ModelServer:
        """The server of one model, started when there is none. Raises Gone, Unhealthy, OperationError."""
        with self._lock:
            if self._stopping:
                raise Gone
            slot = self._slots.setdefault(target, _Slot(len(self._slots)))
        with slot.lock:
            if slot.server is None:
                slot.server = self._loaded(target, slot.number)
            return slot.server

    def _loaded(self, target: str, number: int) -> ModelServer:
        location = s3io.Location.parse(self._served.artifact).child(target.lstrip("/"))
        workspace = Workspace.create(f"{self._folder}/model-{number}")
        server = ModelServer(replace(self._served, artifact=location.uri), workspace, self.log)
        try:
            server.start(self._startup_seconds)
        except (s3io.TransferError, archives.ArchiveError, platform.AccessDenied) as error:
            server.stop()
            raise platform.OperationError(
                "ValidationError",
                f"Failed to download model data(bucket: {location.bucket}, key: {location.key}). Please ensure that "
                "there is an object located at the URL and that the role passed to CreateModel has permissions to "
                f"download the model. ({error})",
            ) from error
        except Unhealthy:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
        for slot in self._slots.values():
            with slot.lock:
                if slot.server is not None:
                    slot.server.stop()
