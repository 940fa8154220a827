"""Requests from build1 to build2, and the responses of build2."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response, respond
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock

REQUEST = Draft("Install jq", "Please.", "request", request={"action": "install_packages", "packages": ["jq"]})
IDLE = Draft("", "build2 is idle.", facts=({"name": "status", "value": "idle"},))


def ask(builders: Builders, subject: str = "Status?", **more: Any) -> str:
    """Send a request and return its id."""
    with builders.host("build1") as host:
        return str(send(host, Draft(subject, "Please.", "request", **more), ["build2"]).result[0].id)


def answer(builders: Builders, *responses: Response, **options: Any) -> list[dict[str, Any]]:
    """Respond as a new process, and return the answers."""
    with builders.host("build2", **options) as host:
        return [sent.raw for sent in respond(host, responses).result]


def answers(builders: Builders, message_id: str) -> list[dict[str, Any]]:
    """Return the answers to a message on the remote."""
    return [entry for entry in builders.messages() if entry.get("in_reply_to") == message_id]


def asked(builders: Builders, now: Clock, ahead: float = 0, to: str = "build2") -> str:
    """Send a request for a package, dated some seconds ahead, and return its id."""
    clock = replace(now, passed=now.passed + timedelta(seconds=ahead))
    with builders.host("build1") as host:
        return str(send(clock.on(host), REQUEST, [to]).result[0].id)


def acted(builders: Builders, now: Clock, message_id: str, **options: Any) -> bool:
    """Act upon a message as a new process, and return whether the action is to be done."""
    with builders.host("build2", **options) as host:
        return act(now.on(host), message_id)[1]
