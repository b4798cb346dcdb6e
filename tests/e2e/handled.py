"""Events that are to change nothing: a test waits until they were read, or it would pass without them."""

from __future__ import annotations

import time

from cli.function_logs import function_logs
from tests.e2e.conftest import Platform


def said(platform: Platform, function: str, words: str) -> int:
    """How many lines of a function's log hold the words; `function` is its id in the template, without the hash."""
    pages = platform.target.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=function_logs(platform.target)[function])
    return sum(words in event["message"] for page in found for event in page["events"])


def wait_until_said(platform: Platform, function: str, words: str, before: int, seconds: float = 30) -> None:
    """Until the function has said so once more than `before`."""
    deadline = time.monotonic() + seconds
    while said(platform, function, words) <= before:
        assert time.monotonic() < deadline, f"{function} did not say: {words}"
        time.sleep(0.2)


def wait_until_empty(platform: Platform, queue: str, seconds: float = 30) -> None:
    """Until nothing waits in the queue whose name starts so, and nothing is read from it."""
    sqs = platform.target.client("sqs")
    (url,) = sqs.list_queues(QueueNamePrefix=f"{platform.target.prefix}{queue}")["QueueUrls"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + seconds
    while any(int(n) for n in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()):
        assert time.monotonic() < deadline, f"{queue} is not empty"
        time.sleep(0.2)
