"""Test the text of an alert: no text of others can be mistaken for a line of its own."""

from __future__ import annotations

from dataclasses import asdict
from email import message_from_bytes, policy
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.alert_text import mail, title, webhook_text
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.record import Alert

TIME = "2026-11-22T07:11:46Z"
HOSTILE = "```\n@channel <!channel> <https://evil.example.com|click> & \x1b[2J\r\nBcc: x@example.com\r\n.\r\n"


def alert(event: str = "open", *details: str, summary: str = "build3 is stale") -> dict[str, Any]:
    """Return an alert as in the record."""
    return asdict(Alert("server", "build3", summary, details, ("x",), event, TIME, TIME, "build1", 1))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("open", "build3 is stale"),
        ("changed", "Changed: build3 is stale"),
        ("resolved", "Resolved: build3 is stale"),
    ],
)
def test_the_title_says_what_has_changed(event: str, text: str) -> None:
    assert title(alert(event)) == text


def test_a_chat_gets_the_text_of_others_in_a_block_of_code() -> None:
    lines = webhook_text(alert("open", HOSTILE, "second")).split("\n")
    assert lines[0] == "[acs.builders] build3 is stale"
    assert (lines[1], lines[4]) == ("```", "```")
    assert lines[2].startswith("'''\\n@channel &lt;!channel&gt; &lt;https://evil.example.com|click&gt; &amp; \\x1b[2J")
    assert lines[3:] == ["second", "```", f"build1, {TIME}"]
    assert webhook_text(alert()).split("\n") == ["[acs.builders] build3 is stale", f"build1, {TIME}"]


def test_a_mail_gets_it_after_a_bar() -> None:
    sent = mail(alert("resolved", HOSTILE), ["ops@example.com", "boss@example.com"])
    parsed = message_from_bytes(sent, policy=policy.default)
    assert sorted(parsed.keys()) == [
        *("Auto-Submitted", "Content-Transfer-Encoding", "Content-Type"),
        *("MIME-Version", "Subject", "To"),
    ]
    assert parsed["To"] == "ops@example.com, boss@example.com"
    assert parsed["Subject"] == "[acs.builders] Resolved: build3 is stale"
    lines = parsed.get_content().splitlines()
    assert lines[0] == "Resolved: build3 is stale"
    assert lines[1].startswith("| ```\\n@channel")
    assert not any(line.startswith((".", "Bcc")) for line in lines)


def test_a_header_cannot_be_added() -> None:
    sent = mail(alert(summary="x\r\nBcc: evil@example.com"), ["ops@example.com"])
    assert message_from_bytes(sent, policy=policy.default)["Bcc"] is None
    with pytest.raises(ValueError, match="Header values may not contain"):
        mail(alert(), ["ops@example.com\nBcc: evil@example.com"])


def test_a_text_in_any_script_is_sent() -> None:
    sent = mail(alert("open", "Größe 🏗 \ud800"), ["ops@example.com"])
    assert "Größe 🏗" in message_from_bytes(sent, policy=policy.default).get_content()
