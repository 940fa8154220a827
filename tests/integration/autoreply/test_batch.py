"""Test concurrent answers of several processes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response, respond
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import deliver
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.forks import in_forks
from ansible_collections.acs.builders.tests.waiting import LIMIT

IDLE = Draft("", "build2 is idle.", facts=({"name": "status", "value": "idle"},))


def ask(builders: Builders, subject: str = "Status?", **more: Any) -> str:
    """Send a request from build1 and return its id."""
    with builders.host("build1") as host:
        return str(send(host, Draft(subject, "Please.", "request", **more), ["build2"]).result[0].id)


def answer(builders: Builders, *responses: Response, **options: Any) -> list[dict[str, Any]]:
    """Respond as build2, as a separate process would, and return the answers."""
    with builders.host("build2", **options) as host:
        return [sent.raw for sent in respond(host, responses).result]


def answers(builders: Builders, message_id: str) -> list[dict[str, Any]]:
    """Return the answers to a message on the remote."""
    return [entry for entry in builders.messages() if entry.get("in_reply_to") == message_id]


def test_concurrent_responses_answer_once(trusted: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "PATIENCE", LIMIT)
    ids = [ask(trusted, name) for name in "ABC"]
    responses = [Response(message_id, IDLE) for message_id in ids]
    sent = in_forks(4, answer, [(trusted, *responses)] * 4)
    assert sorted(len(one) for one in sent) == [0, 0, 0, 3]
    assert [len(answers(trusted, message_id)) for message_id in ids] == [1, 1, 1]
