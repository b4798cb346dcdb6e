"""How our work joins MiniStack's CloudFormation handlers: something more after a create or an update."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services.cloudformation import provisioners

HOOKS = (("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),)

Properties = Mapping[str, Any]
Created = tuple[str, dict[str, Any]]
# physical id, properties, previous properties ({} for a create)
Apply = Callable[[str, Properties, Properties], None]


def after(resource_type: str, apply: Apply) -> None:
    """Call `apply` when MiniStack has created or updated a resource of the type."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers.get("update")

    def create_and_apply(logical_id: str, properties: Properties, stack: str) -> Created:
        created: Created = create(logical_id, properties, stack)
        apply(created[0], properties, {})
        return created

    def update_and_apply(physical_id: str, old: Properties, new: Properties, *more: Any) -> Created:
        assert update is not None
        updated: Created = update(physical_id, old, new, *more)
        apply(updated[0], new, old if updated[0] == physical_id else {})
        return updated

    handlers["create"] = create_and_apply
    if update:
        handlers["update"] = update_and_apply
