# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the messages to this server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..coordination.identity.host import Host
from ..coordination.identity.verification import LABELS, NOT_OPERATORS
from ..coordination.mail.actionable import assess
from ..coordination.mail.message import Message
from ..coordination.mail.operator_questions import OperatorQuestions
from ..coordination.mail.read_ledger import name_of, own_ledger
from ..coordination.text import one_line, quoted
from .service_log import append, stamp

LOGGED_FILE = "logged.json"


def log_new_mail(host: Host, entries: Sequence[Message], path: Path) -> None:
    """Append the messages that were not logged before.

    The first call appends only the unread messages. Undeliverable messages are included. No message is marked read.

    :param entries: the messages of the mailbox.
    :param path: the log file.
    :raises OSError: if the log cannot be written; then the next call logs the same messages.
    :raises StateUnusable: if the record of logged messages cannot be read or written.
    """
    logged = host.state.read(LOGGED_FILE, lambda record: {str(name) for name in record["ids"]})
    mine = [entry for entry in entries if entry.is_for(host.id, host.fleet) or entry.is_undeliverable(host.fleet)]
    if logged is None:
        ledger = own_ledger(host)
        new = [entry for entry in mine if entry.is_undeliverable(host.fleet) or not ledger.has(entry)]
    else:
        new = [entry for entry in mine if not logged & {_name_of(entry), entry.id}]
    if new:
        when = stamp(host.clock())
        questions = OperatorQuestions(host, entries)
        labels = [
            f"{LABELS[one.verified]}{f', {NOT_OPERATORS}' * questions.has_other_answer(entry, one.verified)}"
            for entry, one in zip(new, assess(host, new))
        ]
        append(path, "\n".join(_logged(host, entry, when, label) for entry, label in zip(new, labels)))
    if new or logged is None:
        host.state.write_json(LOGGED_FILE, {"ids": [_name_of(entry) for entry in mine]})


def _name_of(entry: Message) -> str:
    """Return the name of a message in the record of logged messages.

    A message without an id has a hash of its content.
    """
    return name_of(entry) if entry.id else entry.digest


def _logged(host: Host, entry: Message, when: str, sender: str) -> str:
    """Render a message for the log, with a prefix before each line of its body."""
    message, other = entry.as_dict(), entry.other
    sender += "" if entry.has_recipient(host.fleet) else ", UNDELIVERABLE"
    head = "[{}] {} -> {}: {} ({}, sent {}, {})".format(
        message["type"].upper(),
        *(one_line(message[name]) for name in ("from", "to", "subject", "id", "timestamp")),
        sender,
    )
    head += f" Other members: {one_line(json.dumps(other, ensure_ascii=False))}" if other else ""
    return f"{when} {head}\n{quoted(message['body'], '    | ')}"
