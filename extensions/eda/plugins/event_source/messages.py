# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source for ansible-rulebook: the unread messages of a build server that a program may act upon."""

from __future__ import annotations

DOCUMENTATION = r"""
module: messages
short_description: Events for the messages of a build server that a program may act upon
version_added: 1.0.0
description:
  - An event is an unread message that is signed by another server, addressed to this server, not older than a day, and not acted upon
    before. The heartbeat service of the server checks this, and records it in the file C(inbox.json) of its state directory, which the
    source reads. There is no access to the network.
  - A message is acknowledged when it is acted upon or read. The playbook P(acs.builders.respond#playbook), the command C(builderctl
    mark-read) and M(acs.builders.build_message) do this. Until then, it is handed out again after O(repeat_after), at most
    O(max_deliveries) times, and again after a restart. So an action can run twice for a message, and must check with
    C(state=acted) whether it was carried out before, as the playbook does.
  - C(event.message) has C(id), C(from), C(type), C(priority), C(subject), C(timestamp), C(thread), C(in_reply_to), C(verified) and
    C(ack_required). The subject was written by another server. C(event.server) is the id of this server, C(event.delivery) the number of
    the delivery. C(event.meta.hosts) limits a playbook to this server.
options:
  state_dir:
    description: The state directory of the server, on the machine that runs ansible-rulebook.
    type: str
    default: /var/lib/acs-builders
  command:
    description:
      - A program with its arguments that prints the file C(inbox.json) of another machine. It replaces O(state_dir).
      - It is ended after a minute.
    type: list
    elements: str
  interval:
    description: The seconds between two looks at the file.
    type: float
    default: 5
  repeat_after:
    description: The seconds after which a message that was not acknowledged is handed out again.
    type: float
    default: 600
  max_deliveries:
    description: The maximum number of times that a message is handed out, until a restart.
    type: int
    default: 3
"""

EXAMPLES = r"""
- name: On the server itself
  acs.builders.messages:
    state_dir: /var/lib/acs-builders

- name: On the controller
  acs.builders.messages:
    command: [ssh, root@build1, cat, /var/lib/acs-builders/inbox.json]
    interval: 30
"""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger(__name__)
TIMEOUT = 60
"""Seconds after which a command is ended. The connection of ssh to a host that is gone can hang for hours."""
DEFAULTS: dict[str, Any] = {
    "state_dir": "/var/lib/acs-builders",
    "command": None,
    "interval": 5,
    "repeat_after": 600,
    "max_deliveries": 3,
}


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Put an event into the queue for each message, until it is cancelled.

    :param args: the options; what ansible-rulebook adds begins with ``eda_``.
    :raises ValueError: if an option is invalid.
    """
    options = _options(args)
    deliveries = Deliveries(options["repeat_after"], options["max_deliveries"])
    failure = ""
    while True:
        try:
            record = json.loads(await _read(options))
            events = deliveries.due(record, time.monotonic())
            failure = ""
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            events = []
            if str(error) != failure:
                failure = str(error)
                LOGGER.warning("The messages cannot be read, and are tried again: %s", failure)
        for event in events:
            await queue.put(event)
        await asyncio.sleep(options["interval"])


class Deliveries:
    """The messages that were handed out and are not acknowledged.

    :param repeat_after: seconds after which one is handed out again.
    :param limit: the maximum number of times.
    """

    def __init__(self, repeat_after: float, limit: int) -> None:
        self._repeat_after = repeat_after
        self._limit = limit
        self._handed_out: dict[str, tuple[int, float]] = {}

    def due(self, record: dict[str, Any], now: float) -> list[dict[str, Any]]:
        """Return the events to hand out now. A message that is no longer actionable is acknowledged.

        :param record: the content of ``inbox.json``.
        :param now: seconds of a clock that is not set.
        """
        messages = {f"{one['sender']}/{one['id']}": one for one in record["messages"] if one["actionable"]}
        self._handed_out = {name: known for name, known in self._handed_out.items() if name in messages}
        events = []
        for name, message in messages.items():
            number, when = self._handed_out.get(name, (0, now))
            if number == 0 or (number < self._limit and now - when >= self._repeat_after):
                self._handed_out[name] = (number + 1, now)
                events.append(_event(record["server"], message, number + 1))
        return events


def _event(server: str, message: dict[str, Any], number: int) -> dict[str, Any]:
    shown = {name: value for name, value in message.items() if name not in ("sender", "actionable")}
    return {
        "server": server,
        "delivery": number,
        "message": {**shown, "from": message["sender"]},
        "meta": {"hosts": server},
    }


def _options(args: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in args.items() if not name.startswith("eda_")}
    unknown = sorted(given.keys() - DEFAULTS.keys())
    if unknown:
        raise ValueError(f"The source acs.builders.messages has no option {unknown[0]}.")
    options = {**DEFAULTS, **given}
    for name in ("interval", "repeat_after", "max_deliveries"):
        value = options[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise ValueError(f"The option {name} of acs.builders.messages is not a positive number.")
    command = options["command"]
    if command is not None and not (isinstance(command, list) and command and all(isinstance(w, str) for w in command)):
        raise ValueError("The option command of acs.builders.messages is not a list of a program and its arguments.")
    return options


async def _read(options: dict[str, Any]) -> str:
    """Return the content of the record.

    :raises OSError: if it cannot be read in time.
    """
    if options["command"] is None:
        return Path(options["state_dir"], "inbox.json").read_text(encoding="utf-8")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*options["command"], stdout=pipe, stderr=pipe)
    program = options["command"][0]
    try:
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    except asyncio.TimeoutError as error:
        raise OSError(f"{program} did not end within {TIMEOUT} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = errors.decode("utf-8", "replace").strip()
        raise OSError(f"{program} ended with {process.returncode}: {reason}")
    return output.decode("utf-8")
