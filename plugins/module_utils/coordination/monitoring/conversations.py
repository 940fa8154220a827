# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest messages of all servers as conversations."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ..identity.host import Host
from ..mail.mailbox import verify_messages
from ..mail.message import MAX_ID, Message
from ..mail.operator_questions import OperatorQuestions
from ..text import as_line, clean, short, visible
from ..timestamps import is_ahead, utc_text

MAX_MESSAGES = 300
"""The maximum number of messages that are shown."""
MAX_WEIGHT = 500_000
"""The maximum size of the shown messages in bytes, as a page has them: it escapes characters of HTML."""
MAX_BODY = 2_000
"""The number of characters of a body or a request that are shown."""
MAX_FACTS = 20
"""The number of facts of a message that are shown."""


def newest_conversations(host: Host, entries: Sequence[Message]) -> dict[str, Any]:
    """Return the newest messages, grouped by thread.

    :param entries: the messages of the mailbox.
    :return: ``threads``, the one with the newest message first, each with its ``id``, ``subject``, ``messages`` in
        their order, and ``earlier``, the number of its messages that are not shown; ``shown`` and ``total``, the
        numbers of messages.
    """
    newest = _newest(host, entries)
    sizes = Counter(short(entry.thread, MAX_ID) for entry in entries)
    threads: dict[str, list[dict[str, Any]]] = {}
    for message in newest:
        threads.setdefault(message["thread"], []).append(message)
    return {
        "threads": [
            {
                "id": name,
                "subject": messages[-1]["subject"],
                "earlier": sizes[name] - len(messages),
                "messages": messages[::-1],
            }
            for name, messages in threads.items()
        ],
        "shown": len(newest),
        "total": len(entries),
    }


def _newest(host: Host, entries: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the newest messages, the newest first, as many as a page can show."""
    newest = list(entries)[: -MAX_MESSAGES - 1 : -1]
    return shown_messages(host, fitting(host, newest, MAX_WEIGHT), entries)


def fitting(host: Host, entries: Sequence[Message], size: int) -> list[Message]:
    """Return the first ones of some messages, as many as fit into a size in bytes, as a page has them."""
    sizes = [
        len(html.escape(json.dumps(_shown(host, entry), ensure_ascii=False)).encode("utf-8", "replace"))
        for entry in entries
    ]
    return list(entries[: sum(total <= size for total in accumulate(sizes))])


def shown_messages(host: Host, entries: Sequence[Message], context: Sequence[Message]) -> list[dict[str, Any]]:
    """Return messages as a page shows them, each with the verification of its sender.

    :param context: the messages among which to search for the questions to the operator that the messages answer.
    """
    questions = OperatorQuestions(host, context)
    return [
        {
            **_shown(host, entry),
            "verified": verification.verified,
            "verified_reason": verification.reason,
            "not_operators": questions.has_other_answer(entry, verification.verified),
        }
        for entry, verification in zip(entries, verify_messages(host, entries))
    ]


def _shown(host: Host, entry: Message) -> dict[str, Any]:
    """Return a message as a page shows it; its long texts are cut.

    A time in the future is left out, because the page would count as new until then.
    """
    message, sent = entry.as_dict(), entry.sent_at
    request = "" if entry.request is None else json.dumps(entry.request, indent=2, ensure_ascii=False)
    to = entry.recipients(host.fleet) if entry.has_recipient(host.fleet) else [message["to"]]
    facts = [
        {"name": short(as_line(one.get("name"))), "value": short(_text(one.get("value")))} for one in message["facts"]
    ]
    return {
        **{name: short(message[name]) for name in ("subject", "ack_status")},
        **{name: message[name] for name in ("type", "priority")},
        "id": short(message["id"], MAX_ID),
        "timestamp": utc_text(sent) if sent and not is_ahead(sent, host.clock()) else "",
        "thread": short(entry.thread, MAX_ID),
        "from": short(clean(entry.sender_in(host.fleet))),
        "to": short(", ".join(sorted(to))),
        "body": message["body"][:MAX_BODY],
        "more": max(0, len(message["body"]) - MAX_BODY),
        "facts": facts[:MAX_FACTS],
        "more_facts": max(0, len(facts) - MAX_FACTS),
        "request": visible(request[:MAX_BODY]) + ("…" if len(request) > MAX_BODY else ""),
        **{name: short(", ".join(message[name])) for name in ("read_by", "acknowledged_by")},
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
