# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of builderctl for people. All text from the repository is sanitized."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Callable

from ..coordination.identity.verification import LABELS, TRUE
from ..coordination.text import one_line
from .formats import Paint, age, duration, word, words
from .hints import COMMANDS, Hints
from .layout import terminal_width

MAX_CELL = 40
"""The maximum number of characters of a cell in a table, except in the last column."""
MAX_LISTED = 5
"""The maximum number of messages of each kind in the health; further ones are counted."""
INBOX = "See the questions on the controller: ansible-playbook playbooks/inbox.yml"
NOT_CHECKED = (
    "Not checked, because the heartbeat service of {} does not run: the age of heartbeats by the clock of {}, and "
    "whether heartbeats, statuses and messages were deleted, replaced or forged."
)


def sent(written: dict[str, Any], hints: Hints = COMMANDS) -> str:
    """Render the sent messages, one line for each recipient."""
    verb = {"pushed": "Sent", "queued": "Queued in the outbox:"}.get(
        written["delivery"], "Sent before, nothing written:"
    )
    lines = [
        f"{verb} {word(one['id'])} to {word(one['to'])}: {one_line(one['subject'])}" for one in written["messages"]
    ]
    return "\n".join([*lines, f"See answers: {hints.thread.format(word(written['messages'][0]['thread']))}"])


def outbox(kept: dict[str, Any]) -> str:
    """Render the outbox, one line for each write, and the next commands."""
    lines = [f"{verb}: {_item(item)}" for verb in ("dropped", "retried") for item in kept[verb]]
    lines += [f"waiting: {_item(item)}" for item in kept["waiting"]]
    lines += [f"set aside: {_item(item)}; {one_line(item['reason'])}" for item in kept["set_aside"]]
    if kept["set_aside"]:
        lines += ["Deliver it again: builderctl outbox --retry ID", "Delete it: builderctl outbox --drop ID"]
    return "\n".join(lines) or "The outbox is empty."


def _item(item: dict[str, Any]) -> str:
    return f"{word(item['id'])}  since {word(item['accepted_at'])}  {one_line(item['summary'])}"


def recovered(found: dict[str, Any]) -> str:
    """Render the messages that were removed from the remote, or sent again."""
    verb = {"pushed": "Sent again", "queued": "Queued in the outbox"}.get(found.get("delivery", ""), "Removed")
    lines = [f"{verb}: {word(one['id'])} to {word(one['to'])}: {one_line(one['subject'])}" for one in found["messages"]]
    if lines and verb == "Removed":
        lines.append("They may have been removed on purpose. Send them again: builderctl recover --resend")
    return "\n".join(lines) or "No message of this server was removed from the remote."


def marked(verb: str, written: dict[str, Any]) -> str:
    """Render the marked messages.

    :param verb: ``read`` or ``acknowledged``.
    """
    if not written["ids"]:
        return "No messages to mark: none on the page is for this server."
    state = f"Marked {verb}" if written["changed"] else f"Already {verb}"
    state += ", queued in the outbox" if written.get("delivery") == "queued" else ""
    unrequested = written.get("not_asked", [])
    requested = [one for one in written["ids"] if one not in unrequested]
    lines = [f"{state}: {words(requested)}"] if requested else []
    lines += [f"{state}, although no acknowledgement was requested: {words(unrequested)}"] if unrequested else []
    return "\n".join(lines)


def status(server: str, document: dict[str, Any], now: datetime, sender: str = "", queued: bool = False) -> str:
    """Render a status document, one line for each member except the signature.

    :param sender: the result of the verification of its sender, in words; empty if it was not verified.
    :param queued: whether it is in the outbox.
    """
    if not document:
        return f"{server} has published no status."
    published = age(document.get("timestamp"), now)
    verb = "queued in the outbox, not published yet, reported" if queued else "published"
    lines = [f"{server}{f': {verb} {published}' if published else ''}"]
    lines += [f"  sender: {one_line(sender)}"] if sender else []
    for name, value in document.items():
        if name in ("repository", "signature"):
            continue
        text = ", ".join(f"{word(k)} {word(v)}" for k, v in value.items()) if isinstance(value, dict) else word(value)
        lines.append(f"  {word(name)}: {text}")
    return "\n".join(lines)


def health(seen: dict[str, Any], now: datetime, paint: Paint) -> str:
    """Render the health: the table of servers, then jobs, messages, what managers have to do, and problems."""
    unread = seen["messages"]["unread"]
    rows = [_row(name, server, unread.get(name), now) for name, server in seen["servers"].items()]
    head = ("SERVER", "STATE", "AGE", "STATUS", "MANAGER", "ACTIVE", "UNREAD", "JOB")
    lines = table([head, *rows], lambda text, column: paint(text, text.strip()) if column == 1 else text)
    counts = [f"{word(number)} {_cell(name)}" for name, number in seen["jobs"].items()]
    total = seen["messages"]["total"]
    lines += ["", f"Jobs: {', '.join(counts) or 'none'}", f"Messages: {'not readable' if total is None else total}"]
    overdue_here = [one["id"] for one in seen["messages"]["overdue_mail"]]
    unanswered = [one for one in seen["messages"]["overdue_requests"] if one["id"] not in overdue_here]
    lines += _first("Waits for the operator", seen["messages"]["operator_questions"], INBOX)
    lines += _first("Unanswered", unanswered, "See how far one has come: builderctl trace ID")
    if seen["outbox"]["waiting"] or seen["outbox"]["set_aside"]:
        lines.append(f"Outbox: {seen['outbox']['waiting']} waiting, {seen['outbox']['set_aside']} set aside")
    if not seen["service_running"]:
        lines.append(NOT_CHECKED.format(seen["server_id"], seen["server_id"]))
    dismissed = sum(alarm["dismissed"] for alarm in seen["alarms"])
    lines += [f"Dismissed alarms: {dismissed}"] if dismissed else []
    lines += [f"Attention: {one_line(text)}" for text in seen["attention"]]
    lines += [f"Problem: {one_line(problem)}" for problem in seen["problems"]]
    strangers = ((name, server["problems"]) for name, server in seen["servers"].items() if not server["expected"])
    lines += [f"{name}: {'; '.join(map(one_line, problems))}" for name, problems in strangers]
    return "\n".join([*lines, paint("Healthy.", "ok") if seen["healthy"] else paint("Not healthy.", "error")])


def _first(name: str, mail: list[dict[str, Any]], remedy: str) -> list[str]:
    """Render the first messages, one line for each, the number of further ones, and what to do."""
    lines = [f"{name}: {_named(one)}" for one in mail[:MAX_LISTED]]
    lines += [f"{name}: {len(mail) - MAX_LISTED} more"] if len(mail) > MAX_LISTED else []
    return [*lines, remedy] if lines else []


def _named(mail: dict[str, Any]) -> str:
    seconds = mail["age_seconds"]
    sent = "" if seconds is None else f", {duration(seconds)} ago"
    verified = mail.get("verified", TRUE)
    doubt = "" if verified == TRUE else f" ({LABELS[verified]})"
    return f"{word(mail['id'])}  {word(mail['from'])}{doubt} -> {word(mail['to'])}{sent}: {one_line(mail['subject'])}"


def dismissed(alarms: list[dict[str, Any]], changed: bool) -> str:
    """Render the alarms that were dismissed, or that count again."""
    lines = [f"{'Dismissed' if one['dismissed'] else 'Counts again'}: {one_line(one['text'])}" for one in alarms]
    undo = [f"--restore {one['id']}" for one in alarms if one["dismissed"]]
    lines += [f"Undo: builderctl health {' '.join(undo)}"] if undo else []
    return "\n".join(lines if changed else ["Nothing to change.", *lines])


def _row(name: str, server: dict[str, Any], unread: int | None, now: datetime) -> tuple[str, ...]:
    job = server["current_job"]
    seconds = server["age_seconds"]
    return (
        name,
        server["state"],
        "-" if seconds is None else duration(seconds),
        _cell(server["status"]) + (" (queued)" if server["status_queued"] else ""),
        _cell(server["manager"]),
        age(server["manager_last_active"], now) or "-",
        "-" if unread is None else str(unread),
        _cell(job.get("id")) if isinstance(job, dict) else "-",
    )


def _cell(value: Any) -> str:
    """Render a value for a table: cut, and without double spaces."""
    text = one_line(value) if isinstance(value, str) else word(value)
    text = re.sub(" {2,}", " ", text).strip() or "-"
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def table(rows: Sequence[Sequence[str]], colour: Callable[[str, int], str]) -> list[str]:
    """Render rows as lines with aligned columns, or one row after the other if they do not fit the terminal.

    :param rows: the rows of cells, the first with the headings.
    :param colour: a function that colours a padded cell, given the number of its column.
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    if sum(widths) + 2 * (len(widths) - 1) > terminal_width():
        return [_named_cells(rows[0], row, colour) for row in rows[1:]]
    widths[-1] = 0
    padded = [[cell.ljust(width) for cell, width in zip(row, widths)] for row in rows]
    body = [[colour(cell, column) for column, cell in enumerate(row)] for row in padded[1:]]
    return ["  ".join(row).rstrip() for row in [padded[0], *body]]


def _named_cells(names: Sequence[str], row: Sequence[str], colour: Callable[[str, int], str]) -> str:
    """Render a row on one line, each cell after the name of its column. A comma in a cell cannot end it."""
    safe = [word(cell) if set(cell) & set(',"') else cell for cell in row]
    cells = [f"{name.lower()} {colour(cell, column)}" for column, (name, cell) in enumerate(zip(names, safe))]
    return f"{row[0]}: {', '.join(cells[1:])}"
