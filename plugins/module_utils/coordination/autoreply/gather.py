# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of this server for the answers to messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..delivery.queued_status import queued_status
from ..environment.facts import observe
from ..identity.host import Host
from ..status.document import Status, read_status
from ..store.snapshot import Snapshot
from .intent import FACTS, FAILED, STARTED, STATUS
from .plan import ANSWER, FINISH, Step


def gather(host: Host, steps: Sequence[Step], paths: Sequence[str]) -> tuple[list[Step], dict[str, Any]]:
    """Gather the facts of this server that answers contain. Nothing is fetched.

    :param steps: the planned responses.
    :param paths: the folders of the Git repositories whose commit may be requested.
    :return: the steps, each with the facts of its answer that no action changes; and ``environment``, as of
        :func:`.facts.observe`, and ``status``, the status document, if there is something to answer.
    :raises DocumentDamaged: if the status cannot be parsed.
    :raises ObservationFailed: if dpkg-query fails.
    """
    work = [step for step in steps if step.decision in (ANSWER, FINISH)]
    if not work:
        return list(steps), {}
    packages = [name for step in work if step.kind == FACTS for name in step.details.get("packages", ())]

    def own_status(snapshot: Snapshot) -> Status:
        return queued_status(host, snapshot) or read_status(host, snapshot, host.id)[0]

    environment = observe(list(dict.fromkeys(packages)), paths)
    status = host.repository.look(own_status).as_dict()
    gathered = [step._replace(facts=_facts(step, environment, status)) if step in work else step for step in steps]
    return gathered, {"environment": environment, "status": status}


def _facts(step: Step, environment: dict[str, Any], status: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the facts of an answer, each with name and value."""
    if step.kind == FACTS:
        facts = _requested(step.details, environment)
    elif step.kind in (STATUS, STARTED, FAILED):
        facts = _status_facts(environment, status)
    else:
        facts = []
    return [{"name": name, "value": value} for name, value in facts]


def _status_facts(environment: dict[str, Any], status: dict[str, Any]) -> list[tuple[str, Any]]:
    job, last = status.get("current_job") or {}, status.get("last_build") or {}
    return [
        ("status", status.get("status") or "unknown"),
        ("last activity", status.get("timestamp") or "never"),
        ("current job", job.get("id") or "none"),
        ("last build", last.get("id") or "none"),
        ("last build status", last.get("status") or "none"),
        ("load", environment["load"][0]),
        ("memory used in GB", environment["memory"]["used_gb"]),
        ("memory in GB", environment["memory"]["total_gb"]),
        ("disk free in GB", environment["disk"]["free_gb"]),
    ]


def _requested(details: dict[str, Any], environment: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the facts that a request for facts names, all as text."""
    memory, disk = environment["memory"], environment["disk"]
    facts: dict[str, list[tuple[str, Any]]] = {
        "kernel": [("kernel", environment["kernel"]), ("os", environment["os"])],
        "load": [("load", " ".join(map(str, environment["load"])))],
        "memory": [("memory used in GB", memory["used_gb"]), ("memory in GB", memory["total_gb"])],
        "disk": [("disk free in GB", disk["free_gb"]), ("disk in GB", disk["total_gb"])],
        "toolchain": list(environment["toolchain"].items()),
        "package": [fact for name in details.get("packages", ()) for fact in _package(name, environment)],
        "commit": _commit(details.get("path", ""), environment),
    }
    return [(name, str(value)) for query in facts if query in details["query"] for name, value in facts[query]]


def _package(name: str, environment: dict[str, Any]) -> list[tuple[str, Any]]:
    found = environment["packages"].get(name, {})
    facts = [
        (name, found.get("version") or "not installed"),
        (f"{name} status", found.get("status") or "unknown to dpkg"),
    ]
    return [*facts, (f"{name} provided by", found["provided_by"])] if found.get("provided_by") else facts


def _commit(path: str, environment: dict[str, Any]) -> list[tuple[str, Any]]:
    found = environment["commits"].get(path, {})
    return [
        (f"commit of {path}", found.get("commit") or "no repository"),
        (f"branch of {path}", found.get("branch") or "none"),
    ]
