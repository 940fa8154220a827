"""Compares the remote with the answers that all callers got."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git
from ansible_collections.acs.builders.tests.faults.delivery import PUSHED, QUEUED
from ansible_collections.acs.builders.tests.faults.ledger import Ledger, Write
from ansible_collections.acs.builders.tests.faults.operations import MARKS

ARCHIVE = "coordination/archive"
VIOLATIONS = ("duplicated", "lost", "reordered", "phantom", "gaps", "wedged", "crashed")
"""The counts that must be 0."""


@dataclass
class Findings:
    """The findings of a check; the lists describe the violations.

    :param asked: requested writes.
    :param acknowledged: writes whose answer was pushed or queued.
    :param queued: acknowledged writes that were queued.
    :param delivered: acknowledged writes that are on the remote.
    :param withdrawn: messages that a row removed from the remote.
    :param rejected: messages that were rejected after they had been queued.
    :param duplicated: messages, ids and numbers that occur more than once.
    :param lost: acknowledged writes that are neither on the remote, nor waiting, nor withdrawn.
    :param reordered: messages of a sender that come before one that was acknowledged earlier.
    :param phantom: messages that are on the remote although the answer was that nothing was written.
    :param gaps: numbers that are missing between those of a sender although no message was removed.
    :param wedged: hosts that cannot work, and why.
    :param crashed: unexpected errors.
    """

    asked: int = 0
    acknowledged: int = 0
    queued: int = 0
    delivered: int = 0
    withdrawn: int = 0
    rejected: int = 0
    duplicated: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    wedged: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """All violations, each with its kind."""
        return [f"{name}: {what}" for name in VIOLATIONS for what in getattr(self, name)]


class Remote:
    """The documents on the branch of the remote.

    ``mailbox`` contains the messages of the mailbox, and ``entries`` those of the archives too.
    """

    def __init__(self, builders: Builders, revision: str = "main") -> None:
        self._builders = builders
        self._revision = revision
        names = git("ls-tree", "-r", "--name-only", revision, cwd=builders.remote, check=False).split()
        self._names = set(names)
        archives = [name for name in names if name.startswith(ARCHIVE)]
        self.mailbox = _entries(self.document(MESSAGES))
        self.entries = [*(entry for path in archives for entry in _entries(self.document(path))), *self.mailbox]
        self.tokens = [token_of(entry) for entry in self.entries]

    def document(self, path: str) -> Any:
        """Return a document, or None if it does not exist."""
        if path not in self._names:
            return None
        return json.loads(self._builders.show(path, self._revision))


def token_of(entry: dict[str, Any]) -> str:
    """Return the token of a message: the first word of its body."""
    return (str(entry.get("body") or "").split() or [""])[0]


def check(
    builders: Builders, ledger: Ledger, waiting: Set[str], rejected: Set[str] = frozenset(), rewritten: bool = False
) -> Findings:
    """Compare the remote with the ledger.

    :param waiting: the tokens in the outboxes of the servers.
    :param rejected: the tokens that were rejected.
    :param rewritten: whether commits were removed from the remote, and marks and states perhaps with them.
    """
    remote = Remote(builders)
    there = Counter(remote.tokens)
    accepted = ledger.accepted()
    found = Findings(
        asked=len(ledger.writes),
        acknowledged=len(accepted),
        queued=sum(QUEUED in write.outcomes for write in accepted),
        crashed=list(ledger.crashes),
        duplicated=_duplicated(remote),
    )
    for write in accepted:
        if not _is_there(write, remote, there):
            token = write.order.token
            if token in ledger.withdrawn or (rewritten and not write.is_message):
                found.withdrawn += 1
            elif token in rejected:
                found.rejected += 1
            elif token not in waiting:
                found.lost.append(f"{token} ({write.order.action} by {write.author}: {', '.join(write.outcomes)})")
        else:
            found.delivered += 1
    found.lost += [] if rewritten else _lost_states(accepted, ledger, remote)
    found.phantom = [
        f"{token} (answers: {', '.join(write.outcomes)})"
        for token, write in ledger.writes.items()
        if there[token] and not write.may_be_there
    ]
    found.reordered = _reordered(accepted, remote)
    found.gaps = [] if rewritten else _gaps(remote)
    return found


def _entries(document: Any) -> list[dict[str, Any]]:
    entries = document.get("messages") if isinstance(document, dict) else document
    return entries or []


def _is_there(write: Write, remote: Remote, there: Counter[str]) -> bool:
    if write.is_message:
        return there[write.order.token] > 0
    if write.order.action in MARKS:
        mark = "read_by" if write.order.action == "read" else "acknowledged_by"
        marked = [entry.get(mark) or [] for entry in remote.entries if entry.get("id") in write.ids]
        return all(write.server in servers for servers in marked)
    return True  # a status: only the last one remains


def _lost_states(accepted: list[Write], ledger: Ledger, remote: Remote) -> list[str]:
    """Return the last accepted status of each server, if neither it nor a later one is on the remote."""
    lost = []
    last = {write.server: write for write in accepted if write.order.action == "status"}
    order = list(ledger.writes)
    for server, write in last.items():
        job = ((remote.document(f"{server}/status.json") or {}).get("current_job") or {}).get("id")
        later = {w.order.token for w in ledger.writes.values() if w.server == server and w.may_be_there}
        allowed = {token for token in later if order.index(token) >= order.index(write.order.token)}
        if job not in allowed:
            lost.append(f"the status {write.order.token} of {server} (there: {job})")
    return lost


def _duplicated(remote: Remote) -> list[str]:
    numbers = [(entry.get("from"), entry["seq"]) for entry in remote.entries if "seq" in entry]
    named: dict[str, list[Any]] = {
        "message": remote.tokens,
        "id": [entry.get("id") for entry in remote.entries],
        "number": numbers,
    }
    return [
        f"{name} {value} is there {count} times"
        for name, values in named.items()
        for value, count in Counter(values).items()
        if count > 1
    ]


def _reordered(accepted: list[Write], remote: Remote) -> list[str]:
    """Return messages that come before one of the same author that was accepted earlier, or have a lower number."""
    positions = {token_of(entry): index for index, entry in enumerate(remote.mailbox)}
    numbers = {token_of(entry): entry["seq"] for entry in remote.entries if isinstance(entry.get("seq"), int)}
    return [*_out_of_order(accepted, positions), *_out_of_order(accepted, numbers)]


def _out_of_order(accepted: list[Write], places: dict[str, int]) -> list[str]:
    last: dict[str, Write] = {}
    found = []
    for write in accepted:
        if not write.is_message or write.order.token not in places or write.outcomes[0] not in (PUSHED, QUEUED):
            continue  # a repeated message is where it arrived first
        before = last.get(write.author)
        if before and places[before.order.token] > places[write.order.token]:
            found.append(f"{write.order.token} stands before {before.order.token}")
        last[write.author] = write
    return found


def _gaps(remote: Remote) -> list[str]:
    numbers: dict[str, set[int]] = {}
    for entry in remote.entries:
        if isinstance(entry.get("seq"), int):
            numbers.setdefault(str(entry.get("from")), set()).add(entry["seq"])
    missing = {server: set(range(min(there), max(there))) - there for server, there in numbers.items()}
    return [f"{server} has no message number {number}" for server, some in missing.items() for number in sorted(some)]
