# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the messages to this server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..coordination.identity.host import Host
from ..coordination.identity.signatures import digest
from ..coordination.identity.verification import LABELS
from ..coordination.mail.actionable import assess
from ..coordination.mail.lenient_fields import other_fields
from ..coordination.mail.message import id_of, is_for, is_undeliverable, normalise
from ..coordination.mail.read_ledger import name_of, own_ledger
from ..coordination.text import one_line, quoted
from .service_log import append, stamp

LOGGED_FILE = "logged.json"


def log_new_mail(host: Host, entries: Iterable[dict[str, Any]], path: Path) -> None:
    """Append the messages that were not logged before.

    The first call appends only the unread messages. Undeliverable messages are included. No message is marked read.

    :param entries: the entries of the mailbox.
    :param path: the log file.
    :raises OSError: if the log cannot be written; then the next call logs the same messages.
    :raises StateUnusable: if the record of logged messages cannot be read or written.
    """
    logged = host.state.read(LOGGED_FILE, lambda record: {str(name) for name in record["ids"]})
    mine = [entry for entry in entries if is_for(entry, host.id, host.fleet) or is_undeliverable(entry, host.fleet)]
    if logged is None:
        ledger = own_ledger(host)
        new = [entry for entry in mine if is_undeliverable(entry, host.fleet) or not ledger.has(entry)]
    else:
        new = [entry for entry in mine if not logged & {_name_of(entry), id_of(entry)}]
    if new:
        when = stamp(host.clock())
        verified = zip(new, assess(host, new))
        append(path, "\n".join(_logged(host, entry, when, LABELS[result.verified]) for entry, result in verified))
    if new or logged is None:
        host.state.write_json(LOGGED_FILE, {"ids": [_name_of(entry) for entry in mine]})


def _name_of(entry: dict[str, Any]) -> str:
    """Return the name of an entry in the record of logged messages.

    An entry without an id has a hash of its content.
    """
    return name_of(entry) if id_of(entry) else digest(entry)


def _logged(host: Host, entry: dict[str, Any], when: str, sender: str) -> str:
    """Render a message for the log, with a prefix before each line of its body."""
    message, other = normalise(entry), other_fields(entry)
    sender += "" if host.fleet.has_recipient(entry.get("to")) else ", UNDELIVERABLE"
    head = "[{}] {} -> {}: {} ({}, sent {}, {})".format(
        message["type"].upper(),
        *(one_line(message[name]) for name in ("from", "to", "subject", "id", "timestamp")),
        sender,
    )
    head += f" Other members: {one_line(json.dumps(other, ensure_ascii=False))}" if other else ""
    return f"{when} {head}\n{quoted(message['body'], '    | ')}"
