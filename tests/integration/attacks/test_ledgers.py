"""Test attacks on a server's records of messages: which it has read, logged and requested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.mail_log import log_new_mail
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import read_mailbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.tests.attacker import (
    Scene,
    problems,
    seen,
    unread,
)


def swapped(scene: Scene, **changes: Any) -> dict[str, Any]:
    """Replace build1's request by a harmless message with its id, as the attacker, and return the message."""
    harmless = {**scene.asked, "subject": "Good morning", "body": "Nothing to do.", **changes}
    scene.attacker.rewrite(lambda entries: [harmless, *entries[1:]])
    return harmless


def put_back(scene: Scene) -> None:
    """Restore the request, as the attacker."""
    scene.attacker.rewrite(lambda entries: [scene.asked, *entries[1:]])


@pytest.mark.parametrize("signature", [{}, {"signature": None}])
def test_a_message_that_was_swapped_while_it_was_read_is_unread(scene: Scene, signature: dict[str, Any]) -> None:
    swapped(scene, **signature)
    with scene.fleet.host("build2") as host:
        list_messages(host, Filter())
        mark_read(host, [scene.asked["id"]])
        acknowledge(host, [scene.asked["id"]])
    assert scene.asked["id"] not in unread(scene.fleet, "build2")
    put_back(scene)
    assert scene.asked["id"] in unread(scene.fleet, "build2")
    (message,) = seen(scene.fleet, "build2", scene.asked["id"])
    assert (message["verified"], message["read"], message["actionable"]) == ("true", False, True)


def test_a_message_that_was_swapped_while_it_was_logged_is_logged(scene: Scene) -> None:
    log = scene.fleet.folder / "mail.log"

    def look() -> str:
        with scene.fleet.host("build2") as host:
            log_new_mail(host, host.repository.read(lambda snapshot: read_mailbox(snapshot).messages), log)
        return log.read_text()

    swapped(scene)
    assert "Good morning" in look()
    put_back(scene)
    assert look().count(f"build1 -> build2: Install it ({scene.asked['id']}") == 1
    assert look() == look()


def test_ledgers_of_ids_alone_are_understood(scene: Scene) -> None:
    """Ledgers of older versions: nothing becomes unread or is logged again, and no problem is reported."""
    state = scene.fleet.state("build2")
    with scene.fleet.host("build2") as host:
        mark_read(host, [scene.asked["id"]])
    when = scene.asked["timestamp"]
    (state / "read.json").write_text(json.dumps({"ids": {scene.asked["id"]: when}}))
    assert unread(scene.fleet, "build2") == [scene.beside["id"]]
    assert problems(scene.fleet, "build2") == []
    with scene.fleet.host("build2") as host:
        mark_read(host, [scene.beside["id"]])
    assert unread(scene.fleet, "build2") == [] == problems(scene.fleet, "build2")
