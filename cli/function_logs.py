"""Where the functions of an environment log."""

from __future__ import annotations

from cli.target import Target

# Their lines are about requests: a run that is live would have one for each prediction.
ANSWERING = ("Predict", "Platform")


def function_logs(target: Target, *, answering: bool = False) -> dict[str, str]:
    """Functions that work on runs, by their id in the template, with their log groups.

    `answering`: those that answer requests of the REST API instead.
    """
    configure = target.client("lambda").get_function_configuration
    found = {}
    for logical_id, name in target.resources("AWS::Lambda::Function").items():
        function = logical_id[:-8]  # without the hash of its path
        if function.endswith(ANSWERING) == answering:
            settings = configure(FunctionName=name).get("LoggingConfig", {})
            found[function] = settings.get("LogGroup", f"/aws/lambda/{name}")
    return found
