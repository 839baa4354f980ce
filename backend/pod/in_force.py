"""The settings in force, as the parts of the pod's keeper ask for them at every step.

What the operator has changed is kept in the database. A copy is on the disk, because a pod is kept before the database
is there, and while it is away: by the operator's schedule, hours and limits then, not by the environment's.
"""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError

from backend.errors import InvalidRequest, OndolError, Text
from backend.pod.files import write_whole
from backend.pod.idle_rule import IdleRule
from backend.pod.machine import Timing
from backend.pod.options import PodOptions
from backend.pod.policy import Config
from backend.pod.schedule import Schedule, parse
from backend.settings import Settings

FILE_NAME = "pod-settings.json"
log = structlog.get_logger()


class InForce:
    """Attributes:
    changed: what the operator has changed, as JSON values.
    options: with the environment's values for all else.
    rule: learnt from history; counts where the options want it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._path = settings, settings.data_dir / FILE_NAME
        self.rule: IdleRule | None = None
        self._use({})
        try:
            self._use(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, OndolError):
            return  # there is none, or it is of another release: the database has what was changed

    def checked(self, changes: Mapping[str, Any]) -> PodOptions:
        """The environment's values with these changes. Raises InvalidRequest, InvalidSchedule."""
        try:
            return PodOptions.of(self._settings, changes)
        except ValidationError as error:
            first = error.errors()[0]
            reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
            raise InvalidRequest(reason=Text(reason, reason)) from None

    def adopt(self, changes: Mapping[str, Any]) -> None:
        """Puts changes in force, in place of all earlier ones, and on disk. Raises InvalidRequest, InvalidSchedule."""
        self._use(changes)
        try:
            write_whole(self._path, json.dumps(changes, ensure_ascii=False))
        except OSError as error:
            log.error("pod_settings_not_saved", reason=error.strerror or type(error).__name__)

    def follow(self, rule: IdleRule | None) -> None:
        """Another learnt rule, or none."""
        self.rule = rule
        self._config = self.options.config(rule)

    def _use(self, changes: Mapping[str, Any]) -> None:
        self.options = self.checked(changes)
        self.changed = changes
        self._schedule = parse(self.options.schedule)
        self._config = self.options.config(self.rule)

    def config(self) -> Config:
        """What the policy goes by."""
        return self._config

    def timing(self) -> Timing:
        """Of a stop."""
        return Timing(warn_s=self.options.warn_s, grace_s=self.options.grace_s)

    def schedule(self) -> Schedule:
        """When the pod is to run."""
        return self._schedule

    def threshold(self) -> float:
        """Percent of the GPU from which it is busy."""
        return self.options.threshold_percent
