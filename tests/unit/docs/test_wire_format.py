"""Test that docs/wire-format.md and its schemas agree with the code."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import Document
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.fleet import RESERVED
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import (
    MAX_BODY,
    MAX_REQUEST_NESTING,
    MAX_SUBJECT,
    Draft,
    check_draft,
    compose,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import (
    MAX_INTEGER,
    PRIORITIES,
    TYPES,
    Message,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import STATES
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import parse_time
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, MESSAGES
from ansible_collections.acs.builders.tests.unit.docs.schemas import (
    DOCS,
    HEARTBEAT,
    OLD,
    READ,
    SCHEMAS,
    SIGNED_KEYS,
    STATUS,
    WRITTEN,
    problems,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

DOCUMENT = (DOCS / "wire-format.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json (\S+)(?: (before|after))?\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
ID = "msg_1795331506_9f86d081884c7d65"
FACT = {"name": "load", "value": 0.25, "observed_at": "2025-11-04 20:45"}
REQUEST = {"action": "install_packages", "packages": ["libssl-dev"], "retries": 3, "options": {"force": None}}
FULL = Draft("Ask", "Please.", "request", "high", True, (FACT,), REQUEST, "ask-1", "msg_1_2", "msg_1_1", "operator")
ENTRY = compose(FULL, ID, "build1", "build2", NOW).raw


def deep(levels: int) -> dict[str, Any]:
    """Return a request with this number of nested objects and lists, and one level more."""
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return {"action": "nest", "with": value}


def legacy(path: str) -> Any:
    return json.loads((LEGACY_REPO / path).read_bytes())


# The schemas and the page


@pytest.mark.parametrize("name", [WRITTEN, READ, STATUS, HEARTBEAT])
def test_schema_is_one_and_is_linked(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == name
    assert f"](schema/{name})" in DOCUMENT


def test_there_are_no_other_schemas() -> None:
    assert set(SCHEMAS) == {WRITTEN, READ, STATUS, HEARTBEAT}


@pytest.mark.parametrize(("schema", "text"), [(schema, text) for schema, _which, text in BLOCKS])
def test_example_fits_its_schema(schema: str, text: str) -> None:
    assert problems(json.loads(text), schema) == []


def test_every_json_block_names_its_schema_and_each_schema_has_an_example() -> None:
    assert len(BLOCKS) == DOCUMENT.count("```json")
    assert {schema for schema, _which, _text in BLOCKS} == set(SCHEMAS)


def test_example_of_a_splice_is_what_a_mark_makes() -> None:
    before, after = (next(text for _schema, which, text in BLOCKS if which == name) for name in ("before", "after"))
    assert Document(before.encode(), "x").with_members({"read": True, "read_by": ["build3"]}).decode() == after


def test_field_table_names_the_properties_of_the_schemas() -> None:
    table = DOCUMENT.partition("| field |")[2].partition("\n\n")[0]
    fields = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    signed = DOCUMENT.partition("| member |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", signed, re.MULTILINE) == SIGNED_KEYS
    assert list(SCHEMAS[WRITTEN]["properties"]) == fields + SIGNED_KEYS
    assert set(SCHEMAS[READ]["properties"]) == {*fields, *SIGNED_KEYS}


def test_schemas_and_code_have_the_same_limits() -> None:
    properties, definitions = SCHEMAS[WRITTEN]["properties"], SCHEMAS[WRITTEN]["$defs"]
    assert properties["subject"]["maxLength"] == MAX_SUBJECT
    assert properties["body"]["maxLength"] == MAX_BODY
    assert definitions["integer"]["maximum"] == -definitions["integer"]["minimum"] == MAX_INTEGER
    assert properties["request"]["$ref"] == f"#/$defs/levels{MAX_REQUEST_NESTING}"
    assert set(definitions["server"]["not"]["enum"]) == RESERVED
    assert properties["type"]["enum"] == list(TYPES)
    assert properties["priority"]["enum"] == list(PRIORITIES)
    assert SCHEMAS[STATUS]["properties"]["status"]["enum"] == list(STATES)


# The files of the old scripts


@pytest.mark.parametrize("entry", legacy(MESSAGES)["messages"], ids=lambda entry: str(entry["id"]))
def test_message_of_an_old_script_is_accepted(entry: dict[str, Any]) -> None:
    assert problems(entry, READ) == []
    assert problems(entry, WRITTEN) != []
    assert parse_time(entry["timestamp"]) is not None


@pytest.mark.parametrize("server", ["build1", "build2", "build3"])
def test_heartbeats_and_status_of_old_scripts_are_accepted(server: str) -> None:
    assert problems(legacy(f"{server}/heartbeat.json"), HEARTBEAT + OLD) == []
    assert problems(legacy(f"{server}/heartbeat.json"), HEARTBEAT) != []
    if server != "build3":
        assert problems(legacy(f"{server}/status.json"), STATUS + OLD) == []
        assert problems(legacy(f"{server}/status.json"), STATUS) != []


def test_missing_and_null_fields_are_accepted() -> None:
    least = {"id": "x", "from": "build2", "to": "build1"}
    names = [name for name in SCHEMAS[READ]["properties"] if name not in least]
    assert problems(least, READ) == problems({**least, **dict.fromkeys(names)}, READ) == []
    assert Message(least).as_dict() == Message({**least, **dict.fromkeys(names)}).as_dict()


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-11-22T07:11:46Z",
        "2025-11-04 20:45",
        "2025-11-20T18:27:05.966060Z",
        "2025-11-20T18:27:05.9Z",
        "2025-11-20T18:27:05.966060123Z",
        "2025-11-20T18:27:05+02:00",
    ],
)
def test_form_of_time_is_read_by_schema_and_code(timestamp: str) -> None:
    assert problems({**ENTRY, "timestamp": timestamp}, READ) == []
    assert parse_time(timestamp) is not None


@pytest.mark.parametrize(
    "member",
    [
        {"type": "notice"},
        {"priority": 1},
        {"subject": 5},
        {"body": ["x"]},
        {"body": "\ud800"},
        {"timestamp": "yesterday"},
        {"timestamp": 1795331506},
        {"read": "true"},
        {"read_by": "build2"},
        {"read_by": [1]},
        {"ack_required": 1},
        {"ack_status": True},
        {"acknowledged_by": {}},
        {"in_reply_to": 5},
        {"thread": []},
        {"facts": ["x"]},
        {"request": "install"},
        {"key": 5},
    ],
    ids=repr,
)
def test_other_forms_do_not_fit_but_can_be_shown(member: dict[str, Any]) -> None:
    assert problems({**ENTRY, **member}, READ) != []
    shown = Message({**ENTRY, **member}).as_dict()
    assert problems({**shown, "timestamp": ENTRY["timestamp"]}, READ) == []


@pytest.mark.parametrize("entry", [*legacy(MESSAGES)["messages"], ENTRY], ids=lambda entry: str(entry["id"]))
def test_what_fits_is_shown_as_it_stands(entry: dict[str, Any]) -> None:
    shown = Message(entry).as_dict()
    assert {name: entry[name] for name in shown if name in entry}.items() <= shown.items()


def test_mark_of_an_old_script_fits_the_lenient_schema_alone() -> None:
    assert problems({**ENTRY, "read": True}, READ) == []
    assert problems({**ENTRY, "read": True}, WRITTEN) != []


# The strict schema refuses


BAD_MEMBERS: list[dict[str, Any]] = [
    {"id": "msg_1795331506_9f86"},
    {"id": "msg_1795331506_9F86D081884C7D65"},
    {"id": f"{ID}\n"},
    {"id": 1795331506},
    {"from": "all"},
    {"from": "Build1"},
    {"to": "../etc"},
    {"to": "coordination"},
    {"to": "b" * 33},
    {"to": "build2\n"},
    {"to": ["build2"]},
    {"type": "notice"},
    {"priority": "urgent"},
    {"subject": ""},
    {"subject": " \u3000"},
    {"subject": "x" * 101},
    {"subject": "two\nlines"},
    {"subject": "two\u2028lines"},
    {"subject": "bell\x07"},
    {"subject": "\udc80"},
    {"body": ["Please."]},
    {"body": ""},
    {"body": "x" * 10_001},
    {"body": "\0"},
    {"body": "\ud83d"},
    {"timestamp": "2026-11-22 07:11"},
    {"timestamp": "2026-11-22T07:11:46.5Z"},
    {"timestamp": "2026-11-22T07:11:46Z\n"},
    {"timestamp": 1795331506},
    {"read": None},
    {"read": True, "read_by": []},
    {"read_by": ["build2", "build2"]},
    {"read_by": ["all"]},
    {"read_by": "build2"},
    {"ack_required": "yes"},
    {"ack_status": "done"},
    {"ack_status": "not_requested"},
    {"ack_status": "completed"},
    {"ack_required": False, "ack_status": "pending"},
    {"ack_status": "not_requested", "acknowledged_by": ["build2"]},
    {"ack_status": "completed", "acknowledged_by": ["all"]},
    {"in_reply_to": None},
    {"thread": 1},
    {"facts": []},
    {"facts": {"load": 1}},
    {"facts": ["load"]},
    {"facts": [{"name": "\0", "value": 1, "observed_at": "2026-11-22T07:11:46Z"}]},
    {"facts": [{"name": "x", "value": 1}]},
    {"facts": [{"name": "", "value": 1, "observed_at": "2026-11-22T07:11:46Z"}]},
    {"facts": [{"name": "x", "value": 0.5, "observed_at": "2026-11-22T07:11:46Z"}]},
    {"facts": [{"name": "x", "value": [1], "observed_at": "2026-11-22T07:11:46Z"}]},
    {"facts": [{"name": "x", "value": 2**53 + 1, "observed_at": "2026-11-22T07:11:46Z"}]},
    {"facts": [{"name": "x", "value": 1, "observed_at": "2025-11-04 20:45"}]},
    {"facts": [{"name": "x", "value": 1, "observed_at": "2026-11-22T07:11:46Z", "unit": "s"}]},
    {"request": {}},
    {"request": ["install"]},
    {"request": {"action": ""}},
    {"request": {"action": "\0"}},
    {"request": {"action": "x", "in": {"\0": 1}}},
    {"request": {"action": "x", "load": [{"deep": 0.5}]}},
    {"request": {"action": "x", "number": -(2**53) - 1}},
    {"request": {"action": "x", "\0": 1}},
    {"request": {"action": "x", "text": ["\udfff"]}},
    {"request": deep(20)},
    {"key": ""},
    {"key": 5},
    {"key": "-x"},
    {"key": "two words"},
    {"key": "k" * 201},
    {"key": "k\n"},
    {"seq": 1},
    {"repository": "x"},
    {"signature": "x"},
    {"tags": []},
]


def test_strict_schema_accepts_the_entry_that_the_bad_ones_are_made_from() -> None:
    assert problems(ENTRY, WRITTEN) == []


@pytest.mark.parametrize(
    "member", BAD_MEMBERS, ids=lambda member: repr(member)[:60].encode("ascii", "replace").decode()
)
def test_strict_schema_refuses(member: dict[str, Any]) -> None:
    assert problems({**ENTRY, **member}, WRITTEN) != []


@pytest.mark.parametrize("name", [*SCHEMAS[WRITTEN]["required"], "in_reply_to", "thread"])
def test_strict_schema_refuses_a_message_without(name: str) -> None:
    assert problems({key: value for key, value in ENTRY.items() if key != name}, WRITTEN) != []


@pytest.mark.parametrize("name", ["facts", "request", "key"])
def test_strict_schema_accepts_a_message_without(name: str) -> None:
    assert problems({key: value for key, value in ENTRY.items() if key != name}, WRITTEN) == []


# The strict schema and check_draft agree


odd = st.sampled_from([*"\0\t\n\x1f\x7f\x85\xa0\u2028\u2029\u3000\ufeff\ud800\udfff", "é", "🏗", " ", "a"])
short = st.text(st.characters(codec="utf-8") | odd, max_size=4)
texts = st.sampled_from(["fine", "Grüße 🏗"]) | short
edges = st.sampled_from([2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 0])
# JSON Schema takes 1.0 for the integer 1, so no such fraction is tried.
fractions = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
scalars = texts | edges | st.integers() | st.booleans() | st.none()
values = st.recursive(
    scalars | fractions, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(short, inner, max_size=2)
)
times = st.sampled_from([None, "2026-11-22T07:11:46Z", "2025-11-04 20:45", "yesterday", ""])
facts = st.fixed_dictionaries({"name": st.just("load"), "value": st.integers(0, 9) | fractions})
odd_facts = st.fixed_dictionaries({}, optional={"name": texts, "value": values, "observed_at": times})
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "subject": st.just("Ask") | st.integers(99, 100).map("🏗".__mul__),
    "body": st.just("Please.\n") | st.integers(9_999, 10_000).map("é".__mul__),
    "type": st.sampled_from(TYPES),
    "priority": st.sampled_from(PRIORITIES),
    "require_ack": st.booleans(),
    "facts": st.lists(facts, max_size=2).map(tuple),
    "request": st.none() | st.just(REQUEST) | st.integers(1, MAX_REQUEST_NESTING - 1).map(deep),
    "key": st.none() | st.sampled_from(["k" * 200, "a:b/c@d+e=f-g_1.2"]),
}
ODD: dict[str, st.SearchStrategy[Any]] = {
    "subject": texts | st.just("x" * 101),
    "body": texts | st.just("x" * 10_001),
    "type": st.just("notice"),
    "priority": st.just("urgent"),
    "facts": st.lists(facts | odd_facts, min_size=1, max_size=2).map(tuple),
    "request": st.fixed_dictionaries({}, optional={"action": texts, "with": values, "and": values})
    | st.integers(MAX_REQUEST_NESTING - 2, MAX_REQUEST_NESTING + 1).map(deep),
    "key": texts | st.sampled_from(["k" * 201, ".a", "key\n"]),
}


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Generate a draft with at most two unusual fields."""
    odd_ones = draw(st.sets(st.sampled_from(sorted(ODD)), max_size=2))
    return Draft(**{name: draw(ODD[name] if name in odd_ones else good) for name, good in GOOD.items()})


def as_given(draft: Draft) -> dict[str, Any]:
    """Return the entry of a rejected draft, with its facts unchanged except fractions and missing times."""
    entry = compose(replace(draft, facts=()), ID, "build1", "build2", NOW).raw
    for fact in draft.facts:
        value = {name: repr(v) if isinstance(v, float) else v for name, v in fact.items() if name == "value"}
        seen = fact.get("observed_at")
        written = {**fact, **value, "observed_at": entry["timestamp"] if seen is None else seen}
        entry.setdefault("facts", []).append(written)
    return entry


@settings(max_examples=400)
@given(drafts())
def test_strict_schema_and_check_draft_agree(draft: Draft) -> None:
    try:
        check_draft(draft)
    except InvalidInput:
        assert problems(as_given(draft), WRITTEN) != [], asdict(draft)
    else:
        assert problems(compose(draft, ID, "build1", "build2", NOW).raw, WRITTEN) == []
