"""python -m stacks.needs STAGE: what an environment asks of an account, as JSON, before it is deployed."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import stacks  # noqa: F401  (lets aws_cdk find Node and Python find the contract, so it stands first)

# isort: split
from contract import Contract, ContractError, load_all
from stacks import bundles
from stacks.config import DELIVERY, STAGES, StageConfig
from stacks.config_check import ConfigError, check, check_instances, chosen
from stacks.constructs.xgboost_image import ACCOUNTS
from stacks.regions import SERVERLESS

# What the stacks need of the bootstrap stack, and the qualifier in the names of its roles and bucket.
BOOTSTRAP_VERSION, QUALIFIER = 6, "hnb659fds"


@dataclass(frozen=True)
class Need:
    """A quota by its name in Service Quotas. With less than `least` something fails, with less than `wanted` it waits.

    `shared_with`: what other endpoints of the account take of it: an instance type, or "serverless"; None for jobs.
    """

    service: str
    quota: str
    least: float
    wanted: float
    why: str
    shared_with: str | None = None


def needs(config: StageConfig, contracts: Mapping[str, Contract]) -> dict[str, Any]:
    serverless = [contract for contract in contracts.values() if not config.is_realtime(contract)]
    return {
        "stage": config.name,
        "image_regions": sorted(ACCOUNTS),
        "serverless_regions": sorted(SERVERLESS) if serverless else None,
        "bootstrap_version": BOOTSTRAP_VERSION,
        "qualifier": QUALIFIER,
        "reserved": {name: count for name, count in vars(config.concurrency).items() if count is not None},
        "event_log": config.alerting.alarms,
        "quotas": [
            asdict(need)
            for found in (
                _serverless(serverless),
                _endpoints(config, contracts),
                _jobs(config, contracts),
                _etl(config),
            )
            for need in found
        ],
    }


def _serverless(contracts: Iterable[Contract]) -> Iterator[Need]:
    shares = {contract.name: contract.serving.max_concurrency for contract in contracts}
    if shares:
        total = sum(shares.values())
        yield Need(
            "sagemaker",
            "Maximum total concurrency that can be allocated across all serverless endpoints",
            least=total,
            wanted=total,
            why="max_concurrency of " + ", ".join(f"{name} ({share})" for name, share in shares.items()),
            shared_with="serverless",
        )


def _endpoints(config: StageConfig, contracts: Mapping[str, Contract]) -> Iterator[Need]:
    """An update starts as many instances again as serve, and takes the old ones away last."""
    fleets: dict[str, list[tuple[int, int]]] = {}
    shared = False
    for contract in contracts.values():
        serving = contract.serving
        if not config.is_realtime(contract) or (config.is_shared(contract) and shared):
            continue
        shared = shared or config.is_shared(contract)
        sizes = (serving.least_instances, serving.max_instances or serving.instance_count)
        fleets.setdefault(serving.instance_type, []).append(sizes)
    for kind, fleet in fleets.items():
        most = [size for _, size in fleet]
        yield Need(
            "sagemaker",
            f"{kind} for endpoint usage",
            least=sum(size for size, _ in fleet),
            wanted=sum(most) + max(most),
            why=f"{len(fleet)} endpoint(s) of {sum(most)} instance(s) at most, and {max(most)} more during an update",
            shared_with=kind,
        )


def _jobs(config: StageConfig, contracts: Mapping[str, Contract]) -> Iterator[Need]:
    """One at a time of each kind for each model: the steps of a pipeline follow each other."""
    kinds = {
        "processing": config.jobs.processing_instance,
        "training": config.jobs.training_instance,
        "transform": config.jobs.transform_instance,
    }
    for kind, instance in kinds.items():
        why = f"one {kind} job at a time for each of {len(contracts)} model(s)"
        yield Need("sagemaker", f"{instance} for {kind} job usage", least=1, wanted=len(contracts), why=why)


def _etl(config: StageConfig) -> Iterator[Need]:
    glue = config.glue
    each = glue.workers * float(glue.worker_type.partition(".")[2].removesuffix("X"))
    at_once = f"{glue.concurrent_runs} data sets at once"
    why = f"{at_once}, each on {glue.workers} workers of {glue.worker_type}"
    yield Need("glue", "Max task DPUs per account", least=each, wanted=each * glue.concurrent_runs, why=why)
    yield Need("glue", "Max concurrent job runs per account", least=1, wanted=glue.concurrent_runs, why=at_once)


def main(stage: str) -> None:
    try:
        check(STAGES, DELIVERY)
        contracts = load_all(bundles.MODELS)
        check_instances(contracts.values())
        (config,) = chosen(STAGES, [stage])
    except (ConfigError, ContractError) as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(needs(config, contracts)))


if __name__ == "__main__":
    main(sys.argv[1])
