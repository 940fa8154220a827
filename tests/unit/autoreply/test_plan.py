"""Test the plan for the unread messages by the rules of the operator."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response, respond
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.plan import Rules, Step, plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import merge_signers
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import make_memory_builders

RULES = Rules(packages=["jq", "lib*-dev"], paths=["/root/Build"])


def send_message(builders: Builders, now: Clock, sender: str = "build1", to: str = "build2", /, **draft: Any) -> str:
    """Send a message and return its id."""
    with builders.host(sender) as host:
        content = Draft(**{"subject": "Hello", "body": "Nothing.", **draft})
        return str(send(now.on(host), content, [to]).result[0].id)


def ask(builders: Builders, now: Clock, action: str, sender: str = "build1", /, **request: Any) -> str:
    """Send a request to build2 and return its id."""
    return send_message(builders, now, sender, type="request", request={"action": action, **request})


def planned(builders: Builders, now: Clock, rules: Rules = RULES, server: str = "build2") -> list[Step]:
    """Return the plan of a server."""
    with builders.host(server) as host:
        return plan(now.on(host), rules)


def test_allowed_requests_are_answered(trusted: Builders, now: Clock) -> None:
    send_message(trusted, now, subject="Coffee?", type="request")
    install = ask(trusted, now, "install_packages", packages=["libssl-dev", "jq=1.6"])
    send_message(trusted, now, subject="Starting build ABC", require_ack=True)
    send_message(trusted, now, subject="Build failed at step 2", type="error")
    send_message(trusted, now, subject="Disk almost full", type="warning")
    steps = planned(trusted, now)
    planned_steps = [(step.kind, step.decision, step.acts, step.acknowledge, step.mark_read) for step in steps]
    assert planned_steps == [
        ("build_failed", "answer", False, True, False),
        ("", "mark", False, True, False),
        ("", "leave", False, False, False),
        ("install_packages", "answer", True, False, True),
        ("build_started", "answer", False, True, True),
    ]
    assert [step.position for step in steps] == [3, 4, 0, 1, 2]
    assert (steps[3].message["id"], steps[3].details) == (install, {"packages": ["libssl-dev", "jq=1.6"]})
    assert steps[2].reason == "its intent is not recognized"
    assert [step.overdue for step in steps] == [False] * 5
    now.move(3601)
    assert [step.overdue for step in planned(trusted, now)] == [True] * 5


@pytest.mark.parametrize(
    ("request_", "rules", "reason"),
    [
        (
            {"action": "install_packages", "packages": ["jq", "sudo"]},
            RULES,
            "do not permit the installation of sudo.",
        ),
        (
            {"action": "install_packages", "packages": ["jq"]},
            Rules(),
            "do not permit the installation of jq.",
        ),
        ({"action": "install_packages", "packages": ["-y"]}, RULES, "'-y' is not the name of a package."),
        (
            {"action": "install_packages", "packages": ["openssh-server-"]},
            Rules(packages=["*"]),
            "apt would take them for actions: openssh-server-",
        ),
        (
            {"action": "status_report"},
            Rules(actions={"all": []}),
            "build1 is not allowed to request status_report here.",
        ),
        ({"action": "status_report"}, Rules(actions={"build1": ["facts"], "all": ["status_report"]}), "is not allowed"),
        ({"action": "status_report"}, Rules(actions={}), "is not allowed"),
        (
            {"action": "facts", "query": "commit", "path": "/etc"},
            RULES,
            "do not permit requests for the commit of that path.",
        ),
        ({"action": "facts", "query": "passwords"}, RULES, "The query is not one of commit, disk"),
    ],
)
def test_forbidden_request_is_declined_with_reason(
    trusted: Builders,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
    request_: dict[str, Any],
    rules: Rules,
    reason: str,
) -> None:
    monkeypatch.setitem(plan.__globals__, "is_safe", lambda name: not name.endswith("-"))  # the original runs apt
    send_message(trusted, now, type="request", request=request_)
    (step,) = planned(trusted, now, rules)
    assert (step.decision, step.acts, step.mark_read) == ("decline", False, True)
    assert reason in step.reason


def test_a_rule_for_one_server_goes_before_that_for_all(trusted: Builders, now: Clock) -> None:
    ask(trusted, now, "status_report")
    (step,) = planned(trusted, now, Rules(actions={"build1": ["status_report"], "all": []}))
    assert step.decision == "answer"


@pytest.mark.parametrize("actions", [{"all": ["reboot"]}, {"all": "facts"}, {"build1": [["facts"]]}])
def test_a_rule_that_names_no_action_is_refused(trusted: Builders, now: Clock, actions: Any) -> None:
    with pytest.raises(InvalidInput, match="is not an action"):
        planned(trusted, now, Rules(actions=actions))


def test_an_answer_is_never_answered(trusted: Builders, now: Clock) -> None:
    asked = ask(trusted, now, "status_report")
    with trusted.host("build2") as host:
        reply(now.on(host), asked, Draft("", "Idle.", "request", request={"action": "status_report"}))
    send_message(trusted, now, "build2", "build1", subject="Re: What's your status?", type="request")
    steps = planned(trusted, now, server="build1")
    assert [(step.decision, step.reason) for step in steps] == [("leave", "it is an answer from build2")] * 2


def test_automatic_answers_start_no_loop(trusted: Builders, now: Clock) -> None:
    """Both servers answer automatically, and each message has one answer."""
    ask(trusted, now, "status_report")
    send_message(trusted, now, subject="Starting build ABC")
    send_message(trusted, now, "build2", "build1", subject="Build failed at step 2", type="error")
    for _round in range(3):
        for server in trusted.ids:
            steps = [step for step in planned(trusted, now, server=server) if step.decision != "leave"]
            with trusted.host(server) as host:
                respond(now.on(host), [Response(step.message["id"], Draft("", "Seen.")) for step in steps])
    assert len(trusted.messages()) == 6


def test_answered_message_is_only_marked(trusted: Builders, now: Clock) -> None:
    """The server was killed after it answered, before it recorded that."""
    asked, failed = ask(trusted, now, "status_report"), send_message(trusted, now, subject="Build failed", type="error")
    with trusted.host("build2") as host:
        both = [Response(asked, Draft("", "Idle.")), Response(failed, Draft("", "Seen."), True, False)]
        respond(now.on(host), both)
    planned_steps = {step.message["id"]: (step.decision, step.reason) for step in planned(trusted, now)}
    assert planned_steps[failed] == ("leave", "it was answered before")
    record = trusted.state("build2") / "read.json"
    record.write_text('{"ids": {}}')
    planned_steps = {step.message["id"]: (step.decision, step.reason) for step in planned(trusted, now)}
    assert planned_steps[asked] == ("mark", "it was answered before")


def test_interrupted_request_is_answered_without_acting_again(trusted: Builders, now: Clock) -> None:
    asked = ask(trusted, now, "install_packages", packages=["jq"])
    with trusted.host("build2") as host:
        assert act(now.on(host), asked)[1]
    (step,) = planned(trusted, now)
    assert (step.decision, step.acts, step.mark_read) == ("finish", False, True)
    assert step.reason.startswith("build2 acted upon it at ")


def test_an_old_request_is_declined_and_that_of_an_ended_key_is_left(trusted: Builders, now: Clock) -> None:
    ask(trusted, now, "status_report")
    later = replace(now, passed=now.passed + timedelta(hours=25))
    (step,) = planned(trusted, later)
    assert step.decision == "decline" and "older than 24 hours" in step.reason
    now.move(60)
    ended = merge_signers(trusted.record(), {}, ["build2"], now())
    (trusted.state("build2") / "signers.json").write_text(json.dumps(ended))
    (step,) = planned(trusted, now)
    assert step.decision == "leave" and "is not valid now" in step.reason


def test_unauthenticated_requests_are_not_executed(trusted: Builders, now: Clock) -> None:
    asked = ask(trusted, now, "install_packages", packages=["jq"])
    genuine = next(entry for entry in trusted.messages() if entry["id"] == asked)
    forged = {**genuine, "request": {"action": "install_packages", "packages": ["libevil-dev"]}}
    unsigned = {name: value for name, value in genuine.items() if name != "signature"}
    forgeries = [{**forged, "id": "msg_1_changed"}, {**unsigned, "id": "msg_1_unsigned"}, {**genuine, "to": "all"}]
    entries = [*trusted.messages(), *forgeries, genuine]
    trusted.commit(MESSAGES, json.dumps({"messages": entries}).encode())
    steps = planned(trusted, now)
    planned_steps = sorted((step.decision, step.message["id"], step.message["to"]) for step in steps)
    assert planned_steps == [
        ("answer", asked, "build2"),
        ("leave", asked, "all"),
        ("leave", "msg_1_changed", "build2"),
        ("leave", "msg_1_unsigned", "build2"),
    ]


def test_ambiguous_id_is_left_to_the_manager(tmp_path: Any, now: Clock) -> None:
    three = make_memory_builders(tmp_path / "three", ("build1", "build2", "build3"))
    three.trust()
    asked = send_message(three, now, "build1", "build2", subject="What's your status?", type="request")
    with three.host("build3") as host:
        copied = host.signed({**three.messages()[0], "from": "build3", "seq": 1})
    three.commit(MESSAGES, json.dumps({"messages": [*three.messages(), copied]}).encode())
    planned_steps = [(step.decision, step.reason, step.message["id"]) for step in planned(three, now)]
    assert planned_steps == [("leave", "another message has the same id", asked)] * 2


def test_a_server_that_the_fleet_does_not_have_is_left_to_the_manager(trusted: Builders, now: Clock) -> None:
    ask(trusted, now, "status_report")
    path = trusted.state("build2") / "fleet.json"
    path.write_text(json.dumps({"servers": [{"id": "build2"}, {"id": "build3"}]}))
    (step,) = planned(trusted, now)
    assert (step.decision, step.reason) == ("leave", "build1 is not a server of this fleet")


def test_without_trust_nothing_is_answered(builders: Builders, now: Clock) -> None:
    ask(builders, now, "status_report")
    (step,) = planned(builders, now)
    assert (step.decision, step.reason) == ("leave", "not signed")


def test_request_to_all_is_planned(tmp_path: Any, now: Clock) -> None:
    three = make_memory_builders(tmp_path / "three", ("build1", "build2", "build3"))
    three.trust()
    send_message(three, now, "build1", "all", subject="What's your status?", type="request")
    assert [planned(three, now, server=name)[0].decision for name in ("build2", "build3")] == ["answer"] * 2
    assert planned(three, now, server="build1") == []


def test_a_round_has_one_version_of_each_package(trusted: Builders, now: Clock) -> None:
    rules = Rules(packages=["*"])
    for packages in (["jq", "git"], ["git"], ["jq=1.6", "make"], ["make=4.3"], ["cmake"], ["jq=1.6"], ["jq"]):
        ask(trusted, now, "install_packages", packages=packages)
    ask(trusted, now, "status_report")
    assert [step.round for step in planned(trusted, now, rules)] == [1, 1, 2, 3, 1, 2, 3, 0]


def test_a_round_has_at_most_as_many_packages_as_can_be_installed_at_once(trusted: Builders, now: Clock) -> None:
    for number in range(3):
        ask(trusted, now, "install_packages", packages=[f"lib{number}x{index}-dev" for index in range(50)])
    assert [step.round for step in planned(trusted, now)] == [1, 1, 2]
