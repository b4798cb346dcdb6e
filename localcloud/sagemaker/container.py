"""What stands for a container: a folder in place of /opt/ml, an environment, and a process of the job's role."""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud import platform
from localcloud.sagemaker.s3io import PRINCIPAL, SESSION

ROOT = "/opt/ml"
SITE = Path(__file__).with_name("container_site")
# A path of its own: neither part of a longer path or URI (s3://bucket/opt/ml) nor the start of another name (/opt/mlx).
_ROOT = re.compile(rf"(?<![\w./-]){re.escape(ROOT)}(?![\w.-])")
_COVERAGE = "COVERAGE_"
_INTERPRETERS = frozenset({"python", "python3"})


@dataclass(frozen=True)
class Workspace:
    """The folder that stands for /opt/ml."""

    folder: Path

    @classmethod
    def create(cls, name: str) -> "Workspace":
        """An empty folder below the state folder; what an earlier run left there is removed."""
        folder = platform.state_dir() / "sagemaker" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return cls(folder)

    def path(self, container_path: str) -> Path:
        """Where a path of the container lies here; paths outside /opt/ml get a place below the folder too."""
        return self.folder / container_path.removeprefix(ROOT).lstrip("/")

    def rewrite(self, text: str) -> str:
        """The text with /opt/ml replaced by the folder."""
        return _ROOT.sub(lambda _: str(self.folder), text)

    def rewrite_all(self, values: Mapping[str, str]) -> dict[str, str]:
        return {key: self.rewrite(value) for key, value in values.items()}

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def command(argv: Sequence[str], workspace: Workspace) -> list[str]:
    """An entrypoint with its arguments, run by the interpreter of this environment when it is Python."""
    first, *rest = (workspace.rewrite(item) for item in argv)
    return [sys.executable if Path(first).name in _INTERPRETERS else first, *rest]


def environment(
    role_arn: str, workspace: Workspace, variables: Mapping[str, str], *, isolated: bool = False
) -> dict[str, str]:
    """Credentials of the role, the container's own variables, and what makes numerical code behave on a laptop.

    With network isolation a container gets no credentials, as on AWS.
    """
    threads = str(os.cpu_count() or 1)
    host = {key: value for key, value in os.environ.items() if key.startswith(_COVERAGE)}
    own = workspace.rewrite_all(variables)
    python_path = [*own.get("PYTHONPATH", "").split(os.pathsep), str(SITE)]
    return {
        **host,
        **({} if isolated else platform.role_credentials(role_arn, SESSION, service=PRINCIPAL)),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": threads,
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(_shared_cache("matplotlib")),
        **own,
        "PYTHONPATH": os.pathsep.join(part for part in python_path if part),
    }


def _shared_cache(name: str) -> Path:
    """Matplotlib builds its font list once a state folder, not once a job."""
    folder = platform.state_dir() / "sagemaker" / ".cache" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
