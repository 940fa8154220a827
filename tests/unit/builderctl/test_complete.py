"""Test the completions of builderctl, which come from the files of this host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.coordination.builds.job import JOB_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit_state import AUDIT_FILE, Record
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import (
    Inbox,
    UnreadMessage,
    write_inbox,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import record_shown
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now, utc_text
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders

UNREAD, SHOWN = "msg_1795245106_7f3a086d81884c7d", "msg_1795245107_90ab086d81884c7e"
ALARM = "c4606e87"
HOSTILE = ("$(reboot)", "a;b", "-x", "`id`", "a b", "x\ny", "'")


def unread(name: str, thread: str) -> UnreadMessage:
    """Return an unread message of build2."""
    texts: dict[str, Any] = {"sender": "build2", "type": "info", "priority": "normal", "subject": "Hear."}
    more: dict[str, Any] = {"timestamp": "2026-11-22T07:11:46Z", "in_reply_to": "", "verified": "true"}
    return UnreadMessage(id=name, thread=thread, actionable=False, ack_required=False, **texts, **more)


@pytest.fixture
def complete(builders: MemoryBuilders, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """A function that returns the completions of the last word on build1."""
    state = StateDirectory(builders.state("build1"))
    messages = [unread(UNREAD, "msg_thread"), *(unread(name, name) for name in HOSTILE)]
    write_inbox(state, Inbox("build1", None, "2026-11-22T07:11:50Z", len(messages), tuple(messages)))
    record_shown(state, [SHOWN])
    state.write_json("fleet.json", {"servers": [{"id": name} for name in ("build1", "build2", "build3")]})
    state.write_json(JOB_FILE, {"id": "job_42"})
    state.write_json(AUDIT_FILE, Record(alarms={"msg_1 was deleted.": utc_text(utc_now())}).as_json())
    config = builders.folder / "config.json"
    config.write_text(json.dumps({"state_dir": str(state.path)}))

    def act(*words: str) -> list[str]:
        assert main(["--config", str(config), "complete", "--", *words]) == 0
        return capsys.readouterr().out.splitlines()

    return act


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["re"], ["read", "recover", "reply"]),
        (["comp"], []),
        (["--js"], ["--json"]),
        (["read", "--to"], []),
        (["--json", "who"], ["whoami"]),
        (["read", "--a"], ["--after", "--all", "--archived"]),
        (["help", "he"], ["health", "heartbeat", "help"]),
        (["read", "--type", "e"], ["error"]),
        (["read", "--type=e"], ["--type=error"]),
        (["status", "b"], ["building"]),
        (["status", "--server", ""], ["build1", "build2", "build3"]),
        (["send", "--to", ""], ["all", "build1", "build2", "build3", "everyone"]),
        (["read", "--from", "build2", "--from", "build3"], ["build3"]),
        (["status", "building", "--job", ""], ["job_42"]),
        (["reply", ""], sorted([UNREAD, SHOWN, "msg_thread"])),
        (["reply", "msg_1795245106"], [UNREAD]),
        (["reply", "7f3a"], [UNREAD]),
        (["reply", "7f3"], []),
        (["reply", UNREAD, ""], []),
        (["ack", UNREAD, "90ab"], [SHOWN]),
        (["mark-read", "--json", "msg_t"], ["msg_thread"]),
        (["wait", "--reply", "msg_1795245107"], [SHOWN]),
        (["read", "--thread=msg_t"], ["--thread=msg_thread"]),
        (["read", "--since", "7f3a"], [UNREAD]),
        (["read", "--limit", ""], []),
        (["health", "--dismiss", ""], [ALARM]),
        (["health", "--restore", ALARM[:3]], [ALARM]),
        (["unknown", ""], []),
    ],
)
def test_completion(complete: Callable[..., list[str]], words: list[str], found: list[str]) -> None:
    assert complete(*words) == found


def test_no_word_is_a_command_of_the_shell(complete: Callable[..., list[str]]) -> None:
    for word in ("", "$", "a", "`", "'", "x"):
        assert not set(complete("reply", word)) & {*HOSTILE, *"\n".join(HOSTILE).split("\n")}


def test_a_broken_file_completes_nothing(builders: MemoryBuilders, complete: Callable[..., list[str]]) -> None:
    (builders.state("build1") / "inbox.json").write_text("{")
    assert complete("reply", "") == []
    assert complete("rep") == ["reply"]
    (builders.folder / "config.json").write_text("{")
    assert complete("status", "--server", "") == []
