"""Test how long a conversation continues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.conversation import (
    AFTER_MESSAGE,
    FOR_ANSWER,
    conversation_end,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock

OWN = {"id": "msg_1", "from": "build1", "to": "build2", "subject": "Install jq"}
ANSWER = {"id": "msg_2", "from": "build2", "to": "build1", "in_reply_to": "msg_1"}
ASKED = {**OWN, "type": "request"}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], None),
        ([{**OWN, "from": "build3"}], None),
        ([OWN], AFTER_MESSAGE),
        ([{**OWN, "from": "build2", "to": "build1"}], AFTER_MESSAGE),
        ([{**OWN, "from": "build2", "to": "all"}], AFTER_MESSAGE),
        ([ASKED], FOR_ANSWER),
        ([{**OWN, "ack_required": True}], FOR_ANSWER),
        ([{**ASKED, "from": "build2", "to": "build1"}], AFTER_MESSAGE),
        ([ASKED, ANSWER], AFTER_MESSAGE),
        ([ASKED, {**ANSWER, "from": "build1", "to": "build2"}], FOR_ANSWER),
        ([{**OWN, "ack_required": True, "acknowledged_by": ["build2"]}], AFTER_MESSAGE),
    ],
)
def test_it_ends_some_time_after_the_newest_message(
    builders: Builders, clock: Clock, entries: list[dict[str, Any]], expected: timedelta | None
) -> None:
    dated = [Message({**entry, "timestamp": utc_text(clock())}) for entry in entries]
    with builders.host("build1") as host:
        assert conversation_end(clock.on(host), dated) == (None if expected is None else clock() + expected)


@pytest.mark.parametrize("timestamp", ["2099-01-01T00:00:00Z", "soon", None])
def test_messages_without_a_valid_time_are_ignored(builders: Builders, clock: Clock, timestamp: str | None) -> None:
    with builders.host("build1") as host:
        assert conversation_end(clock.on(host), [Message({**OWN, "timestamp": timestamp})]) is None
