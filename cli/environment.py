"""What the AWS CLI and other clients need to talk to the running local cloud, as a shell sets it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Literal

from cli.target import no_cloud, running_cloud

Shell = Literal["posix", "fish", "powershell"]

# What the user has set for AWS, and what would be sent along or looked up instead.
UNSET = ("AWS_SESSION_TOKEN", "AWS_PROFILE")


def variables() -> dict[str, str]:
    """Endpoint, region and keys. Raises CliError when no local cloud is running."""
    state = running_cloud()
    if state is None:
        raise no_cloud()
    return _variables(state)


def _variables(state: Mapping[str, Any]) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": state["endpoint"],
        "AWS_REGION": state["region"],
        "AWS_DEFAULT_REGION": state["region"],
        "AWS_ACCESS_KEY_ID": state["access_key"],
        "AWS_SECRET_ACCESS_KEY": state["secret_key"],
    }


def commands(values: Mapping[str, str], shell: Shell) -> str:
    """Lines for the shell to evaluate."""
    unset, assign, quoted = SHELLS[shell]
    lines = [unset.format(name=name) for name in UNSET]
    return "\n".join(lines + [assign.format(name=name, value=quoted(value)) for name, value in values.items()])


def _fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# How a shell drops a variable, sets one, and writes a value.
SHELLS: Mapping[Shell, tuple[str, str, Callable[[str], str]]] = {
    "posix": ("unset {name}", "export {name}={value}", shlex.quote),
    "fish": ("set --erase {name}", "set --export --global {name} {value}", _fish),
    "powershell": ("$env:{name} = $null", "$env:{name} = {value}", _powershell),
}
