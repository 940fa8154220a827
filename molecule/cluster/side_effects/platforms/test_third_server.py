"""Test that a third server, with release 11 on Debian, joins the fleet, exchanges messages, and leaves it again."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.tests.cluster.beats import beats_again, heartbeat, send
from ansible_collections.acs.builders.tests.cluster.lifecycle import add, write_inventory
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until


def listed(rig: Rig, server: str, subject: str) -> list[dict[str, Any]]:
    """Return the unread messages of a server with a subject."""
    shown = json.loads(rig.ssh(server, "builderctl read --json").stdout)["messages"]
    return [message for message in shown if message["subject"] == subject]


def converse(rig: Rig, sender: str, recipient: str) -> None:
    """Send a message, wait until the service of the recipient has seen it, and answer it."""
    subject = f"From {sender} to {recipient}"
    send(rig, sender, f"send --to {recipient} --type request '{subject}' 'Do you read this?'")
    beats_again(rig, recipient)
    inbox = rig.machines[recipient].root / "var/lib/acs-builders/inbox.json"
    until(lambda: inbox.exists() and subject in inbox.read_text(), "no message in the inbox of the service")
    (message,) = listed(rig, recipient, subject)
    assert (message["from"], message["verified"]) == (sender, "true")
    send(rig, recipient, f"reply {message['id']} 'I do.'")
    (answer,) = listed(rig, sender, f"Re: {subject}")
    assert (answer["from"], answer["verified"]) == (recipient, "true")
    rig.ssh(sender, f"builderctl mark-read {answer['id']}")


def test_a_third_server_joins_the_fleet_and_leaves_it(rig: Rig) -> None:
    add(rig, "build3")
    print(f"build3: {rig.versions('build3')}")
    write_inventory(rig, "build1", "build2", "build3")
    rig.playbook("setup.yml")
    for sender, recipient in (("build1", "build3"), ("build3", "build1"), ("build2", "build3"), ("build3", "build2")):
        converse(rig, sender, recipient)
    beats_again(rig, "build3")
    health = json.loads(rig.ssh("build1", "builderctl health --json", check=False).stdout)["servers"]["build3"]
    assert (health["state"], health["verified"]) == ("ok", "true")
    rig.playbook("playbooks/teardown.yml", "--limit", "build3", "--extra-vars", "remove_data=true")
    assert rig.ssh("build3", "systemctl is-active build-heartbeat", check=False).stdout.strip() == "inactive"
    assert heartbeat(rig, "build3") == {}
    write_inventory(rig, "build1", "build2")
    rig.playbook("setup.yml")
    health = json.loads(rig.ssh("build1", "builderctl health --json", check=False).stdout)
    assert health["servers"]["build3"]["expected"] is False, "its last status is still on the branch"
    assert not [problem for problem in health["problems"] if "build3" in problem]
