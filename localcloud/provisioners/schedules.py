"""Schedule properties that MiniStack's provisioner drops."""

from localcloud.ministack import cloudformation, events
from localcloud.ministack.cloudformation import Properties

DEFAULTS = {
    "ActionAfterCompletion": "NONE",
    "EndDate": None,
    "KmsKeyArn": None,
    "ScheduleExpressionTimezone": "UTC",
    "StartDate": None,
}


def apply(name: str, properties: Properties, old: Properties) -> None:
    """The time zone is kept and readable; cron expressions fire by UTC."""
    schedule = events.schedule(properties.get("GroupName", "default"), name)
    schedule.update({member: properties.get(member, default) for member, default in DEFAULTS.items()})


def install() -> None:
    cloudformation.after("AWS::Scheduler::Schedule", apply)
