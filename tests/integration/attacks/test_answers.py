"""Test attacks with answers: from servers that were not asked, from unknown names, and in very large numbers."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import NoAnswer
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_answer
from ansible_collections.acs.builders.tests.ansible_runner import succeed
from ansible_collections.acs.builders.tests.attacker import (
    REQUEST,
    Scene,
    health_at,
    past_time,
    signed,
    unsigned,
    with_new_id,
)


def answer(scene: Scene, **changes: Any) -> dict[str, Any]:
    """Return an unsigned answer to build1's request."""
    made = with_new_id(scene.asked, **{"to": "build1", "in_reply_to": scene.asked["id"], **changes})
    return {name: value for name, value in made.items() if name not in ("signature", "seq")}


def still_waits(scene: Scene) -> bool:
    """Return whether build1 check_waits for the answer to its request, and reports the request as overdue later."""
    later = health_at(scene.fleet, "build1", datetime.now(timezone.utc) + timedelta(hours=2))
    overdue = scene.asked["id"] in [one["id"] for one in later["messages"]["overdue_requests"]]
    with scene.fleet.host("build1") as host:
        try:
            wait_for_answer(host, scene.asked["id"], 0, 0)
        except NoAnswer:
            return overdue
    return False


@pytest.mark.parametrize("name", ["nobody", "build9", "all", "", None])
def test_an_answer_of_a_name_without_a_key_ends_no_wait(scene: Scene, name: Any) -> None:
    scene.attacker.put(answer(scene, **{"from": name}), {**answer(scene), "from": name, "subject": "Re: Install it"})
    assert still_waits(scene)


def test_an_answer_of_a_server_that_was_not_asked_ends_no_wait(scene: Scene) -> None:
    """Its signature is valid, but another server was asked."""
    scene.attacker.put(signed(answer(scene, **{"from": "build3"}), scene.attacker.key_of("build3"), seq=1))
    assert still_waits(scene)
    with scene.fleet.host("build2") as host:
        reply(host, scene.asked["id"], Draft("", "Done."))
    assert not still_waits(scene)


def test_a_message_with_the_same_id_in_front_hides_no_answer(scene: Scene) -> None:
    others = [answer(scene, id=scene.asked["id"], **{"from": name}) for name in ("build3", "build1")]
    scene.attacker.rewrite(lambda entries: [*others, *entries])
    assert still_waits(scene)
    with scene.fleet.host("build2") as host:
        reply(host, scene.asked["id"], Draft("", "Done."))
    with scene.fleet.host("build1") as host:
        (found,) = wait_for_answer(host, scene.asked["id"], 0, 0).messages
    assert (found["from"], found["body"]) == ("build2", "Done.")


def test_very_many_late_requests_do_not_stop_a_look(scene: Scene) -> None:
    """There are as many forged answers, some with the id of a request, others with the subject of all."""
    late = answer(scene, timestamp=past_time(hours=3), to="build2", in_reply_to=None)
    requests = [{**late, "id": f"late{number}"} for number in range(12_000)]
    forged = [{**late, "to": "build1", "type": "info", "from": "build2", "id": f"a{n}"} for n in range(12_000)]
    by_id = [{**entry, "in_reply_to": f"late{number}"} for number, entry in enumerate(forged[:6_000])]
    by_subject = [{**entry, "in_reply_to": None, "subject": "Re: Install it"} for entry in forged[6_000:]]
    scene.attacker.put(*requests, *by_id, *by_subject)
    started = time.process_time()
    overdue = health_at(scene.fleet, "build2", datetime.now(timezone.utc))["messages"]["overdue_requests"]
    assert len(overdue) == 12_000
    assert time.process_time() - started < 60, "each request was compared with each answer"


def check_waits(scene: Scene) -> None:
    """Check that build1 still check_waits for the answer to its request."""
    with scene.fleet.host("build1") as host, pytest.raises(NoAnswer):
        wait_for_answer(host, scene.asked["id"], 0.1, 0.1)


def test_a_forged_answer_or_acknowledgement_ends_no_wait(scene: Scene) -> None:
    changes = {"to": "build1", "in_reply_to": scene.asked["id"], "timestamp": past_time(hours=2)}
    answer = unsigned(with_new_id(scene.asked), **changes)
    scene.attacker.put({**answer, "from": "build2"})
    check_waits(scene)
    later = health_at(scene.fleet, "build1", datetime.now(timezone.utc) + timedelta(hours=2))
    assert scene.asked["id"] in [one["id"] for one in later["messages"]["overdue_requests"]]
    scene.attacker.change(scene.asked["id"], acknowledged_by=["nobody"])
    check_waits(scene)


@pytest.mark.parametrize("body", ["Please.", "Something else."])
def test_a_key_that_others_have_used_in_a_servers_name_is_free(scene: Scene, body: str) -> None:
    scene.attacker.put(unsigned(with_new_id(scene.asked), key="install-1", subject="Keyed", body=body))
    draft = {"type": "request", "subject": "Keyed", "body": "Please.", "request": REQUEST, "key": "install-1"}
    sent = succeed(scene.fleet, "build1", state="sent", to=["build2"], **draft)
    assert sent["changed"] and sent["message"]["verified"] == "true"
    assert not succeed(scene.fleet, "build1", state="sent", to=["build2"], **draft)["changed"]


def test_an_answer_goes_to_who_has_asked(scene: Scene) -> None:
    forged = unsigned(scene.asked, **{"from": "build3"})
    scene.attacker.rewrite(lambda entries: [forged, *entries])
    with scene.fleet.host("build2") as host:
        assert reply(host, scene.asked["id"], Draft("", "Done.")).result[0].raw["to"] == "build1"
