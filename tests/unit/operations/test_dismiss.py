"""Test the dismissal of alarms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit import recent_alarms
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.dismiss import dismiss
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.beating import all_beat
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock


def health(builders: Builders, clock: Clock, keep: bool = True) -> dict[str, Any]:
    """Return the health as build2 sees it, with new heartbeats of all servers."""
    all_beat(builders, clock)
    with builders.host("build2") as host:
        return read_health(clock.on(host), keep=keep)


@pytest.fixture
def attacked(builders: Builders, now: Clock) -> Builders:
    """Two servers that trust each other. build2 has seen two messages of build1: one was changed, one was deleted."""
    builders.trust()
    health(builders, now)
    with builders.host("build1") as host:
        for subject in ("first", "second"):
            send(now.on(host), Draft(subject, "x"))
    assert health(builders, now)["alarms"] == []
    first, _second = builders.messages()
    builders.commit(MESSAGES, json.dumps({"messages": [{**first, "body": "changed"}]}).encode())
    return builders


def change_alarms(
    builders: Builders, clock: Clock, *ids: str, restored: tuple[str, ...] = ()
) -> tuple[list[bool], bool]:
    """Dismiss or restore alarms on build2. Return whether each is dismissed now, and whether that changed."""
    with builders.host("build2") as host:
        alarms, changed = dismiss(clock.on(host), ids, restored)
    return [alarm.dismissed for alarm in alarms], changed


def test_a_dismissed_alarm_counts_no_more_until_it_is_restored(attacked: Builders, now: Clock) -> None:
    found = health(attacked, now)
    deleted, forged = found["alarms"]
    assert ("deleted" in deleted["text"], "is not its own" in forged["text"]) == (True, True)
    assert len(found["problems"]) == 2 and not found["healthy"]
    assert change_alarms(attacked, now, deleted["id"]) == ([True], True)
    assert change_alarms(attacked, now, deleted["id"]) == ([True], False)
    found = health(attacked, now)
    assert [one for one in found["problems"] if "--dismiss" in one] == found["problems"] and len(found["problems"]) == 1
    assert [one["dismissed"] for one in found["alarms"]] == [True, False]
    with attacked.host("build2") as host:
        assert recent_alarms(now.on(host)) == [forged["text"]]
    change_alarms(attacked, now, forged["id"])
    assert health(attacked, now)["healthy"]
    assert change_alarms(attacked, now, restored=(deleted["id"],)) == ([False], True)
    assert not health(attacked, now)["healthy"]


def test_alarm_that_no_service_has_recorded_yet(attacked: Builders, now: Clock) -> None:
    ids = [alarm["id"] for alarm in health(attacked, now, keep=False)["alarms"]]
    assert change_alarms(attacked, now, *ids) == ([True, True], True)
    assert health(attacked, now)["healthy"]


def test_unknown_alarm_changes_nothing(attacked: Builders, now: Clock) -> None:
    known = health(attacked, now)["alarms"][0]["id"]
    with pytest.raises(InvalidInput, match="no alarm 'abc'"):
        change_alarms(attacked, now, known, "abc")
    assert not any(alarm["dismissed"] for alarm in health(attacked, now)["alarms"])


def test_without_a_record_there_is_no_alarm(builders: Builders, now: Clock) -> None:
    with pytest.raises(InvalidInput):
        change_alarms(builders, now, "abc")
    assert not (builders.state("build2") / "audit.json").exists()


def test_forgeries_are_judged_again_with_other_keys(attacked: Builders, now: Clock) -> None:
    deleted, forged = health(attacked, now)["alarms"]
    change_alarms(attacked, now, deleted["id"], forged["id"])
    attacked.trust("build2")
    after = {alarm["id"]: alarm["dismissed"] for alarm in health(attacked, now)["alarms"]}
    assert after == {deleted["id"]: True, forged["id"]: False}


def test_a_dismissal_is_forgotten_with_its_alarm(attacked: Builders, now: Clock) -> None:
    deleted, _forged = health(attacked, now)["alarms"]
    change_alarms(attacked, now, deleted["id"])
    now.move(days=2)
    health(attacked, now)
    assert json.loads((attacked.state("build2") / "audit.json").read_text())["dismissed"] == {}
