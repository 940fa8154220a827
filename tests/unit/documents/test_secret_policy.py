"""Test that no document that is published contains a secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.secret_policy import (
    ALLOW,
    POLICIES,
    REDACT,
    REFUSE,
    apply_secret_policy,
    own_token,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput, SecretFound
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import MAX_SUBJECT, Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import compose_heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import OWN_TOKEN
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders
from ansible_collections.acs.builders.tests.unit.secret_corpus import ALNUM, chars

RANDOM = Random(11)
TOKEN = "ghp" + "_" + chars(RANDOM, ALNUM, 36)
OWN = "ghp" + "_" + chars(RANDOM, ALNUM, 36)
ODD_OWN = "own+" + chars(RANDOM, ALNUM, 30)
KIND = "a GitHub token"
MARK = f"[redacted: {KIND}]"
OWN_MARK = f"[redacted: {OWN_TOKEN}]"
NOTE = f"Redacted before it was published: {KIND}."
NOTED_OWN = [f"Redacted before it was published: {OWN_TOKEN}."]

DRAFTS: dict[str, Draft] = {
    "subject": Draft(f"use {TOKEN}", "x"),
    "body": Draft("x", f"line one\nGIT_TOKEN={TOKEN}\n"),
    "facts[1].value": Draft("x", "x", facts=({"name": "a", "value": 1}, {"name": "b", "value": TOKEN})),
    "facts[0].name": Draft("x", "x", facts=({"name": TOKEN, "value": 1},)),
    "request.action": Draft("x", "x", "request", request={"action": TOKEN}),
    "request.a[1].b[0]": Draft("x", "x", "request", request={"action": "y", "a": ["", {"b": [f"x {TOKEN}"]}]}),
    f"request.{MARK}": Draft("x", "x", "request", request={"action": "y", TOKEN: 1}),
    "key": Draft("x", "x", key=TOKEN),
}
REPORTS: dict[str, Report] = {
    "job": Report("building", job=TOKEN),
    "branch": Report("building", branch=f"fix-{TOKEN}"),
    "commit": Report("building", commit=TOKEN),
    "log": Report("building", log=f"https://build1:{TOKEN}@logs.example.com/1"),
    "artifacts[1]": Report("success", artifacts=("a.tar", f"b-{TOKEN}.tar")),
}


def with_token(builders: MemoryBuilders, token: str) -> dict[str, str]:
    """Return the options of a host with its own token."""
    path = builders.folder / "PAT"
    path.write_text(f"{token}\n")
    return {"pat_file": str(path)}


def written(builders: MemoryBuilders) -> dict[str, bytes | str]:
    """Return all that a write could change: the tip of the remote, and the files in the state of build1."""
    files = {str(path): path.read_bytes() for path in builders.state("build1").rglob("*") if path.is_file()}
    return {**files, "tip": str(builders.tip)}


def hides(text: str, *secrets: str) -> bool:
    """Return whether a text contains none of the secrets, nor a half of one."""
    return not any(half in text for secret in secrets for half in (secret[:20], secret[-20:]))


def refused(builders: MemoryBuilders, write: Callable[[Host], Any], **options: Any) -> SecretFound:
    """Return the error of a rejected write of build1. Check that it changed nothing and reveals no secret."""
    with builders.host("build1", **options) as host:
        before = written(builders)
        with pytest.raises(SecretFound) as refusal:
            write(host)
        assert written(builders) == before and host.repository.notes == []
    error = refusal.value
    assert error.what.startswith("Nothing was written: there is ")
    assert "--secrets redact (a module: secrets=redact)" in error.remedy
    assert hides(f"{error} {error!r} {error.__dict__}", TOKEN, OWN, ODD_OWN)
    return error


def redacted(builders: MemoryBuilders, write: Callable[[Host], Any], notes: list[str], **options: Any) -> None:
    """Write something with a secret as build1, and check that it is redacted with these notes."""
    with builders.host("build1", **options) as host:
        write(host)
        assert host.repository.notes == notes
    for content in builders.files().values():
        assert hides(content.decode(), TOKEN, OWN, ODD_OWN)
    assert hides(builders.log(), TOKEN, OWN, ODD_OWN)


@pytest.mark.parametrize("place", DRAFTS)
def test_a_message_with_a_secret_is_refused(builders: MemoryBuilders, place: str) -> None:
    error = refused(builders, lambda host: send(host, DRAFTS[place], ["build2"]))
    assert error.what == f"Nothing was written: there is {KIND} in {place}."
    assert "--secrets allow (a module: secrets=allow)" in error.remedy


@pytest.mark.parametrize("place", REPORTS)
def test_a_status_with_a_secret_is_refused(builders: MemoryBuilders, place: str) -> None:
    error = refused(builders, lambda host: write_status(host, REPORTS[place]))
    assert error.what == f"Nothing was written: there is {KIND} in {place}."


def test_every_place_is_named(builders: MemoryBuilders) -> None:
    draft = Draft(TOKEN, f"{TOKEN} and {TOKEN}", facts=({"name": "a", "value": TOKEN},))
    error = refused(builders, lambda host: send(host, draft, ["build2"]))
    places = ", ".join(f"{KIND} in {place}" for place in ("subject", "body", "facts[0].value"))
    assert error.what == f"Nothing was written: there is {places}."


def test_a_value_that_is_secret_by_its_name_is_found(builders: MemoryBuilders) -> None:
    key = chars(Random(5), ALNUM, 40)
    draft = Draft("x", "x", "request", request={"action": "y", "env": {"AWS_SECRET_ACCESS_KEY": key}})
    error = refused(builders, lambda host: send(host, draft, ["build2"]))
    assert error.what.endswith("there is an AWS secret access key in request.env.AWS_SECRET_ACCESS_KEY.")
    assert hides(str(error), key)


@pytest.mark.parametrize("place", [place for place in DRAFTS if place != "key"])
def test_in_a_message_a_mark_is_sent_in_its_place(builders: MemoryBuilders, place: str) -> None:
    redacted(builders, lambda host: send(host, DRAFTS[place], ["build2"], REDACT), [NOTE])
    (entry,) = builders.messages()
    assert MARK in json.dumps(entry)
    if place == "body":
        assert entry["body"] == f"line one\nGIT_TOKEN={MARK}\n"


def test_a_key_with_a_secret_cannot_be_redacted(builders: MemoryBuilders) -> None:
    with builders.host("build1") as host, pytest.raises(InvalidInput, match="The key cannot be used"):
        send(host, DRAFTS["key"], ["build2"], REDACT)
    assert builders.tip is None


@pytest.mark.parametrize("place", REPORTS)
def test_in_a_status_a_mark_is_written_in_its_place(builders: MemoryBuilders, place: str) -> None:
    redacted(builders, lambda host: write_status(host, REPORTS[place], REDACT), [NOTE])
    assert MARK in builders.show("build1/status.json").decode()


def test_what_is_allowed_is_sent_as_it_is(builders: MemoryBuilders) -> None:
    with builders.host("build1", **with_token(builders, OWN)) as host:
        for draft in DRAFTS.values():
            send(host, draft, ["build2"], ALLOW)
        write_status(host, REPORTS["branch"], ALLOW)
        assert host.repository.notes == []
    assert all(TOKEN in json.dumps(entry) for entry in builders.messages())
    assert TOKEN in builders.show("build1/status.json").decode()


@pytest.mark.parametrize("own", [OWN, ODD_OWN])
@pytest.mark.parametrize("policy", [REFUSE, ALLOW])
def test_the_own_token_is_never_let_through(builders: MemoryBuilders, policy: str, own: str) -> None:
    header = base64.b64encode(f"x-access-token:{own}".encode()).decode()
    options = with_token(builders, own)
    for text in (own, f"x{own}x", quote(own, safe=""), f"https://a:{own}@github.com/x", header, f"{TOKEN} {own}"):
        draft = Draft("x", text)
        error = refused(builders, partial(send, draft=draft, recipients=["build2"], secrets=policy), **options)
        assert f"{OWN_TOKEN} in body" in error.what and "allow" not in error.remedy
        assert hides(str(error), header)
    refused(builders, lambda host: write_status(host, Report("building", log=own), policy), **options)
    redacted(builders, lambda host: send(host, Draft("x", own), ["build2"], REDACT), NOTED_OWN, **options)
    assert builders.messages()[0]["body"] == OWN_MARK


@pytest.mark.parametrize(
    "text", ["https://a:x{}@b.example.com/", "Authorization: Bearer x{}", "ghp" + "_{}", "github" + "_pat_{}"]
)
def test_the_own_token_within_another_secret_is_not_allowed_either(builders: MemoryBuilders, text: str) -> None:
    draft = Draft("x", text.format(OWN))
    refused(builders, lambda host: send(host, draft, ["build2"], ALLOW), **with_token(builders, OWN))


def test_the_token_is_read_when_it_is_needed(builders: MemoryBuilders) -> None:
    options = with_token(builders, ODD_OWN)
    with builders.host("build1", **options) as host:
        with_token(builders, OWN)
        send(host, Draft("x", ODD_OWN), ["build2"])
        with pytest.raises(SecretFound):
            send(host, Draft("x", OWN), ["build2"], ALLOW)


def test_without_a_token_there_is_none_to_guard(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path in ("", str(tmp_path), str(tmp_path / "missing"), str(binary), "/x\0y", f"{binary}/x"):
        assert own_token(path) == ""
    binary.write_text(f"\n {ODD_OWN} \n")
    assert own_token(str(binary)) == ODD_OWN


def test_the_problems_of_a_heartbeat_are_redacted(builders: MemoryBuilders) -> None:
    builders.trust()
    problems = ["the disk is full", f"push to https://x:{ODD_OWN}@github.com failed", f"{TOKEN} {TOKEN}"]
    with builders.host("build1", **with_token(builders, ODD_OWN)) as host:
        beat = compose_heartbeat(host, problems, 60, "1.0.0").raw
        assert host.repository.notes == [f"Redacted before it was published: {OWN_TOKEN}, {KIND}."]
    assert beat["problems"] == [problems[0], f"push to https://x:{OWN_MARK}@github.com failed", f"{MARK} {MARK}"]
    assert beat["healthy"] is False and beat["signature"]
    assert TOKEN in problems[2], "the given list was changed"


def test_the_subject_of_a_reply_is_redacted(builders: MemoryBuilders) -> None:
    asked: dict[str, Any] = {"id": "msg_1", "from": "build2", "to": "build1", "subject": f"use {TOKEN}", "body": "x"}
    long = {**asked, "id": "msg_2", "subject": f"{'x' * 50} {TOKEN} {ODD_OWN}"}
    odd = {**asked, "id": "msg_3", "subject": [TOKEN]}
    builders.commit(MESSAGES, json.dumps({"messages": [asked, long, odd]}).encode())
    with builders.host("build1", **with_token(builders, ODD_OWN)) as host:
        subjects = [reply(host, one["id"], Draft("", "y")).result[0].subject for one in (asked, long, odd)]
    assert subjects[0] == f"Re: use {MARK}"
    assert hides(json.dumps(subjects), TOKEN, ODD_OWN) and all(len(subject) <= MAX_SUBJECT for subject in subjects)
    assert hides(builders.log(), TOKEN, ODD_OWN)


def test_a_reply_with_a_secret_is_refused_or_redacted(builders: MemoryBuilders) -> None:
    with builders.host("build2") as host:
        asked = send(host, Draft("x", "?"), ["build1"]).result[0].id
    draft = Draft("", f"it is {TOKEN}", facts=({"name": "a", "value": TOKEN},))
    error = refused(builders, lambda host: reply(host, asked, draft))
    assert error.what.endswith(f"{KIND} in body, {KIND} in facts[0].value.")
    redacted(builders, lambda host: reply(host, asked, draft, REDACT), [NOTE])
    answer = builders.messages()[1]
    assert (answer["body"], answer["facts"][0]["value"]) == (f"it is {MARK}", MARK)


def test_check_mode_refuses_too(builders: MemoryBuilders) -> None:
    refused(builders, lambda host: send(host, DRAFTS["body"], ["build2"]), check_mode=True)


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be 'hide'") as refusal:
        apply_secret_policy({"body": "x"}, "", [], "hide")
    assert all(policy in refusal.value.remedy for policy in POLICIES)


def test_what_holds_no_secret_stays_as_it_is(builders: MemoryBuilders) -> None:
    texts = {"body": "the token of build1 ends on 2026-11-30", "facts": [{"name": "a", "value": 7}], "key": None}
    pat_file = with_token(builders, "short")["pat_file"]
    notes: list[str] = []
    assert [apply_secret_policy(texts, pat_file, notes, policy) for policy in POLICIES] == [texts] * 3
    assert apply_secret_policy({"body": "short"}, pat_file, notes) == {"body": "short"}
    assert notes == []
