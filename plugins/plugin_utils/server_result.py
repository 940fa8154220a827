# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of Ansible did on one server: what it changed, what it sent, and what failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .task_outcome import Outcome

COORDINATION = frozenset({"build_heartbeat_fact", "build_job", "build_message", "build_response", "build_status"})
"""The modules that coordinate servers. What they change is described in sentences of their own."""
FAILED, UNREACHABLE, IGNORED, HANDLED = "FAILED", "UNREACHABLE", "error ignored", "error handled"
"""What became of a task that failed."""
ANSWERED = {"answer": "answered", "finish": "answered", "decline": "declined"}
"""What is said of a message for each decision of the module build_response."""


class ServerResult:
    """What a run did on one server.

    :ivar changed: the names of the tasks that changed it, in their order.
    :ivar troubles: what became of each task that failed, its name, and why it failed.
    """

    def __init__(self) -> None:
        self.changed: dict[str, None] = {}
        self.troubles: list[tuple[str, str, str]] = []
        self._sent: list[str] = []
        self._decisions: dict[str, str] = {}
        self._jobs: dict[str, str] = {}

    def add(self, outcome: Outcome, check: bool) -> None:
        """Take a task that succeeded into account.

        :param check: whether Ansible runs in check mode.
        """
        if outcome.action in COORDINATION:
            for content in outcome.results:
                self._sent += self._sentences(outcome.action, content, check)
        elif outcome.changed:
            self.changed[outcome.task] = None

    def add_trouble(self, outcome: Outcome, kind: str) -> None:
        """Take a task that failed into account."""
        self.troubles.append((kind, outcome.task, "\n".join(outcome.failures)))

    def settle(self, failures: int) -> None:
        """Distinguish handled errors from those that ended the run.

        :param failures: how many errors ended it, as Ansible counted; the last ones did.
        """
        fatal = [number for number, trouble in enumerate(self.troubles) if trouble[0] == FAILED]
        for number in fatal[: len(fatal) - failures]:
            self.troubles[number] = (HANDLED, *self.troubles[number][1:])

    def sentences(self) -> list[str]:
        """Return what it sent and published, in order."""
        left = sum(decision != "mark" for decision in self._decisions.values())
        rest = [f"left {_count(left, 'message')} to its manager"] if left else []
        return [*self._sent, *self._jobs.values(), *rest]

    def _sentences(self, action: str, content: Mapping[str, Any], check: bool) -> Iterator[str]:
        if action == "build_message":
            yield from _message_sentences(content, check)
        elif action == "build_response":
            yield from self._response_sentences(content, check)
        elif action == "build_status" and content.get("changed"):
            yield f"{'would publish' if check else 'published'} the status {_status(content.get('status') or {})}"
        elif action == "build_job":
            self._add_job(content.get("job") or {}, bool(content.get("changed")), check)

    def _response_sentences(self, content: Mapping[str, Any], check: bool) -> Iterator[str]:
        if "steps" in content:
            self._decisions = {step["message"]["id"]: step["decision"] for step in content["steps"]}
        if "delivery" not in content:
            return
        for message in content.get("messages") or []:
            decision = self._decisions.pop(message.get("in_reply_to", ""), "answer")
            yield _sentence(ANSWERED.get(decision, "answered"), message, content, check)
        marked = [message_id for message_id, decision in self._decisions.items() if decision == "mark"]
        if content.get("changed") and marked:
            yield f"{'would mark' if check else 'marked'} {_count(len(marked), 'message')} read"

    def _add_job(self, job: Mapping[str, Any], changed: bool, check: bool) -> None:
        """Remember a job that this run has started or ended."""
        name = job.get("id") or "the build"
        if not changed and name not in self._jobs:
            return
        ended = None if job.get("running") else job.get("status")
        self._jobs[name] = (
            f"would start {name}"
            if check
            else f"ran {name}: {ended} after {job.get('duration_seconds')} s"
            if ended
            else f"started {name}"
        )


def _message_sentences(content: Mapping[str, Any], check: bool) -> Iterator[str]:
    """Yield what a result of the module build_message says that it sent or marked."""
    if "delivery" not in content:
        return
    for message in content.get("messages") or []:
        yield _sentence("answered" if message.get("in_reply_to") else "told", message, content, check)
    if content.get("changed") and content.get("ids"):
        yield f"{'would mark' if check else 'marked'} {_count(len(content['ids']), 'message')}"


def _sentence(verb: str, message: Mapping[str, Any], content: Mapping[str, Any], check: bool) -> str:
    """Return a sentence about a message that was sent."""
    recipient, subject, message_id = (message.get(name, "") for name in ("to", "subject", "id"))
    if check:
        return f"would have {verb} {recipient}: {subject}"
    if not content.get("changed"):
        return f"had {verb} {recipient} before: {subject} ({message_id})"
    waits = ", queued until the remote can be reached" if content.get("delivery") == "queued" else ""
    return f"{verb} {recipient}: {subject} ({message_id}{waits})"


def _status(document: Mapping[str, Any]) -> str:
    """Return the status and its job."""
    job = document.get("current_job") or document.get("last_build") or {}
    name = job.get("id") if document.get("status") != "idle" else None
    return f"{document.get('status')}{f' of {name}' if name else ''}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
