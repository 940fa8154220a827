# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dismiss alarms of the audit that the manager has looked at."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ..errors import DocumentDamaged, InvalidInput
from ..identity.host import Host
from ..mail.audit import audit
from ..mail.audit_state import AUDIT_FILE, Alarm, Record, parse_record
from ..timestamps import utc_text


def dismiss(host: Host, ids: Collection[str], restored: Collection[str] = ()) -> tuple[list[Alarm], bool]:
    """Dismiss alarms of the last day on this host.

    After this host has received other trusted keys, a forgery that is still one is an alarm again.

    :param ids: the ids of the alarms to dismiss.
    :param restored: the ids of the alarms that shall count again.
    :return: these alarms, and whether one of them has changed.
    :raises InvalidInput: if there is no such alarm; then nothing is changed.
    """
    if host.state.read(AUDIT_FILE, parse_record):
        with suppress(DocumentDamaged):  # the other alarms are recorded
            host.repository.read(lambda snapshot: audit(host, snapshot, keep=True))
    with host.state.lock("audit.lock"):
        record, now = host.state.read(AUDIT_FILE, parse_record) or Record(), host.clock()
        chosen = {*ids, *restored}
        alarms = [alarm for alarm in record.recent(now) if alarm.id in chosen]
        for name in chosen - {alarm.id for alarm in alarms}:
            raise InvalidInput(f"There is no alarm {name!r} of the last day.", "See the ids: builderctl health --json")
        before = dict(record.dismissed)
        for alarm in alarms:
            if alarm.id in restored:
                record.dismissed.pop(alarm.text, None)
            else:
                record.dismissed.setdefault(alarm.text, utc_text(now))
        if record.dismissed != before:
            host.state.write_json(AUDIT_FILE, record.as_json())
        return [alarm for alarm in record.recent(now) if alarm.id in chosen], record.dismissed != before
