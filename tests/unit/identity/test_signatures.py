"""What a signature is made of."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import (
    UNSIGNED_KEYS,
    canonical,
)


def test_what_is_signed_is_plain_utf_8_json() -> None:
    document = {"b": [1, {"z": None, "a": "é/\n"}], "a": True, "read": True, "signature": "x"}
    assert canonical(document) == '{"a":true,"b":[1,{"a":"é/\\n","z":null}]}'.encode()
    assert canonical(dict.fromkeys(UNSIGNED_KEYS, 1)) == b"{}"
    assert {"read", "read_by", "ack_status", "acknowledged_by", "signature"} == UNSIGNED_KEYS
