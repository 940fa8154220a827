# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recording that this server acts upon several messages."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import NotActionable, UnknownMessage
from ..identity.host import Host
from ..mail.actionable import act_upon
from ..mail.mailbox import read_mailbox


def begin(host: Host, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Record that this server acts upon messages. Of several calls, one returns the id of a message.

    :return: the ids that were not recorded before, and for each message that must not be acted upon the reason.
    """
    entries = host.repository.read(lambda snapshot: read_mailbox(snapshot).messages)
    begun, refused = [], {}
    for message_id in dict.fromkeys(ids):
        try:
            _entry, is_new = act_upon(host, entries, message_id)
        except (NotActionable, UnknownMessage) as error:
            refused[message_id] = str(error)
            continue
        if is_new:
            begun.append(message_id)
    return begun, refused
