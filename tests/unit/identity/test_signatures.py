"""Test the content that is signed, and the error if something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import SigningFailed
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import (
    UNSIGNED_KEYS,
    canonical,
    sign,
)


def test_signed_bytes_are_utf_8_json() -> None:
    document = {"b": [1, {"z": None, "a": "é/\n"}], "a": True, "read": True, "signature": "x"}
    assert canonical(document) == '{"a":true,"b":[1,{"a":"é/\\n","z":null}]}'.encode()
    assert canonical(dict.fromkeys(UNSIGNED_KEYS, 1)) == b"{}"
    assert {"read", "read_by", "ack_status", "acknowledged_by", "signature"} == UNSIGNED_KEYS


def test_sign_without_key(tmp_path: Path) -> None:
    with pytest.raises(
        SigningFailed,
        match=r"signing_key, the signing key .* is missing\. Run .*: ansible-playbook playbooks/trust\.yml",
    ):
        sign({"body": "x"}, tmp_path / "signing_key")
