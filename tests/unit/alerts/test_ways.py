"""Test the file of the ways: its valid content, and that no error reveals a value of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.ways import (
    KINDS,
    Way,
    is_webhook,
    load_ways,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput

SECRET = "https://hooks.example.com/services/T0/B0/secret"
GOOD: dict[str, Any] = {"name": "chat", "webhook": SECRET}


def load(tmp_path: Path, *ways: Any) -> list[Way]:
    path = tmp_path / "alerts.json"
    path.write_text(json.dumps({"ways": ways}))
    return load_ways(str(path))


def test_without_a_file_there_is_no_way() -> None:
    assert load_ways("") == []


def test_ways_with_their_defaults(tmp_path: Path) -> None:
    command = {"name": "pager", "command": ["/bin/page", "-x"], "kinds": ["server"], "servers": ["b"], "timeout": 5}
    mail = {"name": "ops", "mail": ["ops+fleet@example.com"], "sendmail": "/usr/bin/msmtp"}
    chat, pager, ops = load(tmp_path, GOOD, command, mail)
    assert chat == Way("chat", webhook=SECRET, kinds=KINDS)
    assert pager == Way("pager", ("/bin/page", "-x"), kinds=("server",), servers=("b",), timeout=5)
    assert (ops.mail, ops.sendmail) == (("ops+fleet@example.com",), "/usr/bin/msmtp")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": ""}, "no valid name"),
        ({"name": 5}, "no valid name"),
        ({"name": "a b"}, "no valid name"),
        ({"webhook": None}, "exactly one of"),
        ({"mail": ["ops@example.com"]}, "exactly one of"),
        ({"webhook": "http://hooks.example.com/secret"}, "begins with https"),
        ({"webhook": [SECRET]}, "begins with https"),
        ({"webhook": None, "command": "/bin/secret"}, "is not a list"),
        ({"webhook": None, "command": ["secret"]}, "no absolute path"),
        ({"webhook": None, "command": ["/bin/true", "a\0secret"]}, "null character"),
        ({"webhook": None, "mail": ["ops@example.com\nBcc: secret@example.com"]}, "an address"),
        ({"webhook": None, "mail": ["-secret"]}, "an address"),
        ({"webhook": None, "mail": ["ops@example.com"], "sendmail": "sendmail"}, "no absolute path"),
        ({"kinds": ["secret"]}, "must be some of"),
        ({"servers": "secret"}, "is not a list"),
        ({"timeout": 0}, "seconds up to"),
        ({"timeout": True}, "seconds up to"),
        ({"timeout": 500}, "seconds up to"),
        ({"secrets": 1}, "unknown setting"),
    ],
)
def test_a_way_that_is_not_valid(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        load(tmp_path, {**GOOD, **changes})
    assert "secret" not in str(caught.value).replace("['secrets']", "")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"ways": 1}', '{"ways": [1]}', '{"ways": [{}]}', "[" * 100_000])
def test_a_file_that_is_not_valid(tmp_path: Path, content: str) -> None:
    path = tmp_path / "alerts.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="build_alerts in the inventory"):
        load_ways(str(path))


def test_names_are_used_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="same name"):
        load(tmp_path, GOOD, GOOD)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        load_ways(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("url", "good"),
    [
        (SECRET, True),
        ("https://[::1]:8065/hooks/x", True),
        ("http://127.0.0.1:8065/hooks/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://localhost.example.com/x", False),
        ("http://127.0.0.1.example.com/x", False),
        ("http://example.com/x", False),
        ("ftp://127.0.0.1/x", False),
        ("file:///etc/passwd", False),
        ("https:///x", False),
        ("https://example.com/a b", False),
        ("https://example.com/\r\nX: y", False),
        ("https://exämple.com/", False),
        ("https://example.com:port/", False),
        ("https://hooks..example.com/x", False),
        (f"https://{'x' * 64}.example.com/", False),
        ("https://[::1", False),
        ("", False),
        (None, False),
    ],
)
def test_webhooks(url: Any, good: bool) -> None:
    assert is_webhook(url) is good


def test_a_filter_of_kinds_and_servers() -> None:
    way = Way("pager", ("/bin/true",), kinds=("server", "audit"), servers=("build1",))
    assert way.takes("server", "build1")
    assert not way.takes("server", "build2")
    assert not way.takes("mail", "build1")
    assert way.takes("audit", ""), "an alarm of the audit has no server"
