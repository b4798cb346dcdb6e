"""A wrong value in stacks/config.py is reported before anything is built: which key, what it is, what it should be."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from contract import Contract
from stacks import instance_types
from stacks.config import Delivery, StageConfig
from stacks.naming import pascal

DAY = 24 * 3600
# What a name of SageMaker may have. The longest is that of a model behind an endpoint: -<version>-<6 digits>.
LONGEST_NAME = 63
VERSION_SUFFIX = "-99999-abcdef"
# Keys that hold an instance type, and what the instance is for.
INSTANCES: Mapping[str, str] = {
    "jobs.processing_instance": "processing jobs",
    "jobs.training_instance": "training jobs",
    "jobs.transform_instance": "transform jobs",
}

# Smallest and largest value, as the services take them.
RANGES: Mapping[str, tuple[float, float]] = {
    "throttle.requests_per_second": (1, 10_000),
    "throttle.burst": (1, 5_000),
    "throttle.requests_per_day": (1, 2_000_000_000),
    "throttle.callers": (1, 1000),
    # 0 is what stops a function by hand: an API that nobody can ask is no configuration.
    "concurrency.predict": (1, 100_000),
    "concurrency.platform": (1, 100_000),
    "glue.workers": (2, 299),
    "glue.concurrent_runs": (1, 1000),
    "glue.timeout_minutes": (1, 7 * 24 * 60),
    "alerting.monthly_budget_usd": (1, 10_000_000),
    "jobs.volume_gb": (1, 16_384),
    "jobs.timeout_seconds": (60, 5 * DAY),
}

# A regular expression, and the words for it.
PATTERNS: Mapping[str, tuple[str, str]] = {
    "name": (r"[a-z][a-z0-9]{0,9}", "1 to 10 small letters and digits, a letter first"),
    "glue.worker_type": (r"[GR]\.(1|2|4|8|12|16)X", "a worker type of Glue, such as G.1X"),
    "alerting.emails": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "e-mail addresses"),
    "alerting.runbooks": (r"\S+/", "a folder or an address that ends with /"),
    "network.subnets": (r"subnet-[0-9a-f]{8,17}", "ids of subnets, subnet-..."),
    "network.security_groups": (r"sg-[0-9a-f]{8,17}", "ids of security groups, sg-..."),
    "network.availability_zone": (r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "the zone of the first subnet, such as eu-west-1a"),
    "repository": (r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "owner/name, as GitHub spells it"),
    "repository_id": (r"\d+", "the number that `gh api repos/OWNER/NAME --jq .id` prints"),
    "branch": (r"[\w./-]+", "the name of a branch"),
    "image_repository": (
        r"[a-z0-9]+([._/-][a-z0-9]+)*",
        "a name for a repository in ECR: small letters, digits, . _ - /",
    ),
    "cluster": (r"[A-Za-z0-9][\w-]{0,99}", "the name of an EKS cluster"),
}


# Lists that may be empty.
OPTIONAL = frozenset({"alerting.emails"})


class ConfigError(Exception):
    """Every wrong value, a line each."""


def check(stages: Sequence[StageConfig], delivery: Delivery | None) -> None:
    """Raise ConfigError."""
    problems = [problem for stage in stages for problem in _of_stage(stage)]
    names = [stage.name for stage in stages]
    problems += [
        f"STAGES: two environments have the name {name!r}" for name in sorted({*names}) if names.count(name) > 1
    ]
    if delivery is not None:
        problems += [f"DELIVERY.{problem}" for problem in (*_of_values(delivery), *_of_accounts(delivery, names))]
    if problems:
        raise ConfigError("\n".join(f"stacks/config.py: {problem}" for problem in problems))


def check_instances(contracts: Iterable[Contract]) -> None:
    """Raise ConfigError for a model that wants an instance type which SageMaker has not for endpoints."""
    if problems := list(instance_types.problems_of(contracts)):
        raise ConfigError("\n".join(problems))


def check_names(stages: Sequence[StageConfig], models: Iterable[str]) -> None:
    """Raise ConfigError when two models would be one in the templates, or a version could get no name, months later."""
    models = list(models)
    problems = list(_too_long(stages, models))
    first: dict[str, str] = {}
    for model in models:
        other = first.setdefault(pascal(model), model)
        if other != model:
            problems.append(
                f"models/{model}: the names {other} and {model} are both {pascal(model)} in the templates; "
                "give one of the two another name (folder and model.name)"
            )
    if problems:
        raise ConfigError("\n".join(problems))


def _too_long(stages: Sequence[StageConfig], models: Sequence[str]) -> Iterator[str]:
    most = LONGEST_NAME - len(VERSION_SUFFIX)
    yield from (
        f"models/{model}: {stage.resource_name(model)} has {len(stage.resource_name(model))} characters, and versions "
        f"leave {most} of the {LONGEST_NAME} SageMaker takes: use at most {most - len(stage.prefix)} in model.name, "
        f"or a shorter name for the environment {stage.name}"
        for stage in stages
        for model in models
        if len(stage.resource_name(model)) > most
    )


def chosen(stages: Sequence[StageConfig], names: Sequence[str]) -> list[StageConfig]:
    """The environments with these names, in the order of `stages`. Raises ConfigError for a name that none has."""
    known = [stage.name for stage in stages]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"context stages: there is no environment {unknown[0]!r}: use {', '.join(known)}")
    return [stage for stage in stages if stage.name in names]


def _of_stage(stage: StageConfig) -> Iterator[str]:
    for problem in _of_values(stage):
        yield f"STAGES[{stage.name}].{problem}"
    if stage.network is not None and stage.serving_mode != "realtime":
        is_now = f"is {stage.serving_mode!r}, and network is set"
        yield f"STAGES[{stage.name}].serving_mode {is_now}: serverless endpoints run in no VPC; use 'realtime'"


def _of_accounts(delivery: Delivery, names: Sequence[str]) -> Iterator[str]:
    """Each environment in one account at most: a role for it in another one would be a way into that account."""
    hint = get_type_hints(Delivery)["accounts"]
    if not _fits(delivery.accounts, hint):
        return  # told already, by its type
    listed = [name for account in delivery.accounts for name in account]
    wrong = [f"there is no environment {name!r}" for name in listed if name not in names]
    wrong += [f"{name!r} stands twice" for name in sorted({*listed}) if listed.count(name) > 1]
    if not all(delivery.accounts) or not listed:
        wrong.append("an account without an environment")
    for problem in wrong:
        yield f"accounts is {delivery.accounts!r}: {problem}; use {', '.join(names)}, those of one account in a tuple"


def _of_values(config: Any, path: str = "") -> Iterator[str]:
    """Types from the annotations, then ranges and patterns by path."""
    hints = get_type_hints(type(config))
    for field in fields(config):
        key, value = f"{path}{field.name}", getattr(config, field.name)
        if not _fits(value, hints[field.name]):
            yield f"{key} is {value!r}: use {_words(hints[field.name])}"
        elif is_dataclass(value):
            yield from _of_values(value, f"{key}.")
        else:
            yield from _of_value(key, value)


def _of_value(key: str, value: Any) -> Iterator[str]:
    if key in RANGES and value is not None:
        least, most = RANGES[key]
        if not least <= value <= most:
            yield f"{key} is {value}: use {least:,} to {most:,}"
    if key in PATTERNS and value is not None:
        pattern, words = PATTERNS[key]
        items = value if isinstance(value, tuple) else (value,)
        if (not items and key not in OPTIONAL) or not all(re.fullmatch(pattern, item) for item in items):
            yield f"{key} is {value!r}: use {words}"
    if key in INSTANCES and (wrong := instance_types.problem(INSTANCES[key], value)):
        yield f"{key} is {value!r}: {wrong}"


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        kinds = arguments[:1] if arguments[1:] == (...,) else ()
        return isinstance(value, tuple) and all(_fits(item, kind) for item in value for kind in kinds)
    # To Python, True is a whole number; to a reader of the configuration it is a slip.
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _words(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(map(_words, arguments))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is tuple:
        return f"a tuple of {_words(arguments[0])}"
    plain = {int: "a whole number", float: "a number", str: "text", bool: "True or False", NoneType: "None"}
    return plain.get(hint, f"{getattr(hint, '__name__', hint)}(...)")
