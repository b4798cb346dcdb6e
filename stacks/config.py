"""What differs between environments, and how things are named."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from aws_cdk import RemovalPolicy
from aws_cdk.aws_logs import RetentionDays

from contract import Contract
from project import PROJECT
from stacks.naming import EVERY


@dataclass(frozen=True)
class Throttle:
    """Limits of the REST API for one API key. `callers`: how many keys may go to theirs at once.

    Callers that sign with IAM have no key: the limits a second are those of all of them, times `callers`.
    """

    requests_per_second: int
    burst: int
    requests_per_day: int
    callers: int = 4


@dataclass(frozen=True)
class Concurrency:
    """Executions reserved for the functions of the REST API, and no more of them at once: so many requests, however
    many come, leave the rest of the account's executions to ETL and deployment.

    None reserves nothing, which is the default: AWS keeps 100 executions unreserved and a new account may have 10 in
    all, so that a first deployment would be rolled back. `mlops doctor` says what the account has, and what to ask for.
    """

    predict: int | None = None
    platform: int | None = None


@dataclass(frozen=True)
class ApiAccess:
    """Who may call the REST API: holders of an API key, or IAM identities that sign.

    `origins`: the web origins (https://host) whose pages may call it from a browser. `firewall`: AWS WAF in front.
    """

    auth: Literal["api-key", "iam"] = "api-key"
    origins: tuple[str, ...] = ()
    firewall: bool = False


@dataclass(frozen=True)
class GlueCapacity:
    """A worker of G.1X has 4 vCPU and 16 GB. `concurrent_runs` is the number of data sets prepared at once."""

    worker_type: str
    workers: int
    concurrent_runs: int
    timeout_minutes: int


@dataclass(frozen=True)
class Jobs:
    """Instances of the pipeline's jobs, and of the transform jobs of batches."""

    processing_instance: str
    training_instance: str
    transform_instance: str
    volume_gb: int
    timeout_seconds: int


@dataclass(frozen=True)
class Network:
    """Private subnets for jobs, endpoints and functions. docs/network.md says what has to be reachable from them.

    Glue runs in one subnet, the first; `availability_zone` is its zone.
    """

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    availability_zone: str


@dataclass(frozen=True)
class Delivery:
    """GitHub Actions that may act on AWS. docs/ci.md has the steps.

    `repository` is owner/name. `accounts` says which environments live together: (("dev", "prod"),) in one account,
    (("dev",), ("prod",)) in two. Each gets a stack with the roles of its own environments, and of no other's: whoever
    may deploy dev could deploy whatever else is in the account. `repository_id` (`gh api repos/OWNER/NAME --jq .id`)
    keeps out another repository that takes the name later. GitHub's provider exists once an account: `provider` is
    False when something else made it.
    `image_repository`: name of an ECR repository for the page's image. `cluster`: the EKS cluster that runs the page.
    """

    repository: str
    accounts: tuple[tuple[str, ...], ...]
    branch: str = "main"
    repository_id: str | None = None
    provider: bool = True
    image_repository: str | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Alerting:
    """Who hears of trouble. An alarm costs about 0.10 USD a month, a dashboard 3 USD from the account's fourth on.

    `emails` each have to confirm a message of AWS. `encrypted`: a KMS key of the topic's own, 1 USD a month;
    `customer_key` of the environment includes it. `runbooks` is where the links in the texts of alarms lead: a folder
    of this repository, or its address on the web. `monthly_budget_usd`: None is no budget.
    """

    emails: tuple[str, ...] = ()
    alarms: bool = True
    dashboard: bool = True
    encrypted: bool = False
    monthly_budget_usd: int | None = None
    runbooks: str = "docs/runbooks/"


@dataclass(frozen=True)
class StageConfig:
    """One environment. `protected` keeps data, registry and stacks from being deleted with the code that made them."""

    name: str
    protected: bool
    approval: Literal["Approved", "PendingManualApproval"]
    log_retention: RetentionDays
    throttle: Throttle
    glue: GlueCapacity
    jobs: Jobs
    api: ApiAccess = ApiAccess()
    concurrency: Concurrency = Concurrency()
    # None: as the model's contract says.
    serving_mode: Literal["serverless", "realtime"] | None = None
    # A KMS key of its own encrypts buckets, queues, topic, log groups and job volumes: about a dollar a month.
    customer_key: bool = False
    # None: jobs, endpoints and functions run outside of any VPC of yours.
    network: Network | None = None
    alerting: Alerting = Alerting()
    # For more models than policies and stacks can list, some fifteen: what stands once for each is shared, or goes
    # into stacks within the stacks. docs/many-models.md, before it changes where something is deployed.
    many_models: bool = False
    # project.toml has it.
    project: str = PROJECT.name

    @property
    def removal_policy(self) -> RemovalPolicy:
        """Of what holds data or versions. A deployment that fails takes back what it has just made: it is empty."""
        return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if self.protected else RemovalPolicy.DESTROY

    @property
    def tags(self) -> dict[str, str]:
        return {"project": self.project, "stage": self.name}

    @property
    def prefix(self) -> str:
        """What the names of this environment start with."""
        return f"{self.project}-{self.name}-"

    @property
    def event_source(self) -> str:
        """What our own events name as their source. A run has the same id everywhere: it does not tell environments
        apart, and a policy can allow or refuse events by their source."""
        return f"{self.project}.{self.name}"

    @property
    def metrics(self) -> str:
        """Namespace of the platform's own metrics."""
        return f"{self.project}/{self.name}"

    @property
    def glue_logs(self) -> str:
        """What the log groups of this environment's Glue job start with; /aws-glue/jobs is everybody's."""
        return f"/aws-glue/{self.project}-{self.name}"

    @property
    def database(self) -> str:
        """Athena wants quotes around a name with hyphens."""
        return f"{self.project}_{self.name}"

    def is_realtime(self, contract: Contract) -> bool:
        """Whether the model is served by instances in this environment."""
        return (self.serving_mode or contract.serving.mode) == "realtime"

    def is_shared(self, contract: Contract) -> bool:
        """Whether the model answers behind the multi-model endpoint here. A serverless model has no use for one."""
        return self.is_realtime(contract) and contract.serving.hosting == "multi-model"

    def scopes(self, models: Iterable[str]) -> list[str]:
        """What grants name: each model; or, of many, whatever is this environment's."""
        return [EVERY] if self.many_models else list(models)

    def names(self, models: Iterable[str]) -> list[Any]:
        """What a pattern of events asks of the name of a model's resource."""
        return [{"prefix": self.prefix}] if self.many_models else [self.resource_name(model) for model in models]

    def resource_name(self, model: str) -> str:
        """Name of the model's pipeline, model package group and endpoint, where SageMaker takes no underscore."""
        return self.prefix + model.replace("_", "-")


DEV = StageConfig(
    name="dev",
    protected=False,
    approval="Approved",
    log_retention=RetentionDays.TWO_WEEKS,
    throttle=Throttle(requests_per_second=10, burst=20, requests_per_day=10_000),
    glue=GlueCapacity(worker_type="G.1X", workers=2, concurrent_runs=3, timeout_minutes=30),
    jobs=Jobs(
        processing_instance="ml.m5.large",
        training_instance="ml.m5.large",
        transform_instance="ml.m5.large",
        volume_gb=30,
        timeout_seconds=3600,
    ),
    # Costs nothing while nobody asks.
    serving_mode="serverless",
)

PROD = StageConfig(
    name="prod",
    protected=True,
    approval="PendingManualApproval",
    log_retention=RetentionDays.ONE_YEAR,
    throttle=Throttle(requests_per_second=50, burst=100, requests_per_day=1_000_000),
    glue=GlueCapacity(worker_type="G.1X", workers=2, concurrent_runs=5, timeout_minutes=120),
    jobs=Jobs(
        processing_instance="ml.m5.large",
        training_instance="ml.m5.xlarge",
        transform_instance="ml.m5.xlarge",
        volume_gb=50,
        timeout_seconds=4 * 3600,
    ),
    alerting=Alerting(encrypted=True),
)

STAGES = (DEV, PROD)

# None: no role for GitHub. A fork names itself here: Delivery(repository="owner/name", accounts=(("dev",), ("prod",))).
DELIVERY: Delivery | None = None
