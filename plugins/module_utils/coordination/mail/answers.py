# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages were answered: an answer counts when it comes from a server that was asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from ..identity.fleet import ALL
from ..identity.host import Host
from ..identity.verification import TRUE, UNSIGNED, Verifier
from ..store.snapshot import Snapshot
from .mailbox import read_archives, read_mailbox, readers_of, recipients_of
from .message import answered_id, id_of, is_marked_read


class Answers:
    """The answers to some messages, all judged at once. Where trust is set up, only signed ones count.

    :param asked: the messages.
    :param entries: those among which the answers are.
    """

    def __init__(
        self, host: Host, snapshot: Snapshot, asked: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]]
    ) -> None:
        self._host = host
        self._everyone = recipients_of(host, snapshot, {"to": ALL})
        wanted = {key for entry in asked for key in keys_of(entry)}
        claims = [(entry, str(entry.get("from"))) for entry in entries if key_of(entry) in wanted]
        self._found: dict[tuple[str, tuple[str, str]], list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for place, ((entry, sender), verdict) in enumerate(zip(claims, Verifier(host).verify(claims))):
            if verdict.verified == TRUE or (verdict.verified == UNSIGNED and not host.signers.repository):
                self._found[host.fleet.server_of(sender), key_of(entry)].append((place, entry))

    def to(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers to one of the messages, in the order of the entries."""
        keys = [(server, key) for server in readers_of(self._host, asked, self._everyone) for key in keys_of(asked)]
        return [entry for _place, entry in sorted(found for key in keys for found in self._found.get(key, []))]

    def is_open(self, asked: dict[str, Any]) -> bool:
        """Whether nobody has answered one of the messages, and not all of its recipients have read it."""
        recipients = readers_of(self._host, asked, self._everyone)
        answered = any((server, key) in self._found for server in recipients for key in keys_of(asked))
        return not answered and not all(is_marked_read(asked, server, self._host.fleet) for server in recipients)


def answered_ids(host: Host, snapshot: Snapshot, ids: Collection[str]) -> set[str]:
    """Those of some messages that this server has answered, as its own signed answers say."""
    asked = {message_id for message_id in ids if message_id}
    if not asked:
        return set()
    entries = [*read_mailbox(snapshot).entries, *read_archives(snapshot, *asked)]
    own = [entry for entry in entries if entry.get("from") == host.id and answered_id(entry) in asked]
    verdicts = Verifier(host).verify([(entry, host.id) for entry in own])
    return {answered_id(entry) for entry, verdict in zip(own, verdicts) if verdict.verified == TRUE}


def key_of(answer: dict[str, Any]) -> tuple[str, str]:
    """What tells which message an entry answers; the old scripts say so in the subject alone."""
    message_id = answered_id(answer)
    return ("id", message_id) if message_id else ("subject", str(answer.get("subject")))


def keys_of(asked: dict[str, Any]) -> list[tuple[str, str]]:
    """What an answer to an entry has as its key."""
    return [("id", id_of(asked)), ("subject", f"Re: {asked.get('subject')}")]
