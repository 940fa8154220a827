"""Test the trace of a message, as far as each server can know it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import Cycle
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service_log import ServiceLog
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import UnknownMessage
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import SHOWN_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.trace import trace_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.contract.memory_builders import (
    MemoryBuilders,
    make_memory_builders,
    outage,
)

Found = dict[str, Any]


def trace(builders: Builders, message_id: str, server: str = "build1", **options: Any) -> dict[str, Found]:
    """Return the steps of a message as a server finds them; those of recipients have names as ``build2 seen``."""
    with builders.host(server, **options) as host:
        (found,) = trace_messages(host, [message_id]).data()["traces"]
    assert found["id"] == message_id
    return {f"{step.pop('server')} {step.pop('step')}".strip(): step for step in found["steps"]}


def states(steps: dict[str, Found]) -> dict[str, str]:
    """Return the state of each step."""
    return {name: step["state"] for name, step in steps.items()}


def source(commit: str | None) -> str:
    """Return the text for a commit as a source."""
    return f"commit {str(commit)[:12]} on main"


def send_message(builders: Builders, to: str = "build2", sender: str = "build1", **options: Any) -> str:
    """Send a message, and return its id."""
    with builders.host(sender) as host:
        return str(send(host, Draft("Hello", "x", **options), [to]).result[0].id)


def cycle(builders: Builders, server: str) -> dict[str, Any]:
    """Run a cycle of the service of a server, and return its heartbeat."""
    folder = builders.folder / server
    config = Config(str(builders.clone(server)), state_dir=str(builders.state(server)), log_folder=str(folder))
    Cycle(config, ServiceLog(folder / "heartbeat.log"), "2026-11-22T07:11:46Z", 60).run()
    document: dict[str, Any] = json.loads(builders.show("heartbeat.json", f"refs/heartbeats/{server}"))
    return document


def test_the_way_of_a_message_to_its_answer(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    pushed = trusted.tip
    steps = trace(trusted, message_id)
    assert list(steps) == [
        *("written", "queued", "pushed", "build2 seen", "build2 shown", "build2 read", "build2 acted"),
        "build2 answered",
    ]
    written = trusted.messages()[0]["timestamp"]
    assert steps["written"] == {
        **{"state": "done", "time": written, "at_latest": False, "source": "the message", "reason": ""}
    }
    assert (steps["queued"]["state"], steps["queued"]["time"]) == ("not_known", None)
    assert (steps["pushed"]["state"], steps["pushed"]["source"]) == ("done", source(pushed))
    assert (steps["pushed"]["at_latest"], steps["pushed"]["time"] is None) == (False, False)
    assert steps["build2 seen"]["reason"] == "build2 has no heartbeat"
    assert (steps["build2 read"]["state"], steps["build2 read"]["source"]) == ("not_yet", source(pushed))

    first = cycle(trusted, "build2")
    steps = trace(trusted, message_id)
    assert steps["build2 seen"] == {
        **{"state": "done", "time": first["timestamp"], "at_latest": True, "source": "heartbeat of build2"},
        "reason": "",
    }
    assert steps["build2 shown"] == {
        **{"state": "not_yet", "time": first["timestamp"], "at_latest": False, "source": "heartbeat of build2"},
        "reason": "",
    }

    with trusted.host("build2") as host:
        list_messages(host, Filter())
    assert trace(trusted, message_id)["build2 shown"]["state"] == "not_yet", "published before the next heartbeat"
    assert trace(trusted, message_id, "build2")["build2 shown"]["source"].startswith("page @")
    cycle(trusted, "build2")
    assert trace(trusted, message_id)["build2 shown"]["state"] == "done"

    with trusted.host("build2") as host:
        mark_read(host, [message_id])
    read = trusted.tip
    with trusted.host("build2") as host:
        answer = reply(host, message_id, Draft("", "Done.")).result[0]
    steps = trace(trusted, message_id)
    assert (steps["build2 read"]["state"], steps["build2 read"]["source"]) == ("done", source(read))
    assert (steps["pushed"]["source"], steps["build2 acted"]["state"]) == (source(pushed), "not_known")
    assert steps["build2 answered"] == {
        **{"state": "done", "time": answer.raw["timestamp"], "at_latest": False, "source": f"message {answer.id}"},
        "reason": "",
    }


def test_the_recipient_knows_more_of_itself(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted, type="request", require_ack=True)
    before = trace(trusted, message_id, "build2")
    assert states(before) == {
        **{"written": "done", "queued": "not_known", "pushed": "done", "build2 seen": "not_known"},
        **{"build2 shown": "not_yet", "build2 read": "not_yet", "build2 acknowledged": "not_yet"},
        **{"build2 acted": "not_yet", "build2 answered": "not_yet"},
    }
    assert before["queued"]["reason"] == "its sender does not publish its outbox"
    cycle(trusted, "build2")
    with trusted.host("build2") as host:
        act(host, message_id)
        list_messages(host, Filter())
        mark_read(host, [message_id])
        acknowledge(host, [message_id])
        reply(host, message_id, Draft("", "Done."))
    after = trace(trusted, message_id, "build2")
    assert {state for name, state in states(after).items() if name.startswith("build2")} == {"done"}
    for name in ("read", "acknowledged", "acted"):
        step = after[f"build2 {name}"]
        assert (step["source"], step["at_latest"]) == ("ledger of this host", False)
        assert step["time"] is not None
    assert after["build2 seen"]["source"] == "record of the service of this host"


def test_a_message_that_the_service_of_this_host_has_not_seen(trusted: MemoryBuilders) -> None:
    cycle(trusted, "build2")
    send_message(trusted)
    cycle(trusted, "build2")
    message_id = send_message(trusted)
    step = trace(trusted, message_id, "build2")["build2 seen"]
    assert (step["state"], step["source"]) == ("not_yet", "record of the service of this host")
    cycle(trusted, "build2")
    assert trace(trusted, message_id, "build2")["build2 seen"]["state"] == "done"


def test_a_message_to_all_has_lines_for_each_recipient(tmp_path: Path) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    builders.trust()
    message_id = send_message(builders, "all")
    for server in ("build1", "build2"):
        cycle(builders, server)
    with builders.host("build3") as host:
        mark_read(host, [message_id])
    steps = states(trace(builders, message_id, "build2"))
    assert (steps["build2 seen"], steps["build2 read"]) == ("done", "not_yet")
    assert (steps["build3 seen"], steps["build3 read"]) == ("not_known", "done")
    assert not any(name.startswith("build1") for name in steps)


def test_a_message_between_others(tmp_path: Path) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    builders.trust()
    message_id = send_message(builders)
    cycle(builders, "build2")
    assert trace(builders, message_id, "build3")["build2 seen"]["state"] == "done"


def test_a_message_that_waits_in_the_outbox(trusted: MemoryBuilders) -> None:
    send_message(trusted)
    with outage(trusted):
        message_id = send_message(trusted)
        accepted = Outbox(_state(trusted)).read().items[0].accepted_at
        steps = trace(trusted, message_id)
        assert steps["queued"] == {
            **{"state": "done", "time": accepted, "at_latest": False, "source": "outbox of this host", "reason": ""}
        }
        others = {"pushed", "build2 seen", "build2 shown", "build2 read", "build2 acted", "build2 answered"}
        assert {steps[name]["state"] for name in others} == {"not_known"}
    assert {trace(trusted, message_id)[name]["state"] for name in others} == {"not_yet"}


def _state(builders: Builders) -> Any:
    with builders.host("build1") as host:
        return host.state


def test_a_rejected_message(trusted: MemoryBuilders) -> None:
    send_message(trusted)
    with outage(trusted):
        message_id = send_message(trusted)
    with trusted.host("build1") as host, Outbox(host.state).changing() as contents:
        contents.rejected.append(replace(contents.items.pop(), reason="A hook declined it.\x1b"))
    step = trace(trusted, message_id)["pushed"]
    assert (step["state"], step["reason"]) == (
        "not_yet",
        "the write was refused and set aside: A hook declined it.\\x1b",
    )


def test_without_the_network_what_is_known_is_used(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    cycle(trusted, "build2")
    before = trace(trusted, message_id)
    trusted.memory.known[trusted.state("build1")].contact -= 90
    with outage(trusted), trusted.host("build1") as host:
        found = trace_messages(host, [message_id]).data()
        assert found["remote_age_seconds"] >= 90
        assert len(host.repository.notes) == 1
        assert trace(trusted, message_id) == before


def test_a_message_that_does_not_exist(trusted: MemoryBuilders) -> None:
    send_message(trusted)
    for message_id in ("msg_1", ""):
        with trusted.host("build1") as host, pytest.raises(UnknownMessage, match=f"no message '{message_id}'"):
            trace_messages(host, [message_id])


def test_a_message_that_a_rewind_has_removed(trusted: MemoryBuilders) -> None:
    send_message(trusted)
    before = trusted.tip
    message_id = send_message(trusted)
    trusted.memory.tip = before
    with trusted.host("build1") as host, pytest.raises(UnknownMessage, match="a rewind of its branch has removed it"):
        trace_messages(host, [message_id])


def test_several_messages_in_their_order(trusted: MemoryBuilders) -> None:
    ids = [send_message(trusted), send_message(trusted)][::-1]
    with trusted.host("build1") as host:
        found = trace_messages(host, [*ids, ids[0]]).data()
    assert [one["id"] for one in found["traces"]] == ids
    assert found["commit"] == trusted.tip


def cycle_without_progress(builders: Builders) -> None:
    """Publish a heartbeat of build2 as an older version does."""
    with builders.host("build2") as host:
        beat(host)


def forge_heartbeat(builders: Builders) -> None:
    """Publish a heartbeat of build2 whose content was changed after it was signed."""
    with builders.host("build2") as host:
        beat(host, mail={"seen": {"build1": 1000}, "shown": {"build1": [[1, 1000]]}})


OLDER: dict[str, Callable[[Builders], None]] = {
    "the service of build2 publishes nothing about it": cycle_without_progress,
    "the heartbeat of build2 is not trusted": forge_heartbeat,
}


@pytest.mark.parametrize("reason", OLDER)
def test_heartbeats_that_say_nothing(trusted: MemoryBuilders, reason: str) -> None:
    message_id = send_message(trusted)
    OLDER[reason](trusted)
    for name in ("build2 seen", "build2 shown"):
        step = trace(trusted, message_id)[name]
        assert (step["state"], step["reason"]) == ("not_known", reason)


def test_a_damaged_ledger_of_the_recipient(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    path = trusted.state("build2") / SHOWN_FILE
    path.write_text("{")
    document = cycle(trusted, "build2")
    assert document["mail"] == {"seen": {"build1": 1}}
    assert any(problem.startswith(str(path)) for problem in document["problems"])
    steps = trace(trusted, message_id)
    assert (steps["build2 seen"]["state"], steps["build2 shown"]["state"]) == ("done", "not_known")
    own = trace(trusted, message_id, "build2")["build2 shown"]
    assert own["state"] == "not_known"
    assert own["reason"].startswith(f"{path} is not JSON")


def test_a_message_without_a_signed_number(builders: MemoryBuilders) -> None:
    message_id = send_message(builders)
    cycle(builders, "build2")
    reason = "the message has no number that its sender has signed"
    assert trace(builders, message_id)["build2 seen"]["reason"] == reason
    assert trace(builders, message_id, "build2")["build2 seen"]["state"] == "done"


def test_a_forged_number_does_not_count(trusted: MemoryBuilders) -> None:
    send_message(trusted)
    entry = {**trusted.messages()[0], "id": "msg_forged"}
    trusted.commit(MESSAGES, json.dumps({"messages": [*trusted.messages(), entry]}).encode())
    cycle(trusted, "build2")
    reason = "the message has no number that its sender has signed"
    assert trace(trusted, "msg_forged")["build2 seen"]["reason"] == reason


def test_of_two_messages_with_one_id_the_verified_one_is_traced(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    (genuine,) = trusted.messages()
    forged = {**genuine, "subject": "Obey"}
    trusted.commit(MESSAGES, json.dumps({"messages": [forged, genuine]}).encode())
    with trusted.host("build2") as host:
        (found,) = trace_messages(host, [message_id]).data()["traces"]
    assert (found["subject"], found["verified"]) == ("Hello", "true")


def test_a_message_that_was_read_without_being_shown(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    with trusted.host("build2") as host:
        reply(host, message_id, Draft("", "Done."))
    cycle(trusted, "build2")
    assert trace(trusted, message_id)["build2 shown"]["state"] == "not_known"
    assert trace(trusted, message_id, "build2")["build2 shown"]["state"] == "not_known"


def test_a_mark_of_an_old_script(legacy: MemoryBuilders) -> None:
    entry = next(one for one in legacy.messages() if one.get("read") and one["to"] == "build1")
    steps = trace(legacy, entry["id"], "build2")
    assert (steps["build1 read"]["state"], steps["build1 read"]["source"]) == ("done", source(legacy.tip))
    assert steps["written"]["time"]


def test_a_recipient_that_is_not_in_the_fleet(trusted: MemoryBuilders) -> None:
    entry = {"id": "msg_odd", "from": "build1", "to": "build9", "subject": "x", "body": "x", "timestamp": "yesterday"}
    trusted.commit(MESSAGES, json.dumps({"messages": [entry]}).encode())
    steps = trace(trusted, "msg_odd")
    assert steps["build9 seen"]["reason"] == "build9 is not a server of this fleet"
    assert steps["written"]["reason"] == "the message has no valid time"


def test_an_archived_message(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    pushed = trusted.tip
    with trusted.host("build2") as host:
        mark_read(host, [message_id])
    read = trusted.tip
    (entry,) = trusted.messages()
    send_message(trusted)
    later = trusted.messages()[1:]
    trusted.commit("coordination/archive/2026-11.json", json.dumps({"messages": [entry]}).encode())
    trusted.commit(MESSAGES, json.dumps({"messages": later}).encode())
    cycle(trusted, "build2")
    send_message(trusted)
    steps = trace(trusted, message_id)
    assert (steps["pushed"]["source"], steps["build2 read"]["source"]) == (source(pushed), source(read))
    assert (steps["build2 seen"]["state"], steps["build2 shown"]["state"]) == ("done", "not_known")
    assert trace(trusted, message_id, "build2")["build2 read"]["source"] == "ledger of this host"


def test_old_actions_are_not_known(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    with trusted.host("build2") as host:
        later = datetime.now(timezone.utc) + timedelta(days=8)
        (found,) = trace_messages(replace(host, clock=lambda: later), [message_id]).data()["traces"]
    (acted,) = [step for step in found["steps"] if step["step"] == "acted"]
    assert acted["reason"] == "this host records actions for 7 days"


def test_a_trace_changes_nothing(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    cycle(trusted, "build2")
    trace(trusted, message_id, "build2")
    files = {path: path.read_bytes() for path in trusted.state("build2").rglob("*") if path.is_file()}
    trace(trusted, message_id, "build2")
    assert {path: path.read_bytes() for path in trusted.state("build2").rglob("*") if path.is_file()} == files


def test_a_damaged_mailbox_in_the_history(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    content = trusted.show(MESSAGES)
    trusted.commit(MESSAGES, content[:-20])
    trusted.commit(MESSAGES, content)
    step = trace(trusted, message_id)["pushed"]
    assert step["state"] == "not_known"
    assert "messages.json" in step["reason"]


def test_times_are_those_of_the_commits(trusted: MemoryBuilders) -> None:
    message_id = send_message(trusted)
    made_at = trusted.memory.commits[str(trusted.tip)].made_at
    step = trace(trusted, message_id)["pushed"]
    assert step["time"] == utc_text(datetime.fromtimestamp(made_at, timezone.utc))
