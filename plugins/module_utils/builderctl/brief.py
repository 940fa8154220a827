# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brief form of messages: one line each."""

from __future__ import annotations

from ..coordination.identity.verification import LABELS, NOT_OPERATORS
from ..coordination.text import one_line
from .formats import duration, word

MAX_BYTES = 159
"""The maximum number of bytes of a line without its end."""
MAX_NAME = 40
"""The maximum number of bytes of an id or a server; those of this collection are shorter."""


def brief_line(
    id: str,
    age_seconds: float | None,
    type: str,
    sender: str,
    subject: str,
    verified: str,
    not_operators: bool = False,
) -> str:
    """Render a message on one line of at most 160 bytes in UTF-8, its end included.

    The subject is the last column, so that it cannot pass for another one.

    :param age_seconds: the age, negative for a time in the future; None if it is unknown.
    :param type: one of :data:`.message.TYPES`.
    :param verified: one of :data:`.verification.VERIFIED`.
    :param not_operators: whether it answers a question to the operator without his signature.
    """
    label = f"{LABELS[verified]}, {NOT_OPERATORS}" if not_operators else LABELS[verified]
    columns = [_name(id), _age(age_seconds), type, _name(sender), label, one_line(subject)]
    return _cut("  ".join(columns), MAX_BYTES).rstrip()


def _name(text: str) -> str:
    shown = word(text)
    return shown if len(shown.encode()) <= MAX_NAME else _cut(shown, MAX_NAME - 1) + shown[0] * (shown[0] == '"')


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return duration(seconds) if seconds >= 0 else f"{duration(-seconds)} ahead"


def _cut(text: str, size: int) -> str:
    """Return a text of at most ``size`` bytes, the last character an ellipsis if it was cut."""
    data = text.encode()
    if len(data) <= size:
        return text
    return data[: size - len("…".encode())].decode(errors="ignore") + "…"
