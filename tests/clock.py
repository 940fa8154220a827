"""A clock that tests set, so that no test waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host


@dataclass
class Clock:
    """A clock that stands still until it is moved.

    :param start: its first time.
    :param passed: by how much it was moved since.
    """

    start: datetime
    passed: timedelta

    def __call__(self) -> datetime:
        return self.start + self.passed

    def move(self, seconds: float = 0, days: float = 0) -> None:
        """Move the clock forward."""
        self.passed += timedelta(days=days, seconds=seconds)

    def on(self, host: Host) -> Host:
        """Return a server that has this clock."""
        return replace(host, clock=self)


def after_keys() -> Clock:
    """Return a clock that is minutes ahead: later than the keys that a test creates, even if it is slow."""
    return Clock(datetime.now(timezone.utc), timedelta(minutes=5))
