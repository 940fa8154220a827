"""Test the record of trusted keys: how keys are merged into it, and which records are invalid."""

from __future__ import annotations

import base64
import copy
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput, StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import (
    Signer,
    Signers,
    load_signers,
    merge_signers,
    parse_signers,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import MAX_AHEAD, utc_text
from ansible_collections.acs.builders.tests.builders import Builders

BOTH = ("build1", "build2")
NOW = datetime(2026, 11, 22, 7, 11, 46, 654321, tzinfo=timezone.utc)
LATER = NOW + timedelta(days=30)


def key(number: int) -> str:
    """Return a public key, the same for the same number."""
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes([number]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def made(number: int, at: datetime = NOW, comment: str = "") -> dict[str, Any]:
    """Return a key as Ansible collects it."""
    return {"key": f"{key(number)}{comment}\n", "made": at.timestamp()}


def merged(
    before: Any, keys: dict[str, dict[str, Any]], members: tuple[str, ...] = BOTH, now: datetime = NOW
) -> dict[str, Any]:
    """Return the record after a merge. Check that the old record is unchanged."""
    kept = copy.deepcopy(before)
    after = merge_signers(before, keys, members, now)
    assert before == kept
    assert parse_signers(json.loads(json.dumps(after))).repository == after["repository"]
    return after


def entries(record: dict[str, Any], server: str) -> list[tuple[str, str, str | None]]:
    """Return the keys of a server in a record, each with its period of validity."""
    return [(e["key"], e["valid_from"], e["valid_until"]) for e in record["signers"] if e["server"] == server]


@pytest.fixture
def record() -> dict[str, Any]:
    """A record with one key for each of two servers."""
    return merged(None, {"build1": made(1), "build2": made(2)})


def test_the_first_keys_are_valid_from_when_they_were_made(record: dict[str, Any]) -> None:
    assert entries(record, "build1") == [(key(1), "2026-11-22T07:11:46Z", None)]
    assert entries(record, "build2") == [(key(2), "2026-11-22T07:11:46Z", None)]
    assert re.fullmatch("[0-9a-f]{32}", record["repository"])
    assert merged(None, {})["repository"] != record["repository"]


def test_the_comment_of_a_key_is_not_kept() -> None:
    record = merged(None, {"build1": made(1, comment=" root@build1 and more, ümlaut")})
    assert [entry[0] for entry in entries(record, "build1")] == [key(1)]


def test_a_new_key_ends_the_older_ones_of_its_server_when_it_was_made(record: dict[str, Any]) -> None:
    third, fourth = NOW + timedelta(days=10), NOW + timedelta(days=20)
    record = merged(record, {"build1": made(3, third)}, now=third + timedelta(hours=1))
    record = merged(record, {"build1": made(4, fourth)}, now=LATER)
    assert entries(record, "build1") == [
        (key(1), utc_text(NOW), utc_text(third)),
        (key(3), utc_text(third), utc_text(fourth)),
        (key(4), utc_text(fourth), None),
    ]
    assert entries(record, "build2") == [(key(2), utc_text(NOW), None)]


@pytest.mark.parametrize(("ahead", "counts"), [(timedelta(minutes=9), timedelta(minutes=9)), (timedelta(days=9), None)])
def test_a_key_that_was_made_far_ahead_ends_the_older_ones_now(
    record: dict[str, Any], ahead: timedelta, counts: timedelta | None
) -> None:
    """Otherwise a stolen key would stay valid for as long as the clock of that server is ahead."""
    after = merged(record, {"build1": made(3, LATER + ahead)}, now=LATER)
    old, new = (signer for signer in after["signers"] if signer["server"] == "build1")
    assert old["valid_until"] == new["valid_from"] == utc_text(LATER + (counts or timedelta()))


def test_a_new_key_by_a_clock_that_went_back_leaves_the_older_one_no_time(record: dict[str, Any]) -> None:
    earlier = NOW - timedelta(days=1)
    record = merged(record, {"build1": made(3, earlier)}, now=LATER)
    assert entries(record, "build1") == [
        (key(3), utc_text(earlier), None),
        (key(1), utc_text(NOW), utc_text(NOW)),
    ]
    old = parse_signers(record).find(key(1))
    assert old and not old.is_valid(old.valid_from)


def test_key_dated_far_ahead_is_corrected(record: dict[str, Any]) -> None:
    """The clock of the controller was ahead at the first merge."""
    record = merged(record, {"build1": made(3, LATER)}, now=LATER)
    now = LATER - timedelta(hours=1)
    corrected = merged(record, {"build1": made(3, LATER)}, now=now)
    assert entries(corrected, "build1") == [
        (key(1), utc_text(NOW), utc_text(now)),
        (key(3), utc_text(now), None),
    ]
    assert merged(corrected, {"build1": made(3, LATER)}, now=now + timedelta(minutes=1)) == corrected


def test_a_server_that_left_the_members_has_no_valid_key(record: dict[str, Any]) -> None:
    left = merged(record, {}, members=("build2",))
    assert entries(left, "build1") == [(key(1), utc_text(NOW), utc_text(NOW))]
    assert not any(signer.is_valid(LATER) for signer in parse_signers(left).of("build1"))
    assert entries(left, "build2") == entries(record, "build2")
    assert merged(left, {}, members=("build2",), now=LATER) == left, "the end of the key was changed"
    assert merged(left, {}, now=LATER) == left, "the expired key became valid again"


def test_a_key_of_no_member_is_never_valid() -> None:
    record = merged(None, {"build9": made(9)})
    assert not any(signer.is_valid(LATER) for signer in parse_signers(record).of("build9"))


def test_servers_that_were_not_asked_keep_their_keys(record: dict[str, Any]) -> None:
    after = merged(record, {"build2": made(3, LATER)}, now=LATER)
    assert entries(after, "build1") == entries(record, "build1")


def test_a_second_merge_changes_nothing(record: dict[str, Any]) -> None:
    again = merged(record, {"build1": made(1, comment=" other"), "build2": made(2, LATER)}, now=LATER)
    assert again == record


def test_the_id_of_the_repository_stays(record: dict[str, Any]) -> None:
    after = merged(record, {"build1": made(3, LATER)}, members=("build1",), now=LATER)
    assert after["repository"] == record["repository"]


def test_the_key_of_another_server_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="build2 has the signing key of build1: ") as refusal:
        merge_signers(record, {"build2": made(1)}, BOTH, NOW)
    assert "build_trust_rotate=build2" in refusal.value.remedy
    with pytest.raises(InvalidInput, match="build2 has the signing key of build1: "):
        merge_signers(None, {"build1": made(1), "build2": made(1)}, BOTH, NOW)


def test_a_key_that_has_ended_is_refused(record: dict[str, Any]) -> None:
    after = merged(record, {"build1": made(3, NOW + timedelta(hours=1))}, now=LATER)
    with pytest.raises(InvalidInput, match="The signing key of build1 expired at 2026-11-22T08:11:46Z"):
        merge_signers(after, {"build1": made(1)}, BOTH, LATER)
    left = merged(record, {}, members=("build2",))
    with pytest.raises(InvalidInput, match="expired at"):
        merge_signers(left, {"build1": made(1)}, BOTH, LATER)
    back = merged(left, {"build1": made(5, LATER)}, now=LATER)
    assert entries(back, "build1")[-1] == (key(5), utc_text(LATER), None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "x", "ssh-ed25519", "ssh-ed25519 AAAA", f"{key(1)}=", f"{key(1)}AAAA", key(1)[:-1], key(1).upper()),
        *(f"ssh-rsa {key(1)[12:]}", f"restrict {key(1)}", f"{key(1)}\n{key(2)}", f"{key(1)} a\n{key(2)} b"),
    ],
)
def test_other_keys_than_ed25519_are_rejected(text: str) -> None:
    with pytest.raises(InvalidInput, match="The signing key of build1 is invalid") as refusal:
        merge_signers(None, {"build1": {"key": text, "made": 0}}, BOTH, NOW)
    assert "build_trust_rotate=build1" in refusal.value.remedy


def test_a_key_is_valid_from_its_first_moment_until_before_its_last() -> None:
    """A clock that was ahead may have set the first moment."""
    signer = Signer("build1", key(1), NOW, LATER)
    second = timedelta(seconds=1)
    moments = (NOW - MAX_AHEAD - second, NOW - MAX_AHEAD, LATER - second, LATER)
    assert [signer.is_valid(moment) for moment in moments] == [False, True, True, False]
    assert [signer.was_valid(moment) for moment in (*moments, LATER + second)] == [False, True, True, True, False]
    assert Signer("build1", key(1), NOW).is_valid(NOW + timedelta(days=36_500))


def test_keys_are_found_by_server_and_by_themselves(record: dict[str, Any]) -> None:
    signers = parse_signers(merged(record, {"build1": made(3, LATER)}, now=LATER))
    assert [signer.key for signer in signers.of("build1")] == [key(1), key(3)]
    assert signers.find(key(2)) == Signer("build2", key(2), NOW.replace(microsecond=0))
    assert signers.find(key(9)) is None and signers.find("") is None and signers.of("build9") == []


def test_without_record_no_key_is_trusted(state: StateDirectory) -> None:
    assert load_signers(state) == Signers("", ())
    assert not state.path.exists()


def test_installed_record_is_loaded(builders: Builders) -> None:
    builders.trust()
    with builders.host("build2") as host:
        assert host.signers == parse_signers(builders.record())
        assert {signer.server for signer in host.signers.signers} == {"build1", "build2"}


ENTRY = {"server": "build1", "key": key(1), "valid_from": "2026-11-22T07:11:46Z", "valid_until": None}
GOOD = {"repository": "0" * 32, "signers": [ENTRY]}
WRONG: dict[str, list[Any]] = {
    "repository": [None, 7, "", "0" * 31, "0" * 33, "G" * 32, "0" * 32 + "\n", ["0"]],
    "signers": [None, 7, True, "text", {"build1": ENTRY}, [None], [7], ["x"], [[]]],
}
WRONG_IN_ENTRY: dict[str, list[Any]] = {
    "server": [None, 7, [], {}, "", "all", "../x", "a b", "é"],
    "key": [None, 7, [], {}, "", "x", f"{key(1)} comment", f"{key(1)}\n", "ssh-rsa AAAA", key(1)[:-4]],
    "valid_from": [None, 0, "", "now", [], "2026-13-01"],
    "valid_until": [0, False, "", "never", [], {}],
}
UNUSABLE: list[Any] = [
    *(7, True, "text", "", [], {}, [GOOD], {"repository": "0" * 32}, {"signers": []}),
    *({**GOOD, name: value} for name, values in WRONG.items() for value in values),
    *({**GOOD, "signers": [{**ENTRY, name: value}]} for name, values in WRONG_IN_ENTRY.items() for value in values),
    *({**GOOD, "signers": [ENTRY, {k: v for k, v in ENTRY.items() if k != name}]} for name in ENTRY),
]


@pytest.mark.parametrize("record", UNUSABLE, ids=repr)
def test_invalid_record_is_rejected(state: StateDirectory, record: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_signers(record)
    assert re.fullmatch(r"This is not a record of trusted keys \(.+\)\.", refusal.value.what)
    state.write_json("signers.json", record)
    with pytest.raises(StateUnusable) as unusable:
        load_signers(state)
    assert unusable.value.what == f"{state.path / 'signers.json'}: {refusal.value.what}"
    assert unusable.value.remedy == "Run on the controller: ansible-playbook playbooks/trust.yml"
    with pytest.raises(InvalidInput):
        merge_signers(record, {}, BOTH, NOW)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, json.dumps(GOOD).encode()[:-1]])
def test_a_file_that_is_not_json_is_unusable(state: StateDirectory, content: bytes) -> None:
    (state.make() / "signers.json").write_bytes(content)
    with pytest.raises(StateUnusable, match="is not JSON"):
        load_signers(state)


def test_a_record_that_cannot_be_used_opens_no_host(builders: Builders) -> None:
    (builders.state("build1") / "signers.json").write_text("{}")
    with pytest.raises(StateUnusable, match=r"trust\.yml"), builders.host("build1"):
        pass
