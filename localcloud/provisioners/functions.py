"""Properties of functions and event source mappings that MiniStack's provisioner drops."""

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from localcloud.provisioners.handlers import Properties, after

HOOKS = (
    ("ministack.services.cloudformation.provisioners", "_tag_map"),
    ("ministack.services.lambda_svc", "_esms"),
    ("ministack.services.lambda_svc", "_functions"),
)

KEPT = ("DeadLetterConfig", "KmsKeyArn", "VpcConfig", "FileSystemConfigs")


def apply(name: str, properties: Properties, old: Properties) -> None:
    function = lambda_svc._functions[name]
    for member in KEPT:
        if properties.get(member):
            function["config"][member] = properties[member]
        elif member in old:
            function["config"].pop(member, None)
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        function["concurrency"] = int(reserved)
    elif "ReservedConcurrentExecutions" in old:
        function["concurrency"] = None


def apply_mapping(mapping_id: str, properties: Properties, old: Properties) -> None:
    lambda_svc._esms[mapping_id]["Tags"] = provisioners._tag_map(properties.get("Tags"))


def install() -> None:
    after("AWS::Lambda::Function", apply)
    after("AWS::Lambda::EventSourceMapping", apply_mapping)
