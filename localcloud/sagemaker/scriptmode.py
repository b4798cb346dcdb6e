"""The environment and arguments that SageMaker's training toolkit gives a script."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localcloud.sagemaker.container import ROOT

HOST = "algo-1"


def decode(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Values as the toolkit reads them: JSON when they parse, else the string itself."""
    return {key: _json_or_text(value) for key, value in hyperparameters.items()}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def own(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Without the toolkit's own settings, which are no arguments of the script."""
    return {key: value for key, value in hyperparameters.items() if not key.startswith("sagemaker_")}


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """--key value, sorted by key; -k for one letter."""
    return [text for key in sorted(hyperparameters) for text in _argument(key, hyperparameters[key])]


def _argument(key: str, value: Any) -> Iterator[str]:
    yield f"--{key}" if len(key) > 1 else f"-{key}"
    yield ",".join(f"{k}={v}" for k, v in sorted(value.items())) if isinstance(value, dict) else str(value)


def variables(
    *,
    program: str,
    hyperparameters: Mapping[str, Any],
    channels: Sequence[str],
    job_name: str,
    configuration: Mapping[str, Any],
) -> dict[str, str]:
    """SM_* variables, with paths of the container."""
    args, module = arguments(hyperparameters), program.removesuffix(".py")
    values: dict[str, Any] = {
        "CHANNELS": sorted(channels),
        "CURRENT_HOST": HOST,
        "HOSTS": [HOST],
        "HPS": dict(hyperparameters),
        "INPUT_CONFIG_DIR": f"{ROOT}/input/config",
        "INPUT_DATA_CONFIG": configuration["inputdataconfig"],
        "INPUT_DIR": f"{ROOT}/input",
        "LOG_LEVEL": "20",
        "MODEL_DIR": f"{ROOT}/model",
        "MODULE_DIR": f"{ROOT}/code",
        "MODULE_NAME": module,
        "NETWORK_INTERFACE_NAME": "lo",
        "NUM_CPUS": str(os.cpu_count() or 1),
        "NUM_GPUS": "0",
        "NUM_NEURONS": "0",
        "OUTPUT_DATA_DIR": f"{ROOT}/output/data",
        "OUTPUT_DIR": f"{ROOT}/output",
        "OUTPUT_INTERMEDIATE_DIR": f"{ROOT}/output/intermediate",
        "RESOURCE_CONFIG": configuration["resourceconfig"],
        "USER_ARGS": args,
        "USER_ENTRY_POINT": program,
        **{f"HP_{key.upper()}": value for key, value in hyperparameters.items()},
        **{f"CHANNEL_{name.upper()}": f"{ROOT}/input/data/{name}" for name in channels},
    }
    values["TRAINING_ENV"] = {"job_name": job_name, **{key.lower(): value for key, value in values.items()}}
    return {f"SM_{key}": _text(value) for key, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return str(value)


def configuration(record: Mapping[str, Any]) -> dict[str, Any]:
    """The files of /opt/ml/input/config, by name."""
    channels = {
        channel["ChannelName"]: {
            "ContentType": channel.get("ContentType", ""),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "TrainingInputMode": channel.get("InputMode", "File"),
        }
        for channel in record.get("InputDataConfig", [])
    }
    instance = record["ResourceConfig"].get("InstanceType", "")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": [HOST]}
    resources = {
        "current_host": HOST,
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": [HOST],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    return {
        "hyperparameters": dict(record.get("HyperParameters", {})),
        "inputdataconfig": channels,
        "resourceconfig": resources,
    }
