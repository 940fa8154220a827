# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of this server's messages, plus one each, so that a gap tells of one that was deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .host import Host
from .mailbox import read_archives, read_mailbox
from .messages import MAX_INTEGER
from .snapshot import Snapshot
from .verdicts import Judge

SENT_FILE = "sent.json"


class Numbering:
    """Numbers messages and signs them. Where no trust is set up, it leaves them as they are."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes of this host from taking the same numbers until the write is done.

        :raises Locked: when another process writes for too long.
        """
        if not self._host.signers.repository or self._host.check_mode:
            yield
            return
        with self._host.state.lock("sent.lock", self._host.repository.timeout):
            yield

    def signed(self, snapshot: Snapshot, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """New entries with their numbers and signatures.

        :raises SigningFailed: when this server cannot sign.
        """
        if not self._host.signers.repository:
            return entries
        last = self._last(snapshot)
        return [self._host.signed({**entry, "seq": last + place}) for place, entry in enumerate(entries, start=1)]

    def record(self, entries: list[dict[str, Any]]) -> None:
        """Record the numbers of messages that were taken.

        :raises StateUnusable: when it cannot be written; the next number is then found in the repository.
        """
        numbers = [entry["seq"] for entry in entries if "seq" in entry]
        if numbers:
            self._host.state.write_json(SENT_FILE, {"last": max(numbers)})

    def _last(self, snapshot: Snapshot) -> int:
        """The last number that was used: by this host's record, or by what is signed by this server and newer.

        A write whose outcome its process did not live to see, or did not record, is newer than the record. A key that
        has ended may be in anybody's hands: what it signed counts only where there is no record and nothing newer.
        """
        record = self._host.state.read(SENT_FILE, lambda kept: int(kept["last"]))
        last = record or 0
        entries = [*([] if record else read_archives(snapshot, "seq")), *read_mailbox(snapshot).entries]
        newer = [entry for entry in entries if entry.get("from") == self._host.id and number_of(entry) > last]
        verdicts = Judge(self._host).judge([(entry, self._host.id) for entry in newer])
        own = [
            (number_of(entry), one.signer.is_valid(self._host.clock()))
            for entry, one in zip(newer, verdicts)
            if one.signer
        ]
        valid = [number for number, is_valid in own if is_valid]
        return max([last, *(valid or ([] if record else [number for number, _is_valid in own]))])


def number_of(entry: dict[str, Any]) -> int:
    """The number of an entry, as it claims; 0 when it has none that a server can count to."""
    number = entry.get("seq")
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 < number < MAX_INTEGER else 0
