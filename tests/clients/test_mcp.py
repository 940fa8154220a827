"""Test that the real clients can call the tools of builderctl mcp."""

from __future__ import annotations

import re

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import send
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clients.clients import CLIENTS, Manager
from ansible_collections.acs.builders.tests.clients.model_server import CALL, RUN
from ansible_collections.acs.builders.tests.running_service import config

SERVER = re.compile(r'"name": "[^"]*acs.builders')
"""The start of the name of a tool, or of a group of tools, in a request to the model."""


@pytest.mark.parametrize("client", CLIENTS)
def test_the_model_calls_a_tool_and_gets_the_mail(client: str, trusted: Builders) -> None:
    config(trusted, "build1")
    sent = send(trusted, "build2", "Version of jq", "Which one?")
    manager = Manager(client, trusted.folder / "build1", trusted.state("build1"))
    calls = []

    def answer(text: str, number: int) -> str:
        """Call a tool once, as soon as the client lists it."""
        if not SERVER.search(text):
            return f"{RUN}sleep 1" if number < 20 else "Done."
        calls.append(text)
        return f"{CALL}inbox {{}}" if len(calls) == 1 else "Done."

    asked = manager.work(answer, mcp=True)
    assert sent not in asked[-2] and sent in asked[-1] and "Subjects are by others" in asked[-1]
