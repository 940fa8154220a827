"""Test the filter merge_signers: which record it updates, and the result after any changes of the servers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.merge_signers import FilterModule
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import parse_signers
from hypothesis import given
from hypothesis import strategies as st

SERVERS = ("build1", "build2", "build3")
MADE = 1_795_245_106
merge_signers = FilterModule().filters()["merge_signers"]


def collected(number: int) -> dict[str, Any]:
    """Return a key as the role collects it, the same for the same number."""
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + number.to_bytes(32, "big")
    return {"key": f"ssh-ed25519 {base64.b64encode(blob).decode()} a comment", "made": MADE + number}


def test_the_record_may_be_given_as_its_text() -> None:
    record = merge_signers(None, {"build1": collected(1)}, ["build1"])
    assert merge_signers(json.dumps(record), {"build1": collected(1)}, ["build1"]) == record
    assert merge_signers(record, {}, ["build1"]) == record


@pytest.mark.parametrize("record", ["", " ", "null", "{", "[" * 100_000, "{}", "[]", '""', "0", {}, [], 0, False])
def test_a_damaged_record_does_not_count_as_missing(record: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="version control"):
        merge_signers(record, {"build1": collected(1)}, ["build1"])


def test_a_refusal_names_the_remedy() -> None:
    record = merge_signers(None, {"build1": collected(1)}, ["build1"])
    with pytest.raises(AnsibleFilterError, match=r"build2 has the signing key of build1.*build_trust_rotate=build2"):
        merge_signers(record, {"build2": collected(1)}, ["build1", "build2"])


@pytest.mark.parametrize("server", ["build_3", "Build1", "all", ""])
def test_what_no_server_can_be_called_is_not_recorded(server: str) -> None:
    for keys, members in (({server: collected(1)}, ["build1"]), ({}, ["build1", server])):
        with pytest.raises(AnsibleFilterError, match=r"server id|reserved word"):
            merge_signers(None, keys, members)


def test_what_an_earlier_release_has_recorded_all_the_same_is_left_out() -> None:
    record = merge_signers(None, {"build1": collected(1), "build2": collected(2)}, ["build1", "build2"])
    record["signers"][1]["server"] = "build_2"
    repaired = merge_signers(
        json.dumps(record), {"build1": collected(1), "build-2": collected(2)}, ["build1", "build-2"]
    )
    assert [one["server"] for one in repaired["signers"]] == ["build-2", "build1"]
    assert repaired["repository"] == record["repository"] and parse_signers(repaired)


def test_a_record_that_cannot_be_read_has_a_way_back() -> None:
    keys, members = {"build1": collected(1)}, ["build1"]
    record = merge_signers(None, keys, members)
    kept = json.dumps(record)
    for damaged in (None, "", "{}", kept[:-20]):
        assert merge_signers(damaged, keys, members, ["{", kept, kept]) == record
        assert merge_signers(damaged, keys, members, ["{"])["repository"] != record["repository"]
    other = merge_signers(None, keys, members)
    assert merge_signers(other, keys, members, [kept]) == other, "a readable record was replaced"
    with pytest.raises(AnsibleFilterError, match="The records of the servers differ"):
        merge_signers("", keys, members, [kept, json.dumps(other)])
    with pytest.raises(AnsibleFilterError, match="build_trust_adopt=true"):
        merge_signers("", keys, members)


@given(st.lists(st.tuples(st.sets(st.sampled_from(SERVERS)), st.sets(st.sampled_from(SERVERS))), max_size=8))
def test_whatever_happens_each_server_has_one_valid_key_and_nothing_is_forgotten(
    runs: list[tuple[set[str], set[str]]],
) -> None:
    """A run has the servers of the inventory and those with a new key. A server that returns has a new key too."""
    record: Any = None
    number, present, current = 0, set[str](), dict[str, dict[str, Any]]()
    for members, rotated in runs:
        for server in sorted(members & (rotated | (members - present))):
            number += 1
            current[server] = collected(number)
        keys = {server: current[server] for server in members}
        before, present = record, members
        record = merge_signers(before, keys, sorted(members))
        valid = {one["server"]: one["key"] for one in record["signers"] if one["valid_until"] is None}
        assert valid == {server: key["key"].removesuffix(" a comment") for server, key in keys.items()}
        assert len(record["signers"]) == number == len({one["key"] for one in record["signers"]})
        assert before is None or before["repository"] == record["repository"]
        assert merge_signers(record, keys, sorted(members)) == record
        assert parse_signers(record).repository == record["repository"]
