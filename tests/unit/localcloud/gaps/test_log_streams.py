"""FilterLogEvents reads the streams whose names begin as asked."""

from __future__ import annotations

import time

import pytest

from localcloud.host import LocalCloud


def test_events_are_filtered_by_the_beginning_of_the_stream(cloud: LocalCloud) -> None:
    logs, group = cloud.client("logs"), "/shared/by/jobs"
    logs.create_log_group(logGroupName=group)
    for stream in ("job-1/algo-1", "job-10/algo-1", "other"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": int(time.time() * 1000), "message": f"{stream} says aa"}]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def found(**request: object) -> list[str]:
        events = logs.filter_log_events(logGroupName=group, **request)["events"]
        return sorted(event["logStreamName"] for event in events)

    assert found(logStreamNamePrefix="job-1") == ["job-1/algo-1", "job-10/algo-1"]
    assert found(logStreamNamePrefix="job-1/", filterPattern='"aa"') == ["job-1/algo-1"]
    assert found(logStreamNamePrefix="job-1/", filterPattern='"bb"') == []
    assert found(logStreamNamePrefix="nobody") == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="/nothing", logStreamNamePrefix="job")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="mutually exclusive"):
        found(logStreamNamePrefix="job", logStreamNames=["other"])
