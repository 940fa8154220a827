"""Test a conversation of two managers: Claude Code on build1 asks Codex on build2 for the version of a package."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clients.clients import CLAUDE, CODEX, Manager
from ansible_collections.acs.builders.tests.clients.model_server import RUN
from ansible_collections.acs.builders.tests.running_service import config, started

IDS = re.compile(r"msg_\d+_[0-9a-f]{16}")
FACT = "jq 1.6 is installed on build2."


class Asking:
    """The model of Claude Code: it asks, waits for the answer and reads it."""

    def __init__(self, command: str) -> None:
        self.times: dict[int, float] = {}
        self._command = command

    def __call__(self, text: str, number: int) -> str:
        self.times[number] = time.monotonic()
        if number == 1:
            return f"{RUN}{self._command} send --type request 'Version of jq' 'Which version of jq is installed?'"
        if number == 2:
            return f"{RUN}{self._command} wait --reply {IDS.findall(text)[-1]} --timeout 100s"
        return f"{RUN}{self._command} read {IDS.findall(text)[-1]}" if number == 3 else "Done."


class Answering:
    """The model of Codex: it works, and answers the first message that it sees."""

    def __init__(self, command: str, work: str) -> None:
        self._command, self._work = command, work
        self._has_answered = False

    def __call__(self, text: str, number: int) -> str:
        found = IDS.findall(text)
        if number == 1:
            return f"{RUN}{self._work}"
        if not found or self._has_answered:
            return "Done."
        self._has_answered = True
        return f"{RUN}{self._command} reply {found[-1]} --fact jq=1.6 '{FACT}'"


@pytest.mark.parametrize("way", ["held at the end of its turn", "woken by wait"])
def test_a_question_is_answered(trusted: Builders, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    managers = {}
    for server, client in (("build1", CLAUDE), ("build2", CODEX)):
        config(trusted, server)
        managers[server] = Manager(client, trusted.folder / server, trusted.state(server))
    one, two = (manager.hook.with_name("builderctl") for manager in managers.values())
    until_mail = f"until [ -e {trusted.state('build2')}/unread ]; do sleep 0.1; done"
    work = until_mail if way.startswith("held") else f"{two} wait --timeout 100s"
    asking, answering = Asking(str(one)), Answering(str(two), work)
    with started(trusted, "build1"), started(trusted, "build2"), ThreadPoolExecutor(2) as pool:
        second = pool.submit(managers["build2"].work, answering)
        asked = managers["build1"].work(asking)
        turns = second.result()
    assert FACT in asked[-1] and "jq" in asked[-1]
    assert way.startswith("held") == any("of which this session was not told before" in turn for turn in turns)
    with capsys.disabled():
        print(f"\nfrom the question to the answer, {way}: {asking.times[3] - asking.times[1]:.1f} s")
