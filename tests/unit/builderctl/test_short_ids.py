"""Test abbreviated ids: they must match exactly one message, otherwise nothing is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.short_ids import choose
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput, UnknownMessage
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders

FIRST, SECOND, OWN = (
    "msg_1795245106_7f3a086d81884c7d",
    "msg_1795245107_7f3b086d81884c7e",
    "msg_1795245108_90ab086d81884cff",
)
IDS = [FIRST, SECOND, OWN, "out_77", "odd id"]
ARCHIVED = "msg_1790000000_abcd086d81884c7e"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (FIRST, FIRST),
        ("7f3a", FIRST),
        ("4c7d", FIRST),
        ("7f3a086d81884c7d", FIRST),
        ("msg_1795245107", SECOND),
        ("msg_1795245108_9", OWN),
        ("odd id", "odd id"),
        ("odd ", "odd id"),
        ("out_77", "out_77"),
    ],
)
def test_an_abbreviation_names_the_only_message_with_it(given: str, meant: str) -> None:
    assert choose(given, IDS) == meant


@pytest.mark.parametrize("given", ["7f3", "c7d", "086d", "", "7f3c", "msg_", "msg_179", "MSG_1795245107"])
def test_a_text_that_names_no_message(given: str) -> None:
    with pytest.raises(UnknownMessage, match="There is no message"):
        choose(given, [*IDS, ""])


def test_an_abbreviation_of_several_messages_names_them() -> None:
    with pytest.raises(InvalidInput) as refused:
        choose("msg_179524", [*IDS, *(f"msg_179524_{n}\x1b[2J" for n in range(4))])
    assert "names 7 messages: msg_1795245106_7f3a086d81884c7d, " in str(refused.value)
    assert str(refused.value).endswith(" and 2 more. Write more characters of the id.")
    assert str(refused.value).isprintable()


def test_a_whole_id_is_no_abbreviation() -> None:
    assert choose("msg_1_aaaa", ["msg_1_aaaa", "msg_1_aaaabbbb"]) == "msg_1_aaaa"


@pytest.fixture
def run(builders: MemoryBuilders, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run builderctl as build1, check the exit code, and return the JSON output."""
    config = builders.folder / "config.json"
    paths = {"repo": builders.clone("build1"), "state_dir": builders.state("build1")}
    config.write_text(json.dumps({name: str(path) for name, path in paths.items()}))
    plain = {"to": "build1", "from": "build2", "subject": "Old", "body": "Hear.", "timestamp": "2026-11-22T07:11:46Z"}
    entries = [{**plain, "id": name} for name in (FIRST, SECOND)]
    entries.append({**plain, "id": OWN, "from": "build1", "to": "build2"})
    entries.append({**plain, "id": "msg_4", "in_reply_to": OWN, "thread": OWN})
    builders.commit(MESSAGES, json.dumps({"messages": entries}).encode())
    old = {"messages": [{**plain, "id": ARCHIVED}]}
    builders.commit("coordination/archive/2026-10.json", json.dumps(old).encode())

    def act(*words: str, code: int = 0) -> dict[str, Any]:
        assert main(["--json", "--config", str(config), *words]) == code
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return act


def test_every_command_that_takes_an_id(run: Callable[..., dict[str, Any]]) -> None:
    assert [one["id"] for one in run("wait", "--reply", "90ab", "--timeout", "0")["messages"]] == ["msg_4"]
    assert run("wait", "--thread", "7f3b", "--timeout", "0")["messages"][0]["id"] == SECOND
    assert [one["id"] for one in run("read", "7f3a", "90ab")["messages"]] == [FIRST, OWN]
    assert [one["id"] for one in run("read", ARCHIVED[-16:-8])["messages"]] == [ARCHIVED]
    assert [one["id"] for one in run("read", "--thread", "90ab")["messages"]] == [OWN, "msg_4"]
    assert [one["id"] for one in run("read", "--since", "7f3b")["messages"]] == ["msg_4"]
    assert [one["id"] for one in run("trace", "7f3a")["traces"]] == [FIRST]
    assert run("ack", "7f3a")["ids"] == [FIRST]
    assert run("mark-read", "7f3a", SECOND)["ids"] == [FIRST, SECOND]
    assert run("reply", "7f3a", "Done.")["messages"][0]["in_reply_to"] == FIRST


@pytest.mark.parametrize("words", [["reply", "@", "Done."], ["ack", "@"], ["mark-read", "@"], ["read", "@"]])
@pytest.mark.parametrize(("given", "kind"), [("c7fe", "unknown_message"), ("msg_1795", "invalid_input")])
def test_an_unknown_or_ambiguous_id_changes_nothing(
    builders: MemoryBuilders, run: Callable[..., dict[str, Any]], words: list[str], given: str, kind: str
) -> None:
    before = builders.tip
    assert run(*[given if word == "@" else word for word in words], code=2)["error"] == kind
    assert builders.tip == before


@pytest.mark.parametrize("words", [["wait", "--reply"], ["wait", "--thread"], ["read", "--thread"]])
def test_an_unknown_message_of_a_wait_or_a_thread(run: Callable[..., dict[str, Any]], words: list[str]) -> None:
    assert run(*words, "c7fe", code=2)["error"] == "unknown_message"


def test_a_write_in_the_outbox(run: Callable[..., dict[str, Any]]) -> None:
    assert "is not in the outbox" in run("outbox", "--drop", "7f3a", code=2)["message"]
