"""Test signatures with ssh-keygen and with its substitute: what they cover, and that malformed ones are ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import SigningFailed
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import (
    canonical,
    is_signed_by,
    sign,
    signing_key,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import public_key
from ansible_collections.acs.builders.tests.contract.conftest import MakeKey

MARKS: dict[str, Any] = {
    "read": True,
    "read_by": ["build2"],
    "ack_status": "acknowledged",
    "acknowledged_by": ["build2"],
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1763795506_0123456789abcdef",
    "from": "build1",
    "to": "build2",
    "type": "request",
    "priority": "normal",
    "subject": "Grüße, 世界 \U0001f600",
    "body": 'Two lines,\nand "quotes" \\ \u2028 here.\n',
    "timestamp": "2026-11-22T07:11:46Z",
    "read": False,
    "read_by": [],
    "ack_required": True,
    "ack_status": "pending",
    "acknowledged_by": [],
    "facts": [{"name": "load", "value": "0.25"}, {"name": "cores", "value": 8}],
    "request": {"action": "build", "options": {"b": [1, None, True], "a": {}}},
    "repository": "0" * 32,
    "seq": 7,
}
CHANGES: dict[str, Any] = {
    **{name: "other" for name in MESSAGE if name not in MARKS},
    "facts": [{"name": "load", "value": "0.25"}, {"name": "cores", "value": "8"}],
    "request": {"action": "build", "options": {"b": [True, None, 1], "a": {}}},
    "ack_required": 1,
    "body": f"{MESSAGE['body']}\n",
    "seq": 7.5,
    "to": None,
}


def public(key_file: Path) -> str:
    """Return the public key as in the record of trusted keys."""
    return public_key(key_file.with_suffix(".pub").read_text())


@pytest.fixture
def key_file(tmp_path: Path, make_key: MakeKey) -> Path:
    """A key to sign with."""
    make_key(tmp_path / "signing_key")
    return tmp_path / "signing_key"


@pytest.fixture
def signed(key_file: Path) -> dict[str, Any]:
    """A message with its signature."""
    return {**MESSAGE, "signature": sign(MESSAGE, key_file)}


def test_signature_is_valid_and_contains_its_key(signed: dict[str, Any], key_file: Path) -> None:
    assert signing_key(signed) == public(key_file)
    assert is_signed_by(signed, public(key_file))
    assert signed["signature"].startswith("-----BEGIN SSH SIGNATURE-----\n")
    assert sign(signed, key_file) == signed["signature"], "the signature itself is not signed"


def test_another_key_has_not_signed_it(signed: dict[str, Any], tmp_path: Path, make_key: MakeKey) -> None:
    make_key(tmp_path / "other")
    assert not is_signed_by(signed, public(tmp_path / "other"))


@pytest.mark.parametrize("name", MARKS)
def test_marks_may_change(signed: dict[str, Any], key_file: Path, name: str) -> None:
    assert is_signed_by({**signed, name: MARKS[name]}, public(key_file))
    assert is_signed_by({key: value for key, value in signed.items() if key != name}, public(key_file))


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_else_may_change(signed: dict[str, Any], key_file: Path, name: str) -> None:
    assert not is_signed_by({**signed, name: CHANGES[name]}, public(key_file))
    assert not is_signed_by({key: value for key, value in signed.items() if key != name}, public(key_file))


@pytest.mark.parametrize("name", ["verified", "Read", "read ", "Signature", "in_reply_to", ""])
def test_no_key_may_be_added(signed: dict[str, Any], key_file: Path, name: str) -> None:
    values: list[Any] = [None, True, []]
    for value in values:
        assert not is_signed_by({**signed, name: value}, public(key_file))


def test_the_order_of_keys_and_the_layout_do_not_matter(signed: dict[str, Any], key_file: Path) -> None:
    reversed_keys = dict(reversed(signed.items()))
    reversed_keys["request"] = {"options": {"a": {}, "b": [1, None, True]}, "action": "build"}
    layouts: list[dict[str, Any]] = [{}, {"indent": 4}, {"ensure_ascii": False}, {"sort_keys": True}]
    for layout in layouts:
        written: dict[str, Any] = json.loads(json.dumps(reversed_keys, **layout))
        assert canonical(written) == canonical(signed)
        assert is_signed_by(written, public(key_file))


@pytest.mark.parametrize("value", ["\ud83d", float("nan"), float("inf"), {"\udc00": 1}])
def test_document_without_encoding_is_not_valid(signed: dict[str, Any], key_file: Path, value: Any) -> None:
    with pytest.raises(ValueError):
        canonical({"body": value})
    assert not is_signed_by({**signed, "body": value}, public(key_file))


@pytest.mark.parametrize("namespace", ["git", "file", "acs.builders2", "ACS.builders", "*"])
def test_a_signature_for_another_purpose_is_not_good(key_file: Path, namespace: str) -> None:
    document = {**MESSAGE, "signature": sign(MESSAGE, key_file, namespace)}
    assert signing_key(document) == public(key_file)
    assert not is_signed_by(document, public(key_file))


def test_large_messages_are_signed(key_file: Path) -> None:
    document = {"body": "ü" * 300_000, "request": {"action": ["x"] * 50_000}}
    document["signature"] = sign(document, key_file)
    assert is_signed_by(document, public(key_file))
    assert not is_signed_by({**document, "body": "ü" * 299_999}, public(key_file))


def test_malformed_signature_has_no_key(signed: dict[str, Any]) -> None:
    good = signed["signature"]
    begin, *lines, end = good.splitlines()
    short = "\n".join([begin, lines[0][:4], end])
    unreadable = [
        *(None, 7, 0, True, [], {}, [good], {"signature": good}, "", "x", "\n", "\ud83d", "é" * 100),
        *(good[:cut] for cut in range(0, len(good) - 1, 7)),
        *(good[cut:] for cut in range(1, len(good), 7)),
        *(good * 2, f" {good}", f"{good}\n", good.replace("\n", "\r\n"), good.replace("\n", ""), good.lower()),
        *(good.replace("SSH SIGNATURE", "PGP SIGNATURE"), f"{begin}\n{end}\n", f"{begin}\n====\n{end}\n", short),
        *(good.replace(lines[0], f"B{lines[0][1:]}"), good.replace(lines[0], "A" * len(lines[0]))),
        *(good.replace(lines[0], lines[0][:-1]), good.replace(lines[1], f"é{lines[1][1:]}")),
        *("x" * 10_000_000, f"{begin}\n" + "A" * 10_000_000, f"{begin}\n" + f"{'A' * 76}\n" * 100_000 + end),
    ]
    for signature in unreadable:
        assert signing_key({**signed, "signature": signature}) is None, repr(signature)[:300]
    assert signing_key(MESSAGE) is None
    assert signing_key({**signed, "signature": good.rstrip("\n")}) is not None


def test_a_signature_whose_bytes_were_changed_is_not_good(signed: dict[str, Any], key_file: Path) -> None:
    lines = signed["signature"].splitlines()
    for index in range(1, len(lines) - 1):
        other = "A" if lines[index][1] != "A" else "B"
        changed = [*lines[:index], f"{lines[index][0]}{other}{lines[index][2:]}", *lines[index + 1 :]]
        document = {**signed, "signature": "\n".join([*changed, ""])}
        assert signing_key(document) is None or not is_signed_by(document, public(key_file))


@pytest.mark.parametrize("content", ["", "x\n", "-----BEGIN OPENSSH PRIVATE" + " KEY-----\nAAAA\n", None])
def test_sign_with_broken_key(key_file: Path, content: str | None) -> None:
    """None means that the file of the private key contains the public key."""
    key_file.write_text(f"{public(key_file)}\n" if content is None else content)
    with pytest.raises(
        SigningFailed, match=r"ssh-keygen cannot sign with .*signing_key \(.+\)\. .*build_trust_rotate"
    ) as caught:
        sign(MESSAGE, key_file)
    assert "\n" not in str(caught.value)


def test_sign_with_key_readable_by_others(key_file: Path) -> None:
    key_file.chmod(0o644)
    with pytest.raises(SigningFailed, match="ssh-keygen cannot sign with") as caught:
        sign(MESSAGE, key_file)
    assert "\n" not in str(caught.value)
