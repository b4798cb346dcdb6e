"""Functions that look for lost events, told that an event is late after seconds instead of minutes."""

from __future__ import annotations

import time

from tests.e2e.conftest import Platform

LATE_SECONDS = "3"


def hurry(platform: Platform) -> None:
    """Ends once the first look was there: what was before it is not looked at."""
    functions = platform.target.client("lambda")
    _wait_for_a_look(platform)
    for name in platform.target.resources("AWS::Lambda::Function").values():
        variables = functions.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
        if "LATE_SECONDS" in variables:
            changed = {**variables, "LATE_SECONDS": LATE_SECONDS}
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})


def _wait_for_a_look(platform: Platform) -> None:
    place = {"Bucket": platform.target.output("ProcessedBucketName"), "Prefix": "reconcile/progress.json"}
    deadline = time.monotonic() + 60
    while not platform.target.client("s3").list_objects_v2(**place).get("KeyCount"):
        assert time.monotonic() < deadline, "nobody looks"
        time.sleep(0.2)
