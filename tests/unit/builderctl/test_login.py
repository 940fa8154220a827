"""Test the summary for a manager at login."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.builderctl.login import (
    summary,
    write_failure,
    write_summary,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock


def health(unread: int = 0, problems: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the part of the health that the summary uses."""
    return {"messages": {"unread": {"build1": unread}}, "problems": list(problems)}


def test_summary_is_empty_without_problems(builders: Builders, clock: Clock) -> None:
    config = Config(state_dir=str(builders.state("build1")))
    with builders.host("build1") as host:
        write_summary(clock.on(host), health(), [], [], 60)
    assert summary(config, clock()) == ""


def test_summary_of_messages_and_problems(builders: Builders, clock: Clock) -> None:
    config = Config(state_dir=str(builders.state("build1")))
    problems = ("build1: what its own heartbeat says", "build2: its last heartbeat is 400 s old\x1b[2J")
    with builders.host("build1") as host:
        write_summary(
            clock.on(host), health(2, problems), ["1 message is unread", "the log is full"], ["the log is full"], 60
        )
    assert summary(config, clock()).splitlines() == [
        "build1: 2 unread messages. Read: builderctl read",
        "build1: 1 message is unread",
        "build1: the log is full",
        "build1: build2: its last heartbeat is 400 s old\\x1b[2J",
    ]


def test_summary_of_silent_or_failing_service(builders: Builders, clock: Clock) -> None:
    config = Config(state_dir=str(builders.state("build1")))
    assert "never run" in summary(config, clock())
    with builders.host("build1") as host:
        write_summary(clock.on(host), health(1), [], [], 60)
        assert "silent" not in summary(config, clock() + timedelta(seconds=300))
        assert "silent since" in summary(config, clock() + timedelta(seconds=301))
        write_failure(host, "No heartbeat: the remote says no.")
        lines = summary(config, clock() + timedelta(seconds=301)).splitlines()
        assert lines == [
            "build1: 1 unread message. Read: builderctl read",
            "build1: No heartbeat: the remote says no.",
        ]
        write_summary(clock.on(host), health(), [], [], 60)
    assert summary(config, clock()) == ""


def test_summary_dated_in_the_future(builders: Builders, clock: Clock) -> None:
    config = Config(state_dir=str(builders.state("build1")))
    with builders.host("build1") as host:
        write_summary(clock.on(host), health(), [], [], 60)
        before = clock() - timedelta(seconds=301)
        at = "2026-11-22T07:11:46Z"
        assert summary(config, before) == (
            f"build1: The last cycle of the heartbeat service, {at}, is in the future. Check: timedatectl"
        )
        path = builders.state("build1") / "summary.json"
        path.write_text(path.read_text().replace(f'"{at}"', "null"))
        assert summary(config, clock()).startswith("build1: The heartbeat service has not completed a cycle.")


def test_a_service_that_failed_from_the_first(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        write_failure(host, "No heartbeat: the remote says no.")
    assert summary(Config(state_dir=str(builders.state("build1"))), clock()) == (
        "build1: No heartbeat: the remote says no."
    )
