"""The function's environment, read once."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tracking.place import project_of


@dataclass(frozen=True)
class Settings:
    """`shared_bucket` holds the models of the multi-model endpoint; None where no model shares one."""

    resource_prefix: str
    stage: str
    topic: str
    shared_bucket: str | None

    @property
    def tags(self) -> dict[str, str]:
        """Of what is made for this environment."""
        return {"project": project_of(self.resource_prefix, self.stage), "stage": self.stage}


SETTINGS = Settings(
    resource_prefix=os.environ["RESOURCE_PREFIX"],
    stage=os.environ["STAGE"],
    topic=os.environ["ALERTS_TOPIC_ARN"],
    shared_bucket=os.environ.get("SHARED_BUCKET"),
)
