"""Test that secrets in any text are found and redacted, and never shown."""

from __future__ import annotations

import base64
import time
from random import Random
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.rules import FORMS
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import (
    OWN_TOKEN,
    Finding,
    find_in,
    find_secrets,
    redact,
    redact_in,
)
from ansible_collections.acs.builders.tests.unit.secret_corpus import (
    ALNUM,
    BASE64,
    TOKENS,
    chars,
    planted,
    private_key,
    web_token,
)
from hypothesis import given
from hypothesis import strategies as st

GITHUB = "a GitHub token"
MARK = "[redacted: a GitHub token]"
OWN_MARK = f"[redacted: {OWN_TOKEN}]"
KEY_BEGIN = "-----BEGIN RSA PRIVATE" + " KEY-----\n"
RANDOM = Random(7)
TOKEN = "ghp" + "_" + chars(RANDOM, ALNUM, 36)
OWN = "own+" + chars(RANDOM, ALNUM, 30)
FRAGMENTS = [
    *(make(RANDOM) for make in TOKENS.values()),
    *(secret.text for secret in planted(RANDOM, 2)),
    *(private_key(RANDOM), OWN, MARK, OWN_MARK, MARK[:9], MARK[9:]),
    *("://", "user:", "@host", "Authorization: Basic ", "aws_secret_access_key=", "\n", " ", ".", "-----", "abc"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)


def test_finding_has_place_and_name_but_no_value() -> None:
    assert find_secrets(f"use {TOKEN}, please") == [Finding(GITHUB, 4, 44)]


def test_findings_come_in_order() -> None:
    other = TOKENS["an npm token"](RANDOM)
    assert [finding.name for finding in find_secrets(f"{other} and {TOKEN} and {other}")] == [
        "an npm token",
        GITHUB,
        "an npm token",
    ]


def test_adjacent_tokens_are_both_redacted() -> None:
    assert redact(TOKEN + TOKEN) == (MARK, [GITHUB])


def test_a_token_within_a_key_is_part_of_it() -> None:
    key = f"{KEY_BEGIN}{chars(RANDOM, BASE64, 64)}\n{TOKEN}\n{KEY_BEGIN.replace('BEGIN', 'END')}"
    assert redact(f"a\n{key}b") == ("a\n[redacted: a private key]\nb", ["a private key"])


@pytest.mark.parametrize("before", ["x", "7", "Z"])
def test_a_token_does_not_begin_within_a_word(before: str) -> None:
    assert find_secrets(before + TOKEN) == []


@pytest.mark.parametrize("around", ["{}.", "'{}'", "`{}`", "({})", "T={};", "a_{}", "{}\n", "**{}**", "<{}>", "«{}»"])
def test_text_around_a_token_is_kept(around: str) -> None:
    assert redact(around.format(TOKEN)) == (around.format(MARK), [GITHUB])


def test_long_github_tokens_are_redacted_whole() -> None:
    assert redact(f"use ghs_1234567_{web_token(RANDOM)}. Or not.") == (f"use {MARK}. Or not.", [GITHUB])


def test_placeholders_are_no_tokens() -> None:
    text = f"ghp_xxxx, ghp_…, ghp_{'x' * 36}, ghp_..., github_pat_{'X' * 60}, AKIA{'IOSFODNN7'}EXAMPLE"
    assert find_secrets(text) == []


def test_a_redacted_text_stays_as_it_is() -> None:
    clean, names = redact(f"a {TOKEN} b {OWN} c", OWN)
    assert clean == f"a {MARK} b {OWN_MARK} c"
    assert names == [GITHUB, OWN_TOKEN]
    assert redact(clean, OWN) == (clean, [])


@given(
    TEXTS,
    st.sampled_from(["", OWN, "redacted", "er][reda", MARK]),
)
def test_nothing_is_left_to_redact(text: str, token: str) -> None:
    clean, names = redact(text, token)
    assert redact(clean, token) == (clean, [])
    assert bool(names) == (clean != text)
    assert len(names) == len(set(names))


@given(TEXTS)
def test_findings_do_not_overlap(text: str) -> None:
    found = find_secrets(text, OWN)
    assert all(0 <= finding.start < finding.end <= len(text) for finding in found)
    assert all(one.end <= next_one.start for one, next_one in zip(found, found[1:]))


@given(st.text())
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == (text, [])


# The token of this server


@pytest.mark.parametrize("file", [OWN, f"{OWN}\n", f"  {OWN}\r\n"])
def test_own_token_of_any_form_is_found(file: str) -> None:
    assert redact(f"pat={OWN}!", file) == (f"pat={OWN_MARK}!", [OWN_TOKEN])


def test_the_own_token_is_found_as_git_sends_it() -> None:
    header = base64.b64encode(f"x-access-token:{OWN}".encode()).decode()
    assert redact(f"AUTHORIZATION: basic {header}", OWN) == (f"AUTHORIZATION: basic {OWN_MARK}", [OWN_TOKEN])
    assert redact(f"in a log: {header}", OWN) == (f"in a log: {OWN_MARK}", [OWN_TOKEN])


def test_the_own_token_is_found_in_a_url() -> None:
    assert redact(f"?pat={OWN.replace('+', '%2B')}&x", OWN) == (f"?pat={OWN_MARK}&x", [OWN_TOKEN])


def test_the_own_token_goes_by_its_own_name() -> None:
    assert redact(f"https://x-access-token:{TOKEN}@github.com", TOKEN) == (
        f"https://x-access-token:{OWN_MARK}@github.com",
        [OWN_TOKEN],
    )


@pytest.mark.parametrize("token", ["", "  \n", "build", "  build1 \n"])
def test_too_short_a_token_is_not_looked_for(token: str) -> None:
    assert find_secrets("build1 builds", token) == []


# Secrets that are recognized by their context


@pytest.mark.parametrize(
    "password",
    ["***", "<password>", "$VAR", "${VAR}", "{{ var }}", "{{var}}", "PASSWORD", "password", "…", "[redacted]"],
)
def test_placeholder_of_a_password_is_ignored(password: str) -> None:
    assert find_secrets(f"git clone https://build1:{password}@github.com/acme/Build.git") == []


def test_url_without_password_is_ignored() -> None:
    assert find_secrets("https://build1@github.com/a git@github.com:a/b ssh://git@host:22/a http://host:80/@b") == []


def test_only_the_password_of_a_url_goes() -> None:
    assert redact(f"see https://build1:{'s3cr@t!'}@git.example.com:8443/a@b") == (
        "see https://build1:[redacted: a password in a URL]@git.example.com:8443/a@b",
        ["a password in a URL"],
    )


def test_only_the_value_of_a_header_goes() -> None:
    sent = base64.b64encode(b"user:hunter22").decode()
    assert redact(f"-H 'Authorization: Basic {sent}' https://host") == (
        "-H 'Authorization: Basic [redacted: an HTTP Authorization header]' https://host",
        ["an HTTP Authorization header"],
    )


def test_a_key_cut_short_goes_to_where_it_is_cut() -> None:
    lines = private_key(Random(4)).split("\n")
    clean = redact("\n".join(["Look:", *lines[:5], lines[5][:9] + " (cut)", "That was all of it."]))[0]
    assert clean == "Look:\n[redacted: a private key] (cut)\nThat was all of it."


def test_mention_of_a_private_key_is_ignored() -> None:
    label = "OPENSSH PRIVATE" + " KEY"
    assert find_secrets(f"from -----BEGIN {label}----- to -----END {label}-----, without a gap") == []
    assert find_secrets(f"-----BEGIN {label}-----\n...\n-----END {label}-----") == []


# In lists and objects


def test_places_of_secrets_in_a_value() -> None:
    value = {
        "facts": [{"name": "pat", "value": f"it is {TOKEN}"}, 7, None],
        "body": f"{OWN} {TOKEN} {TOKEN}",
        "ok": "nothing",
    }
    assert find_in(value, OWN) == [("facts[0].value", GITHUB), ("body", OWN_TOKEN), ("body", GITHUB)]
    assert find_in([[TOKEN]]) == [("[0][0]", GITHUB)]
    assert find_in(TOKEN) == [("", GITHUB)]


def test_keys_are_texts_too() -> None:
    assert find_in({"a": {TOKEN: 1}}) == [(f"a.{MARK}", GITHUB)]
    assert redact_in({"a": {TOKEN: 1}}) == ({"a": {MARK: 1}}, [GITHUB])


def test_no_entry_is_lost_when_keys_are_redacted_to_the_same() -> None:
    assert redact_in({TOKEN: 1, f"{TOKEN}7": 2, "x": 3})[0] == {MARK: 1, f"{MARK} (2)": 2, "x": 3}


def test_key_is_scanned_with_its_value() -> None:
    key = chars(RANDOM, BASE64, 40)
    value = {"aws_secret_access_key": key, "headers": {"Authorization": f"Basic {key}"}, "sha": key}
    assert redact_in(value) == (
        {
            "aws_secret_access_key": "[redacted: an AWS secret access key]",
            "headers": {"Authorization": "Basic [redacted: an HTTP Authorization header]"},
            "sha": key,
        },
        ["an AWS secret access key", "an HTTP Authorization header"],
    )


def test_other_types_are_unchanged() -> None:
    value: dict[Any, Any] = {"n": [1, 2.5, True, None, {}], 3: "three"}
    clean, names = redact_in(value)
    assert (clean, names) == (value, [])
    assert find_in(value) == []


def test_the_value_that_was_given_is_not_changed() -> None:
    value = {"a": [TOKEN], TOKEN: {"b": TOKEN}}
    redact_in(value)
    assert value == {"a": [TOKEN], TOKEN: {"b": TOKEN}}


# Run time


HOSTILE = [
    *("ghp_", "-ghs_", "glpat-", "AKIA", "-eyJ", "-eyJaaaaaaaaaaaa.eyJ", "eyJaaaaaaaaaa.", "-sk-ant-", "-sk-proj-"),
    *("://", "://a:", "a://a:b@", "a", "-", "--", " ", "\\", "\\n", "=", "@", ":", "a1b2c3d4 ", "Bearer "),
    *("Authorization: Basic a.", "secret_access_key:", "/hooks/a", KEY_BEGIN, "Aaa: a\n", "[redacted: ", MARK),
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", f"{KEY_BEGIN}Aaa: ", "x://u:", "Authorization: Bearer "])
def test_a_hostile_megabyte_is_scanned_in_time(start: str, piece: str) -> None:
    text = start + piece * (1_000_000 // len(piece))
    begin = time.process_time()
    find_secrets(text, OWN)
    assert time.process_time() - begin < 5


def test_an_ordinary_body_is_scanned_at_once() -> None:
    text = ("Setting up libmysqlclient-dev (8.0.36-1ubuntu0.22.04.1) ... see https://example.com/a \n" * 110)[:10_000]
    begin = time.process_time()
    for turn in range(20):
        assert find_secrets(text, f"{OWN}{turn}") == []
    assert (time.process_time() - begin) / 20 < 0.02


def test_each_form_has_a_source() -> None:
    assert all(form.source and form.name.split()[0] in ("a", "an") for form in FORMS)
    assert all(hint == hint.lower() for form in FORMS for hint in form.hints)
    assert len({form.name for form in FORMS}) == len(FORMS)
