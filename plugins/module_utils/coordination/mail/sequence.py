# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of this server's messages, plus one each, so that a gap tells of one that was deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..identity.host import Host
from ..identity.signatures import signing_key
from ..identity.verification import Verifier
from ..store.snapshot import Snapshot
from ..timestamps import parse_time, utc_text
from .mailbox import read_archives
from .message import MAX_INTEGER

PORTION = 50
"""Messages that are judged at once to find the last number, the highest ones first."""


def number(host: Host, entries: Iterable[dict[str, Any]], last: int) -> list[dict[str, Any]]:
    """Entries with the numbers after ``last`` and signed; as they are where no trust is set up.

    One that has its number, and the signature of a key that is valid now, stays as it is. One that waited while its key
    ended gets the time from which the new one is valid.

    :raises SigningFailed: when this server cannot sign.
    """
    if not host.signers.repository:
        return list(entries)
    return [
        entry if entry.get("seq") == place and _is_signed(host, entry) else _signed(host, entry, place)
        for place, entry in enumerate(entries, start=last + 1)
    ]


def last_number(host: Host, snapshot: Snapshot, mailbox: Sequence[dict[str, Any]], recorded: int | None) -> int:
    """The last number that was used: by this host's record, or by what is signed by this server and newer.

    A write that its process did not live to record is newer than the record. A key that has ended may be in anybody's
    hands: what it signed counts only where there is no record and nothing newer.

    :param mailbox: its entries.
    :param recorded: the number of the last message that this host knows to be delivered; None without a record.
    """
    if not host.signers.repository:
        return 0
    last = recorded or 0
    entries = [*([] if recorded else read_archives(snapshot, "seq")), *mailbox]
    newer = [entry for entry in entries if entry.get("from") == host.id and number_of(entry) > last]
    newer.sort(key=number_of, reverse=True)
    ended = [last]
    for start in range(0, len(newer), PORTION):
        portion = newer[start : start + PORTION]
        verdicts = Verifier(host).verify([(entry, host.id) for entry in portion])
        own = [(number_of(entry), one.signer) for entry, one in zip(portion, verdicts) if one.signer]
        valid = [place for place, signer in own if signer.is_valid(host.clock())]
        if valid:
            return max(valid)
        ended += [] if recorded else [place for place, _signer in own]
    return max(ended)


def number_of(entry: dict[str, Any]) -> int:
    """The number of an entry, as it claims; 0 when it has none that a server can count to."""
    place = entry.get("seq")
    return place if isinstance(place, int) and not isinstance(place, bool) and 0 < place < MAX_INTEGER else 0


def _signed(host: Host, entry: dict[str, Any], place: int) -> dict[str, Any]:
    now = host.clock()
    keys = [min(signer.valid_from, now) for signer in host.signers.of(host.id) if signer.is_valid(now)]
    written = parse_time(entry["timestamp"])
    if keys and written and written < max(keys):
        entry = {**entry, "timestamp": utc_text(max(keys))}
    return host.signed({**entry, "seq": place})


def _is_signed(host: Host, entry: dict[str, Any]) -> bool:
    signer = host.signers.find(signing_key(entry) or "")
    is_own = signer is not None and signer.server == host.id and entry.get("repository") == host.signers.repository
    return is_own and signer is not None and signer.is_valid(host.clock())
