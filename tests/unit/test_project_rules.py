"""Rules of the whole tree: who may import whom, and what no file may name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.ministack.uses import counts, uses
from tests import host_guard

ROOT = Path(__file__).resolve().parents[2]
OURS = {"contract", "tracking", "rest", "description", "stacks", "localcloud", "cli", "frontend", "project", "tests"}

# folder: which of our top-level packages its modules may import, besides modules of their own bundle
ALLOWED = {
    "assets/shared/python/contract": {"contract"},
    "assets/shared/python/tracking": {"tracking"},
    "assets/shared/python/rest": {"rest"},
    "assets/shared/python/description": {"contract", "rest", "tracking", "description"},
    "assets/glue": {"contract"},
    "assets/lambda": {"contract", "tracking", "rest"},
    "assets/pipeline": {"contract"},
    "stacks": {"contract", "description", "project", "stacks"},
    "localcloud": {"localcloud"},
    # Of the contract only how files are read: a test below holds that.
    "frontend": {"frontend", "contract"},
    "cli": {"contract", "tracking", "localcloud", "project", "cli"},
}

# What the runtime of each bundle provides, besides the standard library.
PROVIDED = {
    "assets/shared/python/contract": {"numpy"},
    "assets/shared/python/tracking": {"boto3", "botocore"},
    "assets/shared/python/rest": set(),
    "assets/shared/python/description": set(),
    # sqlglot comes with sqlframe, which stands for pyspark in a local run: only the engine of that run asks for it.
    "assets/glue": {"pyspark", "awsglue", "boto3", "botocore", "numpy", "pyarrow", "sqlglot"},
    # boto3 brings urllib3.
    "assets/lambda": {"boto3", "botocore", "urllib3"},
    "assets/pipeline": {"numpy", "pandas", "pyarrow", "scipy", "xgboost", "matplotlib"},
    "frontend": {"streamlit", "altair", "pandas", "urllib3"},
}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level package of each import of a module; relative imports are its own bundle."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


def modules(folder: str) -> list[Path]:
    found = [p for p in (ROOT / folder).rglob("*.py") if "__pycache__" not in p.parts]
    assert found, f"{folder} holds no module"
    return found


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_go_one_way(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {package}"
        for path in modules(folder)
        for line, package in imported(path)
        if package in OURS - ALLOWED[folder]
    ]
    assert wrong == []


def test_the_page_knows_of_the_contract_only_how_files_are_read() -> None:
    found = set()
    for path in modules("frontend"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else getattr(node, "names", [])
            found |= {name for item in names if (name := getattr(item, "name", item) or "").startswith("contract")}
    assert found == {"contract.reading"}


@pytest.mark.parametrize("folder", PROVIDED)
def test_bundles_import_only_what_their_runtime_provides(folder: str) -> None:
    import sys

    wrong = []
    for path in modules(folder):
        # A function's archive holds its own package alone.
        own = {path.parent.name} if folder == "assets/lambda" else {p.stem for p in (ROOT / folder).iterdir()}
        bundle = own | ({p.stem for p in path.parent.iterdir()} if folder != "assets/lambda" else set())
        for line, package in imported(path):
            known = sys.stdlib_module_names | PROVIDED[folder] | ALLOWED[folder] | bundle
            if package not in known:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {package}")
    assert wrong == []


def test_the_app_imports_only_stacks() -> None:
    used = {package for _, package in imported(ROOT / "app.py")} & OURS
    assert used <= {"stacks", "contract"}


def test_no_file_names_a_registry_host_or_a_machine_path() -> None:
    assert host_guard.main() == 0


def test_the_guard_finds_what_it_looks_for() -> None:
    text = "fine\nindex = https://" + "pypi" + ".org/simple\n" + "path = " + "/work" + "/main\n"
    assert [line for line, _ in host_guard.findings(text)] == [2, 3]


# Tests of what this tree has itself, and of what it is made from.
OWN = {"infrastructure/conftest.py", "infrastructure/test_own.py", "infrastructure/test_app.py"}
OWN |= {"infrastructure/test_needs.py", "unit/test_project_rules.py", "unit/test_docs_steps.py"}
THIS_TREES = re.compile(
    r"from stacks\.config import [^\n]*\b(DEV|PROD|STAGES|DELIVERY)\b"
    r"|\bbundles\.MODELS\b|from stacks\.bundles import MODELS|(ROOT|PROJECT|parents\[\d\]) / \"models\""
)


def test_tests_are_about_models_and_environments_of_their_own() -> None:
    """Another model or setting of a fork must turn none of them red: use tests.contracts and tests.example."""
    found = [
        f"{path.relative_to(ROOT / 'tests')}: {match[0]}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if str(path.relative_to(ROOT / "tests")) not in OWN
        for match in THIS_TREES.finditer(path.read_text())
    ]
    assert found == []


DOOR = "localcloud/ministack"


def test_ministack_is_named_behind_its_one_door_alone():
    found = uses(path for folder in ("localcloud", "cli", "stacks", "tools", "tests") for path in modules(folder))
    outside = [f"{use.file.relative_to(ROOT)}:{use.line} {use.full_name}" for use in found if DOOR not in str(use.file)]

    assert outside == []
    assert counts(use for use in found if (ROOT / DOOR) in use.file.parents).packages == 1


def test_what_stands_in_the_place_of_an_internal_is_put_there_by_one_module():
    """Two that wrap one function would make the order count in which they are installed."""
    rebound: dict[str, set[str]] = {}
    for use in uses(modules(DOOR)):
        if use.rebound:
            rebound.setdefault(use.full_name, set()).add(f"{use.file.name}:{use.line}")

    assert len(rebound) > 50
    assert {name: places for name, places in rebound.items() if len(places) > 1} == {}
