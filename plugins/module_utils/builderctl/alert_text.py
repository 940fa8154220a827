# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of an alert: for a chat, and as a mail. What others have written is framed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..coordination.alerts.record import CHANGED, RESOLVED
from ..coordination.text import one_line

PREFIXES = {CHANGED: "Changed: ", RESOLVED: "Resolved: "}
_FENCE = "```"


def title(alert: Mapping[str, Any]) -> str:
    """Return the line that says what has changed; no part of it was written by others."""
    return f"{PREFIXES.get(alert['event'], '')}{one_line(alert['summary'])}"


def webhook_text(alert: Mapping[str, Any]) -> str:
    """Return the text for Slack and Mattermost.

    What others have written is in a code block, where neither of them reads mentions and links. The three characters
    that Slack reads as markup are escaped (docs.slack.dev, "Formatting message text").
    """
    lines = [f"[acs.builders] {title(alert)}"]
    details = [one_line(line).replace("`", "'") for line in alert["details"]]
    lines += [_FENCE, *details, _FENCE] if details else []
    lines.append(_footer(alert))
    return "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mail(alert: Mapping[str, Any], addresses: Sequence[str]) -> bytes:
    """Return a mail with an alert.

    :param addresses: the recipients, which are valid addresses.
    :raises ValueError: if a header would contain a line end.
    """
    from email.message import EmailMessage  # takes longer to import than most commands need

    message = EmailMessage()
    message["To"] = ", ".join(addresses)
    message["Subject"] = f"[acs.builders] {title(alert)}"
    message["Auto-Submitted"] = "auto-generated"  # so that no program answers (RFC 3834)
    framed = [f"| {one_line(line)}" for line in alert["details"]]
    hint = ["", "The lines that begin with | were written by others."] if framed else []
    message.set_content("\n".join([title(alert), *framed, *hint, "", _footer(alert), ""]))
    return message.as_bytes()


def _footer(alert: Mapping[str, Any]) -> str:
    return f"{one_line(alert['by'])}, {one_line(alert['at'])}"
