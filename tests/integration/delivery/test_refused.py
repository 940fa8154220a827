"""Writes that the remote refuses, and writes that are given up: nothing behind them is blocked or lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import deliver, drop, retry
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    DocumentDamaged,
    InvalidInput,
    PushDeclined,
    RemoteMissing,
    StateUnusable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.document import Report
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git
from ansible_collections.acs.builders.tests.integration.delivery.writes import say, subjects, waiting
from ansible_collections.acs.builders.tests.outage import outage


def decline(builders: Builders, text: str) -> Path:
    """Have the remote refuse every push whose mailbox holds a text."""
    hook = builders.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nread old new ref\n"
        f"if git show \"$new:{MESSAGES}\" | grep -q '{text}'; then echo 'no such words here' >&2; exit 1; fi\n"
    )
    hook.chmod(0o755)
    return hook


def test_what_cannot_be_taken_back_is_not_told_as_failed(builders: Builders) -> None:
    outbox_file = builders.state("build1") / outbox.OUTBOX_FILE
    hook = decline(builders, "forbidden")
    spoil = f"mv '{outbox_file}' '{outbox_file}.kept' && mkdir '{outbox_file}'"
    hook.write_text(hook.read_text().replace("then ", f"then {spoil}; "))
    with pytest.raises(StateUnusable, match="whether it will arrive is not known"):
        say(builders, "forbidden")
    hook.unlink()
    outbox_file.rmdir()
    Path(f"{outbox_file}.kept").rename(outbox_file)
    say(builders, "allowed")
    assert subjects(builders) == ["forbidden", "allowed"] and waiting(builders) == []


def test_a_write_to_a_remote_that_is_gone_is_said_to_be_lost(builders: Builders) -> None:
    """And what the error says to do helps: the set-up tells the clone and the fleet file where the remote is now."""

    def set_up(remote: Path) -> None:
        fleet = builders.state("build1") / "fleet.json"
        fleet.write_text(json.dumps({**json.loads(fleet.read_text()), "remote": str(remote)}))
        git("remote", "set-url", "origin", remote, cwd=builders.clone("build1"))

    set_up(builders.remote)
    say(builders, "one")
    moved = builders.remote.rename(builders.folder / "renamed.git")
    with pytest.raises(RemoteMissing, match=r"nothing waits in the outbox: .*builders_remote_url"):
        say(builders, "two")
    assert waiting(builders) == []
    set_up(moved)
    assert say(builders, "two").delivery == "pushed"


def test_what_is_refused_for_its_content_is_set_aside_and_blocks_nothing(builders: Builders) -> None:
    builders.trust()
    say(builders, "one")
    with outage(builders):
        for subject in ("two", "bad words", "three"):
            say(builders, subject)
    hook = decline(builders, "bad words")
    with builders.host("build1") as host:
        deliver(host)
        assert any("bad words" in note and "set aside" in note for note in host.repository.notes)
        (aside,) = Outbox(host.state).read().aside
        assert "no such words here" in aside.reason
        assert any("set aside" in problem for problem in read_health(host)["problems"])
    assert subjects(builders) == ["one", "two", "three"] and waiting(builders) == []
    assert [message["seq"] for message in builders.messages()] == [1, 2, 3]
    hook.unlink()
    with builders.host("build1") as host:
        retry(host, aside.messages[0]["id"])
        deliver(host)
    assert subjects(builders) == ["one", "two", "three", "bad words"]
    assert builders.messages()[-1]["seq"] == 4


def test_where_everything_is_refused_everything_waits(builders: Builders) -> None:
    say(builders, "one")
    with outage(builders):
        say(builders, "two")
        say(builders, "three")
    hook = decline(builders, "one")
    with builders.host("build1") as host, pytest.raises(PushDeclined, match="no such words"):
        deliver(host)
    with pytest.raises(PushDeclined):
        say(builders, "four")
    assert waiting(builders) == ["two", "three"]
    hook.unlink()
    say(builders, "five")
    assert subjects(builders) == ["one", "two", "three", "five"]


def test_a_message_that_is_refused_at_once_is_told_and_does_not_wait(builders: Builders) -> None:
    say(builders, "one")
    with outage(builders):
        say(builders, "two")
    decline(builders, "bad words")
    with pytest.raises(PushDeclined, match="no such words"):
        say(builders, "bad words")
    assert subjects(builders) == ["one", "two"] and waiting(builders) == []


def test_a_mailbox_that_cannot_be_read_keeps_no_status_back(builders: Builders) -> None:
    say(builders, "one")
    with outage(builders):
        say(builders, "two")
        with builders.host("build1") as host:
            write_status(host, Report("building"))
    builders.commit(MESSAGES, b"{")
    with builders.host("build1") as host:
        deliver(host)
        assert Outbox(host.state).read().aside == []
    assert b"building" in builders.show("build1/status.json")
    assert waiting(builders) == ["two"]
    with pytest.raises(DocumentDamaged):
        say(builders, "three")
    builders.commit(MESSAGES, b'{"messages": []}')
    say(builders, "four")
    assert subjects(builders) == ["two", "four"]


def test_a_write_that_was_given_up_leaves_no_gap(builders: Builders) -> None:
    builders.trust()
    say(builders, "one")
    with outage(builders):
        dropped = say(builders, "two").result[0]["id"]
        say(builders, "three")
    with builders.host("build1") as host:
        drop(host, dropped)
        with pytest.raises(InvalidInput, match="not in the outbox"):
            drop(host, dropped)
        deliver(host)
    assert [(message["subject"], message["seq"]) for message in builders.messages()] == [("one", 1), ("three", 2)]
    with builders.host("build2") as host:
        assert [message["verified"] for message in list_messages(host, Filter()).messages] == ["true", "true"]
