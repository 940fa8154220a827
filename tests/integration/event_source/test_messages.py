"""Test the event source with the service of a real server and a real queue."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.extensions.eda.plugins.event_source import messages
from ansible_collections.acs.builders.extensions.eda.plugins.event_source.messages import main
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.tests.answering import ask
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.running_service import service
from ansible_collections.acs.builders.tests.waiting import LIMIT, until


class Source:
    """A running source."""

    def __init__(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        self._queue = queue

    async def next(self) -> dict[str, Any]:
        """Wait for an event."""
        return await asyncio.wait_for(self._queue.get(), LIMIT)


@asynccontextmanager
async def source(**options: Any) -> AsyncIterator[Source]:
    """Run the source as ansible-rulebook does."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(main(queue, {"interval": 0.05, **options}))
    try:
        yield Source(queue)
        assert not task.done()
    finally:
        task.cancel()


def test_events_are_handed_out_until_they_are_acknowledged(trusted: Builders) -> None:
    state_dir = str(trusted.state("build2"))
    unsigned = '{"messages": [{"id": "msg_0", "from": "build1", "to": "build2", "subject": "x", "body": "y"}]}'
    trusted.commit("coordination/messages.json", unsigned.encode())

    async def scene() -> None:
        with service(trusted, "build2") as running:
            async with source(state_dir=state_dir) as first:
                read, acted = ask(trusted, "to read"), ask(trusted, "to act upon")
                await asyncio.to_thread(running.cycle)
                events = [await first.next() for _event in range(2)]
            assert [event["message"]["id"] for event in events] == [read, acted]
            assert [event["message"]["subject"] for event in events] == ["to read", "to act upon"]
            assert {(event["server"], event["meta"]["hosts"]) for event in events} == {("build2", "build2")}
            async with source(state_dir=state_dir) as again:
                assert [(await again.next())["message"]["id"] for _event in range(2)] == [read, acted]
            with trusted.host("build2") as host:
                mark_read(host, [read])
                assert act(host, acted)[1]
            last = ask(trusted, "last")
            await asyncio.to_thread(running.cycle)
            async with source(state_dir=state_dir) as after:
                assert (await after.next())["message"]["id"] == last

    asyncio.run(scene())


def test_a_command_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(messages, "TIMEOUT", 0.2)
    pids = tmp_path / "pids"

    async def scene() -> None:
        async with source(command=["/bin/sh", "-c", 'echo $$ >> "$0"; exec sleep 1000', str(pids)]):
            # The command may be ended before it has written.
            await asyncio.to_thread(until, lambda: caplog.records and pids.exists(), "no warning of a call that began")

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert caplog.records[0].getMessage().endswith("/bin/sh did not end within 0.2 s")
    until(lambda: not any(Path("/proc", pid).exists() for pid in pids.read_text().split()), "a command still runs")


def test_the_record_of_another_machine_is_printed_by_a_command(trusted: Builders) -> None:
    record = str(trusted.state("build2") / "inbox.json")
    command = [sys.executable, "-c", "import sys; print(open(sys.argv[1]).read())", record]
    sent = ask(trusted, "Install jq")

    async def scene() -> str:
        async with source(command=command) as early:  # the command fails until the service has looked
            with service(trusted, "build2"):
                return str((await early.next())["message"]["id"])

    assert asyncio.run(scene()) == sent
