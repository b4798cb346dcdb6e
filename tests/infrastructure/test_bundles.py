"""What is shipped: the same bytes from the same sources, with nothing of the machine in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.sagemaker.archives import unpack
from stacks import bundles
from tests.contracts import MODELS
from tracking.code import name_of


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundles:
    return bundles.build(tmp_path_factory.mktemp("bundles"), models=MODELS)


def names_in(archive: bundles.Archive) -> list[str]:
    if archive.path.suffix == ".zip":
        return zipfile.ZipFile(archive.path).namelist()
    with tarfile.open(archive.path) as opened:
        return opened.getnames()


def archives(built: bundles.Bundles) -> dict[str, bundles.Archive]:
    return {name: item for name, item in vars(built).items() if isinstance(item, bundles.Archive)}


def test_same_sources_give_the_same_bytes(built: bundles.Bundles, tmp_path: Path) -> None:
    again = archives(bundles.build(tmp_path, models=MODELS))
    for name, archive in archives(built).items():
        assert archive.path.read_bytes() == again[name].path.read_bytes(), name
        assert archive.digest == again[name].digest, name


def test_archives_hold_sources_only(built: bundles.Bundles) -> None:
    for name in ("layer", "contracts", "library", "glue_modules", "pipeline", "training_source"):
        found = names_in(archives(built)[name])
        assert found == sorted(found)
        assert not [path for path in found if "__pycache__" in path or path.endswith(".pyc")], name


def test_layer_and_glue_carry_the_models_and_jobs_do_not(built: bundles.Bundles) -> None:
    assert {"python/contract/__init__.py", "python/contract/models/california_housing.toml"} <= set(
        names_in(built.layer)
    )
    assert "contract/models/california_housing.toml" in names_in(built.contracts)
    assert "contract/__init__.py" in names_in(built.library)
    for archive in (built.library, built.training_source):
        assert not [path for path in names_in(archive) if path.endswith(".toml")]


def test_entry_points_stand_at_the_top(built: bundles.Bundles) -> None:
    assert {"train.py", "inference.py", "contract/__init__.py"} <= set(names_in(built.training_source))
    assert {"training_preprocessing.py", "evaluate.py"} <= set(names_in(built.pipeline))
    assert built.glue_script.path.name == "pre_processing.py"
    assert "pre_processing.py" not in names_in(built.glue_modules)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources that a test may change."""
    for name, folder in {name: getattr(bundles, name) for name in ("SHARED", "GLUE", "PIPELINE")}.items():
        shutil.copytree(folder, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(bundles, name, tmp_path / name)
    shutil.copytree(MODELS, tmp_path / "MODELS")
    return tmp_path


def rebuilt(folder: Path) -> bundles.Bundles:
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    built = bundles.build(staging, models=folder / "MODELS")
    places = {name: replace(item, path=Path(name)) for name, item in archives(built).items()}
    return replace(built, **places)


def test_another_model_makes_no_data_set_and_no_training_stale(sources: Path) -> None:
    before = rebuilt(sources)
    shutil.copytree(sources / "MODELS" / "california_housing", sources / "MODELS" / "another")
    file = sources / "MODELS" / "another" / "model.toml"
    file.write_text(file.read_text().replace('name = "california_housing"', 'name = "another"'))
    after = rebuilt(sources)
    assert after.layer != before.layer
    assert after.contracts != before.contracts
    unchanged = (
        "library",
        "glue_script",
        "glue_modules",
        "pipeline",
        "training_source",
        "serving_source",
        "etl_code_hash",
    )
    assert {name: vars(after)[name] for name in unchanged} == {name: vars(before)[name] for name in unchanged}


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("GLUE/pre_processing.py", {"glue_script", "etl_code_hash"}),
        ("PIPELINE/evaluate.py", {"pipeline", "training_source"}),
        ("PIPELINE/inference.py", {"pipeline", "training_source", "serving_source"}),
        (
            "SHARED/contract/recipe.py",
            {"layer", "contracts", "library", "training_source", "serving_source", "etl_code_hash"},
        ),
    ],
)
def test_a_changed_file_changes_what_carries_it(sources: Path, file: str, stale: set[str]) -> None:
    before = rebuilt(sources)
    with (sources / file).open("a") as opened:
        opened.write("# changed\n")
    after = rebuilt(sources)
    assert {name for name in vars(before) if vars(before)[name] != vars(after)[name]} == stale


def test_compiled_files_change_nothing(sources: Path) -> None:
    before = rebuilt(sources)
    cache = sources / "GLUE" / "__pycache__"
    cache.mkdir()
    (cache / "pre_processing.cpython-313.pyc").write_bytes(b"compiled")
    assert rebuilt(sources) == before


def test_functions_have_the_tracking_package_and_jobs_do_not(built: bundles.Bundles) -> None:
    assert "python/tracking/versions.py" in names_in(built.layer)
    for archive in (built.library, built.contracts, built.training_source):
        assert not [path for path in names_in(archive) if path.startswith("tracking/")]


def test_the_container_of_many_models_starts_from_its_code_alone(built: bundles.Bundles, tmp_path: Path) -> None:
    """-I: nothing of this project is on the path but what the archive holds."""
    unpack(built.serving_source.path, tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import inference; print(inference.__file__)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "inference.py")), done.stderr


def test_code_is_uploaded_under_the_name_that_functions_look_for(assembly: Path) -> None:
    """Of the archives that jobs and the shared endpoint run."""
    checked = set()
    for stack in ("Training", "Serving"):
        (listing,) = (assembly / "assembly-prod").glob(f"*{stack}*.assets.json")
        for file in json.loads(listing.read_text())["files"].values():
            path = (listing.parent / file["source"]["path"]).resolve()
            (target,) = file["destinations"].values()
            if path.is_file() and path.suffix in (".zip", ".gz"):
                assert name_of(path.read_bytes()) == target["objectKey"].partition(".")[0]
                checked.add(path.suffix)
    assert checked == {".zip", ".gz"}
