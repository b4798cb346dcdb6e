"""REST APIs of API Gateway: what is deployed, their keys and plans, and how a request reaches its integration."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import arn as _arn
from ministack.services import apigateway_v1 as _v1

from localcloud.ministack.replacing import replace, wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Answer = tuple[int, dict[str, str], bytes]


def is_deployed(api_id: str, stage: str) -> bool:
    """Whether some account has the API, with this stage."""
    return _v1.find_api_scope(api_id) is not None and stage in _v1.stages_for_api(api_id)


def execution_arn(region: str, account: str, api_id: str, stage: str, method: str, path: str) -> str:
    """What a function's policy names as the source of an invocation."""
    return str(_arn.execute_api_arn(region, account, api_id, stage, method, path))


def resources(api_id: str) -> Mapping[str, Any]:
    """The resources of an API by id, each with its `resourceMethods`; {} for an unknown one."""
    found: Mapping[str, Any] = _v1._resources.get(api_id, {})
    return found


def stage(api_id: str, name: str) -> dict[str, Any] | None:
    """The stage itself, in the members of the API: what is changed in it counts."""
    found: dict[str, Any] | None = _v1._stages_v1.get(api_id, {}).get(name)
    return found


def api_keys() -> Mapping[str, Any]:
    """The keys of the account by id, each with `value` and `enabled`: what is changed in one counts."""
    found: Mapping[str, Any] = _v1._api_keys
    return found


def usage_plans() -> Mapping[str, Any]:
    """The usage plans of the account by id, each with its `apiStages`: what is changed in one counts."""
    found: Mapping[str, Any] = _v1._usage_plans
    return found


def plan_holds(plan_id: str, key_id: str) -> bool:
    return key_id in _v1._usage_plan_keys.get(plan_id, {})


def key_of_request(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The key that a request to an API shows, which has been checked before."""
    found: Mapping[str, Any] = _v1._resolve_api_key(_v1._api_key_from_request(headers))
    return found


def parameter(query: Mapping[str, Any], name: str) -> Any:
    """The value of a query parameter, None without one."""
    return _v1._qp(query, name)


def header(headers: Mapping[str, Any], name: str) -> Any:
    """The value of a header, in whatever case its name is."""
    return _v1._header_ci(headers, name)


def answer(data: Any) -> Answer:
    """An answer of the control plane."""
    found: Answer = _v1._v1_response(data)
    return found


def error(code: str, message: str, status: int) -> Answer:
    """A refusal of the control plane."""
    found: Answer = _v1._v1_error(code, message, status)
    return found


def gateway_error(kind: str, message: str) -> Any:
    """A gateway response ("INTEGRATION_TIMEOUT"), which the API may word anew."""
    return _v1._gw_error(kind, message)


def name_gateway_error(code: str, response: str, kind: str) -> None:
    """Which gateway response an authentication failure with this code is, and its error type."""
    _v1._AUTHENTICATION_GATEWAY_ERRORS[code] = (response, kind)


def function_of(integration_uri: str) -> Any:
    """The ARN of the function that an integration invokes; None for another integration."""
    return _v1._extract_lambda_ref_from_integration_uri(integration_uri)


def service_of(integration_uri: str) -> Any:
    """What an AWS integration asks: (region, service, kind, path or action); None for other integrations."""
    return _v1._parse_service_integration_uri(integration_uri)


def render_template(template: str, body: str, parameters: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """A mapping template of an integration, applied."""
    return str(_v1._render_request_template_v1(template, body, parameters, context))


def create_request_validator(api_id: str, members: Mapping[str, Any]) -> Answer:
    found: Answer = _v1._create_request_validator(api_id, members)
    return found


def update_request_validator(api_id: str, validator_id: str, members: Mapping[str, Any]) -> None:
    _v1._request_validators[api_id][validator_id].update(members)


def delete_request_validator(api_id: str, validator_id: str) -> None:
    _v1._delete_request_validator(api_id, validator_id)


def wrap_control_plane(make: Make) -> None:
    """Around every request to API Gateway itself: async (method, path, headers, body, query) -> answer."""
    wrap(_v1, "handle_request", make)


def wrap_execution(make: Make) -> None:
    """Around every request to a deployed API: async (request, api, stage, method, path, headers, body, ...)."""
    wrap(_v1, "_execute_in_scope", make)


def wrap_function_event(make: Make) -> None:
    """Around the event that a function gets from a proxy integration."""
    wrap(_v1, "_build_lambda_event_v1", make)


def wrap_proxy_integration(make: Make) -> None:
    """Around AWS_PROXY integrations: async (integration, api, stage, _, _, path, method, ...) -> answer."""
    wrap(_v1, "_invoke_lambda_proxy_v1", make)


def wrap_aws_integration(make: Make) -> None:
    """Around AWS integrations, of functions and of other services: the arguments of `wrap_proxy_integration`."""
    wrap(_v1, "_invoke_lambda_custom_v1", make)


def replace_proxy_answer(judge: Callable[[Mapping[str, Any]], Any]) -> None:
    """Decide what a function's result is worth: result -> (proxy response or None, message of the failure)."""
    replace(_v1, "_lambda_proxy_response", judge)
