"""What is shipped to Lambda, Glue and SageMaker. The only place that knows where the assets stand."""

import gzip
import hashlib
import io
import runpy
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from aws_cdk import AssetHashType
from aws_cdk.aws_lambda import Code
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from contract import load_all
from description import Document, documents

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
SHARED = ROOT / "assets" / "shared" / "python"
GLUE = ROOT / "assets" / "glue"
PIPELINE = ROOT / "assets" / "pipeline"
FUNCTIONS = ROOT / "assets" / "lambda"

GLUE_SCRIPT = "pre_processing.py"
# Read and not imported: the modules of the jobs are no package of the application.
SERVED: tuple[str, ...] = runpy.run_path(str(PIPELINE / "served.py"))["MODULES"]
# Rubbish of the machine that synthesises would change hashes from one machine to the next.
IGNORED = ["__pycache__", "*.pyc", ".DS_Store"]

# Path in the archive -> content.
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Archive:
    """A file to upload. `digest` is of names and contents: the packed bytes depend on the zlib at hand."""

    path: Path
    digest: str

    def asset(self, scope: Construct, construct_id: str) -> Asset:
        return Asset(
            scope, construct_id, path=str(self.path), asset_hash=self.digest, asset_hash_type=AssetHashType.CUSTOM
        )

    def code(self) -> Code:
        return Code.from_asset(str(self.path), asset_hash=self.digest, asset_hash_type=AssetHashType.CUSTOM)


@dataclass(frozen=True)
class FunctionCode:
    """A package of assets/lambda, which has its name in the archive too."""

    package: str
    archive: Archive

    def handler(self, module: str = "handler") -> str:
        return f"{self.package}.{module}.handler"


@dataclass(frozen=True)
class Described:
    """A document of the API's description, as a file."""

    document: Document
    archive: Archive


@dataclass(frozen=True)
class Bundles:
    """`layer` and `contracts` carry the model.toml files; `library` is the contract package alone.

    `serving_source` is what a container runs that has many models; with one it runs the code in its artifact.

    The layer, which every function has, holds the tracking package too.
    """

    layer: Archive
    contracts: Archive
    library: Archive
    glue_script: Archive
    glue_modules: Archive
    pipeline: Archive
    training_source: Archive
    serving_source: Archive
    # By the name of the package.
    functions: Mapping[str, FunctionCode]
    # What the REST API says of itself, for each way to be authorised.
    descriptions: Mapping[str, tuple[Described, ...]]
    # Identity of the code that prepares data, without the models: another model makes no data set stale.
    etl_code_hash: str


def build(staging: Path, *, models: Path = MODELS) -> Bundles:
    """Pack everything into `staging`. CDK copies what it needs from there while the stacks are constructed."""
    shared = _files(SHARED)
    library = {name: content for name, content in shared.items() if name.startswith("contract/")}
    contracts = library | {f"contract/models/{path.parent.name}.toml": path.read_bytes() for path in _models(models)}
    glue, pipeline = _files(GLUE), _files(PIPELINE)
    modules = {name: content for name, content in glue.items() if name != GLUE_SCRIPT}
    return Bundles(
        layer=_zip(
            staging / "layer.zip", {f"python/{name}": content for name, content in (shared | contracts).items()}
        ),
        contracts=_zip(staging / "contracts.zip", contracts),
        library=_zip(staging / "library.zip", library),
        glue_script=_copy(staging / GLUE_SCRIPT, glue[GLUE_SCRIPT]),
        glue_modules=_zip(staging / "modules.zip", modules),
        pipeline=_zip(staging / "pipeline.zip", pipeline),
        training_source=_tar(staging / "source.tar.gz", pipeline | library),
        serving_source=_tar(staging / "serving.tar.gz", {name: pipeline[name] for name in SERVED} | library),
        functions={path.name: _function(staging, path) for path in sorted(FUNCTIONS.iterdir()) if path.is_dir()},
        descriptions={auth: tuple(_described(staging, models, auth)) for auth in ("api-key", "iam")},
        etl_code_hash=_digest(glue | library)[:16],
    )


def _function(staging: Path, folder: Path) -> FunctionCode:
    files = {f"{folder.name}/{name}": content for name, content in _files(folder).items()}
    return FunctionCode(folder.name, _zip(staging / f"function-{folder.name}.zip", files))


def _described(staging: Path, models: Path, auth: str) -> Iterator[Described]:
    for document in documents(load_all(models), key_header=auth == "api-key"):
        path = staging / f"{auth}-{document.path}"
        yield Described(document, _copy(path, document.content))


def _models(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*/model.toml"))


def _files(folder: Path) -> dict[str, bytes]:
    """Everything below the folder, by its path in it."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not _is_ignored(path))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _is_ignored(path: Path) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in IGNORED)


def _digest(files: Files) -> str:
    sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def _copy(path: Path, content: bytes) -> Archive:
    path.write_bytes(content)
    return Archive(path, _digest({path.name: content}))


def _zip(path: Path, files: Files) -> Archive:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content)
    return Archive(path, _digest(files))


def _tar(path: Path, files: Files) -> Archive:
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return Archive(path, _digest(files))
