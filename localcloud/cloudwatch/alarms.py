"""Alarms are evaluated when their metric gets data and twice a second, and tell EventBridge when their state changes.

MiniStack evaluates on PutMetricData only, over all dimensions of a metric and without missing data.
"""

import asyncio
import contextvars
import datetime
import logging
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from localcloud import platform
from localcloud.cloudwatch import evaluation, queues
from localcloud.events.principals import topic_allows
from localcloud.ministack import access, cloudwatch, scope

TICK_SECONDS = 0.5
DETAIL_TYPE = "CloudWatch Alarm State Change"
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")

logger = logging.getLogger("localcloud")

Alarm = MutableMapping[str, Any]
_held: dict[str, float] = {}
"""Until when an alarm keeps the state that SetAlarmState gave it, by ARN: on AWS until its next evaluation."""
_told: dict[str, dict[str, Any]] = {}
"""The last state of an alarm that an event told of, by ARN."""


def install() -> None:
    """Call it on the event loop that serves MiniStack."""
    _held.clear()
    _told.clear()
    cloudwatch.replace_evaluation(_evaluate)
    cloudwatch.wrap_actions(_announcing)
    cloudwatch.wrap_set_state(_holding)
    loop = asyncio.get_running_loop()
    loop.call_later(TICK_SECONDS, _tick, loop)


def _tick(loop: asyncio.AbstractEventLoop) -> None:
    # First: a look that fails is reported by the loop, and must not be the last.
    loop.call_later(TICK_SECONDS, _tick, loop)
    queues.publish()
    for place in cloudwatch.alarm_scopes():
        with scope.acting_in(*place):
            cloudwatch.evaluate_alarms()


def _evaluate(alarm: Alarm) -> None:
    if not alarm.get("MetricName") or time.monotonic() < _held.get(alarm["AlarmArn"], 0.0):
        return
    dimensions = cloudwatch.dimension_map(alarm.get("Dimensions"))
    points = cloudwatch.points(alarm["Namespace"], alarm["MetricName"], dimensions)
    verdict = evaluation.evaluate(alarm, points, time.time())
    old = alarm["StateValue"]
    if verdict is None or verdict.state == old:
        return
    alarm["StateValue"], alarm["StateReason"] = verdict.state, verdict.reason
    alarm["StateUpdatedTimestamp"] = alarm["StateTransitionedTimestamp"] = int(time.time())
    cloudwatch.state_changed(alarm, old, verdict.state, verdict.reason)


def _holding(set_state: Callable[..., Any]) -> Callable[..., Any]:
    def set_alarm_state(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        answer = set_state(params, cbor_data, is_cbor, is_json)
        alarm = cloudwatch.metric_alarm(cbor_data.get("AlarmName") or cloudwatch.parameter(params, "AlarmName"))
        if alarm is not None:
            _held[alarm["AlarmArn"]] = time.monotonic() + evaluation.period_seconds(alarm)
        return answer

    return set_alarm_state


def _announcing(dispatch: Callable[..., None]) -> Callable[..., None]:
    def dispatch_alarm_actions(alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        # In a context of its own: whoever brought the datapoint is not who publishes.
        told = (dispatch, platform.account(), platform.region(), alarm, old_state, new_state, reason)
        contextvars.Context().run(_tell, *told)
        arn, moment = alarm["AlarmArn"], datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        state = {"value": new_state, "reason": reason, "timestamp": f"{moment[:-3]}+0000"}
        previous, _told[arn] = _told.get(arn, {"value": old_state}), state
        detail = {
            "alarmName": alarm["AlarmName"],
            "configuration": _configuration(alarm),
            "previousState": previous,
            "state": state,
        }
        # In a thread: delivering an event may wait for this very loop.
        platform.spawn(platform.emit, "aws.cloudwatch", DETAIL_TYPE, detail, [arn])

    return dispatch_alarm_actions


def _tell(
    dispatch: Callable[..., None],
    account_id: str,
    region_name: str,
    alarm: Alarm,
    old_state: str,
    new_state: str,
    reason: str,
) -> None:
    """As CloudWatch, which comes by TLS."""
    with scope.acting_in(account_id, region_name):
        access.from_this_machine()
        dispatch(_with_allowed_actions(alarm), old_state, new_state, reason)


def _with_allowed_actions(alarm: Alarm) -> Alarm:
    """Without the topics whose policy does not let the alarm publish."""
    kept = {}
    for field in ACTIONS:
        kept[field] = [action for action in alarm.get(field) or [] if _may_act(action, alarm["AlarmArn"])]
        for refused in set(alarm.get(field) or []) - set(kept[field]):
            logger.error(
                "The policy of %s, or of its key, does not let alarm %s publish to it", refused, alarm["AlarmName"]
            )
    return {**alarm, **kept}


def _may_act(action: str, alarm_arn: str) -> bool:
    if not action.startswith("arn:aws:sns:"):
        return True
    return topic_allows(action, service="cloudwatch.amazonaws.com", source_arn=alarm_arn)


def _configuration(alarm: Alarm) -> dict[str, Any]:
    described = {"description": alarm["AlarmDescription"]} if alarm.get("AlarmDescription") else {}
    if "AlarmRule" in alarm:
        return {**described, "alarmRule": alarm["AlarmRule"]}
    metric = {
        "namespace": alarm.get("Namespace"),
        "name": alarm.get("MetricName"),
        "dimensions": cloudwatch.dimension_map(alarm.get("Dimensions")),
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    stat = {"metric": metric, "period": alarm.get("Period"), "stat": statistic}
    return {**described, "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}]}
