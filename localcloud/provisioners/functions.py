"""Properties of functions and event source mappings that MiniStack's provisioner drops."""

from localcloud.ministack import cloudformation
from localcloud.ministack import functions as store
from localcloud.ministack.cloudformation import Properties

KEPT = ("DeadLetterConfig", "KmsKeyArn", "VpcConfig", "FileSystemConfigs")


def apply(name: str, properties: Properties, old: Properties) -> None:
    function = store.functions()[name]
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
    store.mapping(mapping_id)["Tags"] = cloudformation.tag_map(properties.get("Tags"))


def install() -> None:
    cloudformation.after("AWS::Lambda::Function", apply)
    cloudformation.after("AWS::Lambda::EventSourceMapping", apply_mapping)
