"""A clock for tests, so that none of them waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host


@dataclass
class Clock:
    """A clock that stands until it is moved.

    :param start: where it stood first.
    :param passed: by how much it was moved since.
    """

    start: datetime
    passed: timedelta

    def __call__(self) -> datetime:
        return self.start + self.passed

    def move(self, seconds: float = 0, days: float = 0) -> None:
        """Move it forward."""
        self.passed += timedelta(days=days, seconds=seconds)

    def on(self, host: Host) -> Host:
        """A server that has this clock."""
        return replace(host, clock=self)


def after_keys() -> Clock:
    """A clock that stands minutes after now: later than the keys that a test makes, however long it takes."""
    return Clock(datetime.now(timezone.utc), timedelta(minutes=5))
