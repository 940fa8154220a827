# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about one step of a message: whether and when it was taken, and what says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Callable

from ..errors import DocumentDamaged, StateUnusable
from ..timestamps import utc_text

DONE, NOT_YET, NOT_KNOWN = STATES = ("done", "not_yet", "not_known")


@dataclass(frozen=True)
class Finding:
    """What is known about a step.

    :param state: one of ``STATES``.
    :param time: when it was taken, as text in UTC; with ``NOT_YET``, when its source said so; None if not known.
    :param at_latest: whether it was taken at this time or before.
    :param source: what says so, empty with ``NOT_KNOWN``.
    :param reason: why it is not known, or not taken yet; empty if there is nothing to say.
    """

    state: str
    time: str | None
    at_latest: bool
    source: str
    reason: str


def done(source: str, time: str | datetime | None, at_latest: bool = False) -> Finding:
    """Return the finding that a step was taken.

    :param time: when, in UTC; None if that is not known.
    """
    return Finding(DONE, _text(time), at_latest and time is not None, source, "")


def not_yet(source: str, time: str | datetime | None = None, reason: str = "") -> Finding:
    """Return the finding that a step was not taken.

    :param time: the time in UTC at which the source said so; None for now.
    """
    return Finding(NOT_YET, _text(time), False, source, reason)


def not_known(reason: str) -> Finding:
    """Return the finding that it is not known whether a step was taken."""
    return Finding(NOT_KNOWN, None, False, "", reason)


def known(find: Callable[[], Finding]) -> Finding:
    """Return a finding; if a file on which it depends is damaged, the finding that it is not known."""
    try:
        return find()
    except (DocumentDamaged, StateUnusable) as error:
        return not_known(error.what.rstrip("."))


def _text(time: str | datetime | None) -> str | None:
    return utc_text(time) if isinstance(time, datetime) else time
