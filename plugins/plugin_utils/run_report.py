# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message that tells the partners what a run of Ansible changed on servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import redact
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import short

from .run_summary import named
from .server_result import FAILED, UNREACHABLE, ServerResult

MAX_SUBJECT = 100
MAX_BODY = 10_000
MAX_FACTS = 100
"""The limits of a message (docs/wire-format.md)."""
MAX_REASON = 500
"""The number of characters that are reported of an error."""


def report(playbook: str, servers: Mapping[str, ServerResult], key: str) -> dict[str, Any]:
    """Return the options with which M(acs.builders.build_message) sends the report.

    :param servers: the result of each server by its id.
    :param key: the idempotency key of the message.
    """
    changed = [server for server, result in servers.items() if result.changed]
    failed = [server for server, result in servers.items() if _errors(result)]
    subject = f"{playbook} changed {', '.join(changed)}" + (f", failed on {', '.join(failed)}" if failed else "")
    lines = [f"{server}: {_what(result)}" for server, result in servers.items()]
    lines += [f"{server} failed at {task}: {why}" for server in failed for task, why in _errors(servers[server])]
    return {
        "state": "sent",
        "type": "error" if failed else "info",
        "subject": short(subject, MAX_SUBJECT - 1),
        "body": "\n".join([f"Ansible ran {playbook}.", *lines])[:MAX_BODY],
        "facts": _facts(playbook, servers)[:MAX_FACTS],
        "key": key,
        "secrets": "redact",
    }


def _what(result: ServerResult) -> str:
    if not result.changed:
        return "unchanged"
    tasks = f"{len(result.changed)} task{'' if len(result.changed) == 1 else 's'}"
    return f"changed by {tasks}: {named(list(result.changed))}"


def _errors(result: ServerResult) -> list[tuple[str, str]]:
    """Return the tasks that ended the run on a server, and why they failed."""
    ended = [(task, redact(why)[0]) for kind, task, why in result.troubles if kind in (FAILED, UNREACHABLE)]
    return [(task, short(" | ".join(why.splitlines()), MAX_REASON)) for task, why in ended]


def _facts(playbook: str, servers: Mapping[str, ServerResult]) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = [{"name": "playbook", "value": playbook}]
    for server, result in servers.items():
        facts.append({"name": f"{server} changed tasks", "value": len(result.changed)})
        facts += [{"name": f"{server} failed task", "value": task} for task, _why in _errors(result)]
    return facts
