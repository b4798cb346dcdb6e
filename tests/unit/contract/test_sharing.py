"""The models of one multi-model endpoint agree on what is the endpoint's."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract import ContractError, load_all

SHARED = 'mode = "realtime"\nhosting = "multi-model"\ninstance_count = 2\n'


def write(folder: Path, name: str, model_toml: str, serving: str) -> Path:
    head, _, _ = model_toml.partition("[serving]")
    path = folder / name / "model.toml"
    path.parent.mkdir()
    path.write_text(head.replace('"california_housing"', f'"{name}"', 1) + "[serving]\n" + serving)
    return path


def test_models_that_agree_share_an_endpoint(tmp_path: Path, model_toml: str) -> None:
    write(tmp_path, "north", model_toml, SHARED)
    write(tmp_path, "south", model_toml, SHARED)
    write(tmp_path, "own", model_toml, 'mode = "realtime"\ninstance_type = "ml.c5.large"\n')
    assert {name: item.serving.hosting for name, item in load_all(tmp_path).items()} == {
        "north": "multi-model",
        "own": "dedicated",
        "south": "multi-model",
    }


def test_a_disagreement_names_both_files_and_the_key(tmp_path: Path, model_toml: str) -> None:
    first = write(tmp_path, "north", model_toml, SHARED)
    second = write(
        tmp_path, "south", model_toml, SHARED + 'instance_type = "ml.c5.large"\nmin_instances = 1\nmax_instances = 2\n'
    )
    with pytest.raises(ContractError) as caught:
        load_all(tmp_path)
    assert [problem.key for problem in caught.value.problems] == [
        "serving.instance_type",
        "serving.min_instances",
        "serving.max_instances",
    ]
    assert {problem.file for problem in caught.value.problems} == {second.as_posix()}
    assert caught.value.reason.startswith("must be the same for all models of the multi-model endpoint: it is 'ml.c5")
    assert f"'ml.m5.large' in {first.as_posix()}" in caught.value.reason
    assert "it is 1 here and not set in" in caught.value.problems[1].reason


def test_no_model_is_named_as_the_endpoint_is(tmp_path: Path, model_toml: str) -> None:
    write(tmp_path, "multi_model", model_toml, SHARED)
    with pytest.raises(ContractError, match=r"model\.name: 'multi_model' names the endpoint that models share"):
        load_all(tmp_path)
