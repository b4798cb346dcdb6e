"""What each type of pipeline step may contain, and which operations stand behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

COMMON = frozenset({"Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description"})


@dataclass(frozen=True)
class StepType:
    extra: frozenset[str] = frozenset()
    create: str = ""
    """The operation whose request the step's Arguments are."""
    name_member: str = ""
    """The member of that request which the pipeline fills in; what the arguments have there is the name's prefix."""
    describe: str = ""
    """The operation whose response other steps may refer to."""
    metadata: str = ""
    cache_members: tuple[str, ...] = field(default=())
    """The arguments that decide whether a previous run may be reused (AWS documents them by step type)."""


_RETRY = frozenset({"RetryPolicies"})
_CACHE = frozenset({"CacheConfig"})

STEP_TYPES: Mapping[str, StepType] = {
    "Processing": StepType(
        extra=_RETRY | _CACHE | {"PropertyFiles"},
        create="CreateProcessingJob",
        name_member="ProcessingJobName",
        describe="DescribeProcessingJob",
        metadata="ProcessingJob",
        cache_members=("AppSpecification", "Environment", "ProcessingInputs"),
    ),
    "Training": StepType(
        extra=_RETRY | _CACHE,
        create="CreateTrainingJob",
        name_member="TrainingJobName",
        describe="DescribeTrainingJob",
        metadata="TrainingJob",
        cache_members=(
            "AlgorithmSpecification",
            "CheckpointConfig",
            "DebugHookConfig",
            "DebugRuleConfigurations",
            "Environment",
            "HyperParameters",
            "InputDataConfig",
        ),
    ),
    "Transform": StepType(
        extra=_RETRY | _CACHE,
        create="CreateTransformJob",
        name_member="TransformJobName",
        describe="DescribeTransformJob",
        metadata="TransformJob",
        cache_members=("DataProcessing", "Environment", "ModelName", "TransformInput"),
    ),
    "Model": StepType(
        extra=_RETRY, create="CreateModel", name_member="ModelName", describe="DescribeModel", metadata="Model"
    ),
    "RegisterModel": StepType(
        extra=_RETRY, create="CreateModelPackage", describe="DescribeModelPackage", metadata="RegisterModel"
    ),
    "Lambda": StepType(extra=_RETRY | _CACHE | {"FunctionArn", "OutputParameters"}, metadata="Lambda"),
    "Condition": StepType(metadata="Condition"),
    "Fail": StepType(metadata="Fail"),
}

# Types that AWS has and the local SageMaker does not.
NOT_IMPLEMENTED = frozenset(
    {"AutoML", "Callback", "ClarifyCheck", "EMR", "EMRServerless", "NotebookJob", "QualityCheck", "Tuning"}
)

RETRY_EXCEPTIONS = frozenset(
    {
        "Step.SERVICE_FAULT",
        "Step.THROTTLING",
        "SageMaker.JOB_INTERNAL_ERROR",
        "SageMaker.CAPACITY_ERROR",
        "SageMaker.RESOURCE_LIMIT",
    }
)
OUTPUT_TYPES = frozenset({"String", "Integer", "Float", "Boolean"})
