# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the messages that came for this server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..coordination.identity.host import Host
from ..coordination.identity.signatures import digest
from ..coordination.identity.verification import LABELS
from ..coordination.mail.actionable import standings
from ..coordination.mail.lenient_fields import not_understood
from ..coordination.mail.message import id_of, is_for, is_undeliverable, normalise
from ..coordination.mail.read_ledger import name_of, own_marks
from ..coordination.text import one_line, quoted
from .service_log import append, stamp

LOGGED_FILE = "logged.json"


def log_new_mail(host: Host, entries: Iterable[dict[str, Any]], path: Path) -> None:
    """Append the messages that came since the last time; the first time, those that are unread.

    Those that no server is a recipient of come too. It marks nothing read.

    :param entries: the mailbox.
    :raises OSError: when the log cannot be written; the same messages are new the next time.
    :raises StateUnusable: when what was logged cannot be read or recorded.
    """
    logged = host.state.read(LOGGED_FILE, lambda record: {str(name) for name in record["ids"]})
    mine = [entry for entry in entries if is_for(entry, host.id, host.fleet) or is_undeliverable(entry, host.fleet)]
    if logged is None:
        ledger = own_marks(host)
        new = [entry for entry in mine if is_undeliverable(entry, host.fleet) or not ledger.has(entry)]
    else:
        new = [entry for entry in mine if not logged & {_name_of(entry), id_of(entry)}]
    if new:
        when = stamp(host.clock())
        judged = zip(new, standings(host, new))
        append(path, "\n".join(_logged(host, entry, when, LABELS[one.verified]) for entry, one in judged))
    if new or logged is None:
        host.state.write_json(LOGGED_FILE, {"ids": [_name_of(entry) for entry in mine]})


def _name_of(entry: dict[str, Any]) -> str:
    """An entry in the record of those that were logged; one without an id by what it says."""
    return name_of(entry) if id_of(entry) else digest(entry)


def _logged(host: Host, entry: dict[str, Any], when: str, sender: str) -> str:
    """A message as the log shows it: one line, and its body in lines that cannot pass for one."""
    message, odd = normalise(entry), not_understood(entry)
    sender += "" if host.fleet.has_recipient(entry.get("to")) else ", UNDELIVERABLE"
    head = "[{}] {} -> {}: {} ({}, sent {}, {})".format(
        message["type"].upper(),
        *(one_line(message[name]) for name in ("from", "to", "subject", "id", "timestamp")),
        sender,
    )
    head += f" Also written: {one_line(json.dumps(odd, ensure_ascii=False))}" if odd else ""
    return f"{when} {head}\n{quoted(message['body'], '    | ')}"
