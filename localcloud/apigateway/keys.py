"""API keys and usage plans: what the control plane refuses and hides, and the key that a function is told of."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud.ministack import apigateway

Answer = tuple[int, dict[str, str], bytes]
Handle = Callable[..., Awaitable[Answer]]
Query = Mapping[str, Any]
Data = Mapping[str, Any]


def install() -> None:
    apigateway.wrap_control_plane(_handling)
    apigateway.wrap_function_event(_telling_the_key)


def _handling(handle: Handle) -> Handle:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Query) -> Answer:
        kind, *ids = [*filter(None, path.split("/"))] or [""]
        refused = _refusal(kind, method, ids, _object(body))
        if refused is not None:
            return refused
        answer: Answer = await handle(method, path, headers, body, query)
        if kind == "apikeys" and answer[0] == 200:
            return _without_values(method, ids, answer, query)
        if kind == "usageplans" and method == "GET" and not ids:
            return _of_key(answer, apigateway.parameter(query, "keyId"))
        return answer

    return handle_request


def _object(body: bytes) -> Data:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(kind: str, method: str, ids: list[str], data: Data) -> Answer | None:
    """What API Gateway says no to, or answers itself where MiniStack would do something else."""
    match kind, method, ids:
        case "apikeys", "POST", []:
            return _taken(data.get("value"))
        case "usageplans", "POST", [plan_id, "keys"]:
            return _not_joined(plan_id, str(data.get("keyId")))
        case "usageplans", "DELETE", [plan_id]:
            return _still_used(plan_id)
        case "usageplans", "PATCH", [plan_id]:
            return _with_other_stages(plan_id, data.get("patchOperations") or [])
    return None


def _taken(value: object) -> Answer | None:
    if value and any(key["value"] == value for key in apigateway.api_keys().values()):
        return _error("ConflictException", "API Key already exists", 409)
    return None


def _not_joined(plan_id: str, key_id: str) -> Answer | None:
    """A key has one plan a stage."""
    if key_id not in apigateway.api_keys():
        return _error("NotFoundException", "Invalid API Key identifier specified", 404)
    wanted = _stages(apigateway.usage_plans().get(plan_id))
    for other, plan in apigateway.usage_plans().items():
        common = _stages(plan) & wanted
        if common and apigateway.plan_holds(other, key_id):
            reason = f"it cannot have several usage plans with the same API stage: {min(common)}"
            return _error("ConflictException", f"API Key {key_id} was not added to usage plan {plan_id}: {reason}", 409)
    return None


def _still_used(plan_id: str) -> Answer | None:
    if stages := _stages(apigateway.usage_plans().get(plan_id)):
        told = f"Usage plan {plan_id} has API stages, remove them first: {', '.join(sorted(stages))}"
        return _error("BadRequestException", told, 400)
    return None


def _with_other_stages(plan_id: str, changes: list[Data]) -> Answer | None:
    """Stages come and go by their names, <api>:<stage>; MiniStack would take all of them."""
    plan = apigateway.usage_plans().get(plan_id)
    if plan is None or not any(change.get("path") == "/apiStages" for change in changes):
        return None
    for change in changes:
        api, _, stage = str(change.get("value")).partition(":")
        if change.get("path") != "/apiStages" or change.get("op") not in ("add", "remove"):
            return _error("BadRequestException", "Change API stages apart from everything else", 400)
        others = [item for item in plan["apiStages"] if (item["apiId"], item["stage"]) != (api, stage)]
        if change["op"] == "remove" and len(others) == len(plan["apiStages"]):
            return _error("NotFoundException", f"API stage {api}:{stage} is not in the usage plan", 404)
        plan["apiStages"] = [*others, *([{"apiId": api, "stage": stage}] if change["op"] == "add" else [])]
    return apigateway.answer(plan)


def _stages(plan: Data | None) -> set[str]:
    return {f"{item['apiId']}:{item['stage']}" for item in (plan or {}).get("apiStages", ())}


def _without_values(method: str, ids: list[str], answer: Answer, query: Query) -> Answer:
    """A value is told to who asks for it, and to who makes the key."""
    document = json.loads(answer[2])
    asked = apigateway.parameter(query, "includeValue" if ids else "includeValues")
    if method == "PATCH":
        # The change says "false", which would be as good as true.
        key = apigateway.api_keys()[ids[0]]
        key["enabled"] = document["enabled"] = str(key["enabled"]).lower() == "true"
    elif str(asked).lower() == "true":
        return answer
    for key in document.get("item", [document]):
        key.pop("value", None)
    return answer[0], answer[1], json.dumps(document).encode()


def _of_key(answer: Answer, key_id: str | None) -> Answer:
    if not key_id or answer[0] != 200:
        return answer
    plans = [plan for plan in apigateway.usage_plans().values() if _holds(plan, key_id)]
    return apigateway.answer({"item": plans})


def _holds(plan: Data, key_id: str) -> bool:
    return apigateway.plan_holds(plan["id"], key_id)


def _telling_the_key(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A function learns of the key that its caller showed, where the method asks for one."""

    def build_event(*request: Any, **options: Any) -> dict[str, Any]:
        event = build(*request, **options)
        resource, method, headers = request[3], request[5], request[6]
        methods = resource.get("resourceMethods", {})
        if (methods.get(method) or methods.get("ANY") or {}).get("apiKeyRequired"):
            key = apigateway.key_of_request(headers)
            event["requestContext"]["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}
        return event

    return build_event


def _error(code: str, message: str, status: int) -> Answer:
    return apigateway.error(code, message, status)
