"""Processes that write at the same time, each as one server with its own clone."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Receipt
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.waiting import LIMIT

Operation = tuple[str, str]
"""An operation and its argument: ("send", recipient), ("read", ""), ("acknowledge", ""), ("status", state)."""

_SPAWN = multiprocessing.get_context("spawn")


class Writer:
    """A process that acts as one server, on any repository."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._pipe, other = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(server, other), daemon=True)
        self._process.start()
        other.close()

    def start(self, folder: Path, ids: tuple[str, ...], operations: list[Operation]) -> None:
        """Start the operations; do not wait for other writers."""
        self._pipe.send((folder, ids, operations))

    def outcome(self) -> list[dict[str, Any]] | str:
        """Return ``operation``, ``ids``, ``commit`` and ``attempts`` of each operation; or the text of an error."""
        outcome: list[dict[str, Any]] | str = self._pipe.recv()
        return outcome

    def stop(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join()


def _serve(server: str, pipe: Connection) -> None:
    while True:
        try:
            folder, ids, operations = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_act(Builders(folder, ids), server, operations))
        except Exception as error:  # the parent reports it as a failed test
            pipe.send(f"{server}: {error!r}")


def _act(builders: Builders, server: str, operations: list[Operation]) -> list[dict[str, Any]]:
    results = []
    with builders.host(server, timeout=LIMIT) as host:
        for number, (name, value) in enumerate(operations):
            ids: list[str] = []
            receipt: Receipt[Any]
            if name == "send":
                receipt = send(host, Draft(f"{number}", f"from {server}", require_ack=True), [value])
                ids = [entry.id for entry in receipt.result]
            elif name == "status":
                receipt = write_status(host, Report(value, job=f"{server}-{number}" if value == "building" else None))
            else:
                ids = [message["id"] for message in list_messages(host, Filter()).messages]
                receipt = mark_read(host, ids)[0] if name == "read" else acknowledge(host, ids)
            outcome = {"operation": (name, value), "ids": ids, "commit": receipt.commit, "attempts": receipt.attempts}
            results.append(outcome)
    return results
