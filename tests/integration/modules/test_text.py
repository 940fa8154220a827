"""Test that texts arrive unchanged, also with Ansible, even if they look like JSON, a shell, YAML or Jinja."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import visible
from ansible_collections.acs.builders.tests.ansible_runner import ad_hoc, ansible, send, succeed
from ansible_collections.acs.builders.tests.builders import Builders

SUBJECT = "{{ lookup('pipe', 'id') }} \"quoted\" 'é' \\n 日本 {% if %} $HOME `id` 🚀"
BODY = """First line, {{ not_a_variable }} and {{ 7 * 7 }}
{% for x in [1] %}Jinja{% endfor %} {# a comment #} {{ '{{' }} }} %}
\t"double" 'single' \\ \\\\ \\n \\u0041 $(id) `id` %s ~
café, naïve, Ελληνικά, 日本語, עברית, 👩‍🔧, a\u0301, \u2028 \ufeff, -- # : & * ! | > @

  indented, two blank lines follow\n\n\x1b[31mred\x1b[0m\r\ntrue\nnull\n--- end"""
FACTS = [
    {"name": "{{ name }}", "value": "{{ 1 + 1 }} \\ \" ' é\n2"},
    {"name": "cores", "value": 32},
    {"name": "ready", "value": True},
    {"name": "version", "value": "1.10"},
    {"name": "load", "value": "0.25"},
]
REQUEST = {"action": "{{ action }}", "packages": ["a{{ b }}", "日本"], "force": False, "count": 3}


SHOWN = visible(BODY)
"""The text with escapes in place of hidden and control characters."""


def check_text(message: dict[str, Any], body: str = SHOWN) -> None:
    """Check that the content of a message is unchanged except for escapes in the body."""
    assert message["subject"] == SUBJECT
    assert message["body"] == body
    assert [{"name": fact["name"], "value": fact["value"]} for fact in message["facts"]] == FACTS
    assert message["request"] == REQUEST


def unsafe(value: Any) -> str:
    """Return YAML in which every text that looks like a template is tagged as unsafe."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {unsafe(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(unsafe, value)) + "]"
    if isinstance(value, str):
        quoted = "".join(f"\\U{ord(character):08x}" for character in value)
        return f'!unsafe "{quoted}"' if "{" in value else f'"{quoted}"'
    return json.dumps(value)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Return a file of variables with the texts."""
    path = tmp_path / "texts.yml"
    values = {"subject": SUBJECT, "body": BODY, "facts": FACTS, "request": REQUEST}
    path.write_text("".join(f"{name}_text: {unsafe(value)}\n" for name, value in values.items()), encoding="utf-8")
    return path


def test_texts_through_the_module(builders: Builders) -> None:
    sent = succeed(
        builders, "build1", state="sent", subject=SUBJECT, body=BODY, facts=FACTS, request=REQUEST, type="request"
    )
    check_text(sent["message"])
    check_text(builders.messages()[0], BODY)
    check_text(succeed(builders, "build2")["messages"][0])


def test_texts_through_ansible_ad_hoc(builders: Builders, texts: Path) -> None:
    names = ("subject", "body", "facts", "request")
    options = {"state": "sent", **{name: f"{{{{ {name}_text }}}}" for name in names}}
    sent = ad_hoc(builders.folder, "build1", "build_message", "-e", f"@{texts}", options=options)
    assert sent.code == 0, sent.output
    check_text(builders.messages()[0], BODY)
    read = ad_hoc(builders.folder, "build2", "acs.builders.build_message")
    assert read.code == 0, read.output
    check_text(read.result["messages"][0])


PLAY = """
- hosts: build2
  gather_facts: false
  module_defaults: &places
    group/acs.builders.builders:
      repo: "{{ builders_repo }}"
      state_dir: "{{ builders_state_dir }}"
  tasks:
    - acs.builders.build_message:
      register: inbox
    - ansible.builtin.debug:
        msg: "PRINTED {{ inbox.messages[0].body }}"
    - ansible.builtin.debug:
        var: inbox.messages[0].subject
    - ansible.builtin.assert:
        that: inbox.messages[0].body is search('7 \\\\* 7')
    - ansible.builtin.copy:
        content: "{{ inbox.messages[0].body }}"
        dest: "{{ builders_scratch }}/body"
        mode: "0600"
    - acs.builders.build_message:
        state: sent
        subject: "{{ inbox.messages[0].subject }}"
        body: "{{ inbox.messages[0].body }}"
        facts: "{{ inbox.messages[0].facts }}"
        request: "{{ inbox.messages[0].request }}"
    - acs.builders.build_message:
        state: replied
        id: "{{ inbox.messages[0].id }}"
        body: "You wrote: {{ inbox.messages[0].body }}"
"""


def test_texts_through_a_playbook_that_prints_them_and_sends_them_on(builders: Builders) -> None:
    send(builders, "build1", SUBJECT, BODY, facts=FACTS, request=REQUEST)
    (builders.folder / "play.yml").write_text(PLAY)
    done = ansible("playbook", builders.folder / "play.yml", folder=builders.folder)
    assert done.code == 0, done.output
    assert "PRINTED First line, {{ not_a_variable }} and {{ 7 * 7 }}" in done.stdout
    assert "{{ lookup('pipe', 'id') }}" in done.stdout
    assert "uid=" not in done.output and " and 49" not in done.output
    assert (builders.folder / "body").read_bytes().decode() == SHOWN
    first, passed_on, reply = builders.messages()
    check_text(passed_on)
    assert [fact["observed_at"] for fact in passed_on["facts"]] == [fact["observed_at"] for fact in first["facts"]]
    assert reply["body"] == f"You wrote: {SHOWN}"
    assert reply["subject"] == f"Re: {SUBJECT}"


def test_a_secret_is_refused_and_not_even_printed(builders: Builders) -> None:
    """Neither in the message nor among the options that Ansible prints at -vvv."""
    chosen = random.Random(1)
    token = "ghp_" + "".join(chosen.choices(string.ascii_letters + string.digits, k=36))
    own = "".join(chosen.choices(string.ascii_letters, k=24))
    (builders.folder / "PAT").write_text(f"{own}\n")
    place = {"pat_file": str(builders.folder / "PAT")}
    for secret, options in ((token, {}), (own, {"secrets": "allow"})):
        texts = {
            "state": "sent",
            "subject": "Look",
            "body": f"The token is {secret}.",
            "facts": [{"name": "x", "value": secret}],
        }
        done = ad_hoc(builders.folder, "build1", "build_message", "-vvv", options={**texts, **place, **options})
        assert done.code != 0 and "Nothing was written" in done.output and "in facts[0].value" in done.output
        result = done.stdout[done.stdout.index("FAILED!") :]
        assert secret not in result
        assert not (builders.remote / "refs" / "heads" / "main").exists()
    redacted = succeed(builders, "build1", state="sent", subject="Look", body=f"X={token}", secrets="redact")
    assert redacted["message"]["body"] == builders.messages()[0]["body"] == "X=[redacted: a GitHub token]"
    assert token not in json.dumps(redacted)


@pytest.mark.parametrize("text", ["a\ud800", "a\0"])
def test_half_a_character_and_nul_through_ansible(builders: Builders, text: str) -> None:
    done = ad_hoc(builders.folder, "build1", "build_message", options={"state": "sent", "subject": "x", "body": text})
    assert done.code != 0
    assert "Traceback" not in done.output
    assert ("surrogate" if text > "a\ud7ff" else "NUL") in done.output
    assert not (builders.remote / "refs" / "heads" / "main").exists()


def test_longest_texts(builders: Builders) -> None:
    subject, body = "é" * 100, "日" * 10_000
    send(builders, "build1", subject, body)
    (message,) = succeed(builders, "build2")["messages"]
    assert (message["subject"], message["body"]) == (subject, body)
    succeed(builders, "build2", state="replied", id=message["id"], body="x")
    assert builders.messages()[1]["subject"] == f"Re: {'é' * 95}…"
