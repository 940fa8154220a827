"""Test concurrent answers of several processes."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import deliver
from ansible_collections.acs.builders.tests.answering import IDLE, answer, answers, ask
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.forks import in_forks
from ansible_collections.acs.builders.tests.waiting import LIMIT


def test_concurrent_responses_answer_once(trusted: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "PATIENCE", LIMIT)
    ids = [ask(trusted, name) for name in "ABC"]
    responses = [Response(message_id, IDLE) for message_id in ids]
    sent = in_forks(4, answer, [(trusted, *responses)] * 4)
    assert sorted(len(one) for one in sent) == [0, 0, 0, 3]
    assert [len(answers(trusted, message_id)) for message_id in ids] == [1, 1, 1]
