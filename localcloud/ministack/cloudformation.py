"""CloudFormation: provisioners of resource types, and the operations on stacks."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ministack.services import cloudformation as _cloudformation
from ministack.services.cloudformation import changesets as _changesets
from ministack.services.cloudformation import custom_resource as _custom_resource
from ministack.services.cloudformation import engine as _engine
from ministack.services.cloudformation import handlers as _handlers
from ministack.services.cloudformation import helpers as _helpers
from ministack.services.cloudformation import provisioners as _provisioners
from ministack.services.cloudformation import stacks as _stacks
from ministack.services.cloudformation import wait_conditions as _wait_conditions

from localcloud.ministack.replacing import replace, wrap, wrap_entry

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Properties = Mapping[str, Any]
# Physical id and attributes.
Created = tuple[str, dict[str, Any]]
# physical id, properties, previous properties ({} for a create)
Apply = Callable[[str, Properties, Properties], None]
Check = Callable[[str, Properties], None]


def register_type(resource_type: str, **functions: Any) -> None:
    """Provision a type that MiniStack does not know, or in the place of its own.

    `create(logical_id, properties, stack)` and `update(physical_id, old, new, stack)` return physical id and
    attributes, `delete(physical_id, properties)` nothing; ValueError is the reason of a failure. With
    `update_with_logical_id=True` update gets the logical id too. `import` (identifier) takes a resource over.
    """
    _provisioners._RESOURCE_HANDLERS[resource_type] = functions


def knows(resource_type: str) -> bool:
    return resource_type in _provisioners._RESOURCE_HANDLERS


def types() -> list[str]:
    """The resource types that are provisioned."""
    return sorted(_provisioners._RESOURCE_HANDLERS)


def after(resource_type: str, apply: Apply) -> None:
    """Call `apply` when a resource of the type was created or updated; in the order in which they were asked for."""
    handlers = _provisioners._RESOURCE_HANDLERS[resource_type]
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


def before(resource_type: str, check: Check, *, updates: bool = True) -> None:
    """Call `check` with the physical id ("" for a create) and the properties first: a ValueError refuses them."""
    handlers = _provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers.get("update")

    def checked_create(logical_id: str, properties: Properties, stack: str) -> Created:
        check("", properties)
        created: Created = create(logical_id, properties, stack)
        return created

    def checked_update(physical_id: str, old: Properties, new: Properties, *more: Any) -> Created:
        assert update is not None
        check(physical_id, new)
        updated: Created = update(physical_id, old, new, *more)
        return updated

    handlers["create"] = checked_create
    if update and updates:
        handlers["update"] = checked_update


def allow_import(resource_type: str, member: str, problem: Callable[[str], str | None]) -> None:
    """Let a change set import the type by this identifier; `problem` says why there is nothing to import by it."""
    _changesets._IMPORT_LOOKUPS[resource_type] = ((member,), problem)


def physical_name(stack: str, logical_id: str, *, longest: int) -> str:
    """The name that CloudFormation makes for a resource without one."""
    return str(_provisioners._physical_name(stack, logical_id, max_len=longest))


def tag_map(tags: Any) -> dict[str, str]:
    """{key: value} of a template's Tags, in either form."""
    found: dict[str, str] = _provisioners._tag_map(tags)
    return found


def boolean(value: Any) -> Any:
    """A flag of a template, which may be a text."""
    return _provisioners._cfn_bool(value)


def throttle(limit: Any) -> Any:
    """A ThrottleSettings property in the members of API Gateway."""
    return _provisioners._apigw_throttle(limit)


def keep_stack_tags(resource_type: str, member: str) -> None:
    """Give resources of the type the tags that name stack and logical id, in this property (a list)."""
    _provisioners._STACK_TAG_PROPERTY[resource_type] = (member, "list")


def reset_on_update(job: Mapping[str, Any], trigger: Mapping[str, Any]) -> None:
    """The values that an update of a Glue job or trigger sets for properties that its template no longer has."""
    _provisioners._GLUE_JOB_DEFAULTS.update(job)
    _provisioners._GLUE_TRIGGER_DEFAULTS.update(trigger)


def before_mapping(check: Callable[[Properties], None]) -> None:
    """Check an event source mapping before it is made, from a template of its own or along with its function."""

    def checked(create: Callable[..., Any]) -> Callable[..., Any]:
        def handle(logical_id: str, properties: Properties, stack: str) -> Any:
            check(properties)
            return create(logical_id, properties, stack)

        return handle

    wrap(_provisioners, "_lambda_esm_create", checked)
    handlers = _provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    handlers["create"] = checked(handlers["create"])


def wrap_provisioning(make: Make) -> None:
    """Around the creation of every resource: (type, logical id, properties, stack) -> physical id, attributes."""
    provision = make(_provisioners._provision_resource)
    replace(_provisioners, "_provision_resource", provision)
    replace(_stacks, "_provision_resource", provision)


def wrap_validation(make: Make) -> None:
    """Around the check of a template before anything is done: (template, ...), which raises ValueError."""
    validate = make(_engine.validate_template_support)
    replace(_engine, "validate_template_support", validate)
    replace(_handlers, "validate_template_support", validate)
    replace(_changesets, "validate_template_support", validate)


def wrap_action(name: str, make: Make) -> None:
    """Around an operation ("DescribeStacks"): parameters -> answer."""
    wrap_entry(_cloudformation._ACTION_HANDLERS, name, make, of="ministack.services.cloudformation._ACTION_HANDLERS")


def wrap_stack_lookup(make: Make) -> None:
    """Around finding a stack by name or id, for every operation: name -> stack or None."""
    wrap(_handlers, "_resolve_stack", make)


def find_stack(name: str) -> dict[str, Any] | None:
    """The stack itself: what is changed in it counts."""
    found: dict[str, Any] | None = _handlers._resolve_stack(name)
    return found


def stacks() -> list[MutableMapping[str, Any]]:
    """Every stack of the account and region, deleted ones too."""
    return list(_cloudformation._stacks.values())


def stack_events(stack_id: str) -> list[dict[str, Any]]:
    """What happened to the stack's resources, oldest first."""
    found: list[dict[str, Any]] = _cloudformation._stack_events.get(stack_id, [])
    return found


def parameter(parameters: Mapping[str, Any], name: str, default: str = "") -> str:
    """A parameter of an operation."""
    return str(_helpers._p(parameters, name, default))


def error(code: str, message: str) -> Any:
    """A refusal of an operation."""
    return _helpers._error(code, message)


def awaits_response(token: str) -> bool:
    """Whether a custom resource waits for the answer to this token now."""
    return token in _custom_resource._pending


def awaits_signal(token: str) -> bool:
    """Whether a wait condition waits for a signal to this handle."""
    return bool(_wait_conditions.has_handle(token))
