"""Schedule properties that MiniStack's provisioner drops."""

from ministack.services import scheduler

from localcloud.provisioners.handlers import Properties, after

HOOKS = (("ministack.services.scheduler", "_schedules"),)

DEFAULTS = {
    "ActionAfterCompletion": "NONE",
    "EndDate": None,
    "KmsKeyArn": None,
    "ScheduleExpressionTimezone": "UTC",
    "StartDate": None,
}


def apply(name: str, properties: Properties, old: Properties) -> None:
    """The time zone is kept and readable; cron expressions fire by UTC."""
    schedule = scheduler._schedules[f"{properties.get('GroupName', 'default')}/{name}"]
    schedule.update({member: properties.get(member, default) for member, default in DEFAULTS.items()})


def install() -> None:
    after("AWS::Scheduler::Schedule", apply)
