"""Test the progress of the mail of a server in its heartbeat."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import readable_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import (
    SHOWN_FILE,
    record_shown,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.mail_progress import (
    MAX_RANGES,
    Progress,
    mail_progress,
    read_progress,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders
from hypothesis import given
from hypothesis import strategies as st


def progress(builders: Builders, server: str = "build2") -> tuple[dict[str, Any] | None, list[str]]:
    """Return the progress of a server, and its problems."""
    with builders.host(server) as host:
        return mail_progress(host, host.repository.read(readable_messages))


def send_messages(builders: Builders, number: int = 1, to: str = "build2", sender: str = "build1") -> list[str]:
    """Send messages, and return their ids."""
    with builders.host(sender) as host:
        return [str(send(host, Draft("Hello", "x"), [to]).result[0].id) for _time in range(number)]


def show(builders: Builders, ids: Iterable[str]) -> None:
    """Record that messages were shown to the manager of build2."""
    with builders.host("build2") as host:
        record_shown(host.state, ids)


def test_a_server_without_mail(trusted: Builders) -> None:
    assert progress(trusted) == ({"seen": {}, "shown": {}}, [])


def test_the_last_number_of_each_sender_and_what_was_shown(trusted: Builders) -> None:
    ids = send_messages(trusted, 6)
    send_messages(trusted, 2, "build1", "build2")
    assert progress(trusted) == ({"seen": {"build1": 6, "build2": 2}, "shown": {}}, [])
    show(trusted, [ids[1], ids[2], ids[3], ids[5]])
    assert progress(trusted) == ({"seen": {"build1": 6, "build2": 2}, "shown": {"build1": [[2, 4], [6, 6]]}}, [])
    assert progress(trusted, "build1") == ({"seen": {"build1": 6, "build2": 2}, "shown": {}}, [])


def test_a_listing_shows(trusted: Builders) -> None:
    send_messages(trusted, 3)
    with trusted.host("build2") as host:
        list_messages(host, Filter(limit=2))
    mail, _problems = progress(trusted)
    assert mail and mail["shown"] == {"build1": [[1, 2]]}


def test_messages_to_others_are_seen_and_not_shown(tmp_path: Any) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    builders.trust()
    ids = [*send_messages(builders), *send_messages(builders, 1, "build3"), *send_messages(builders, 1, "all")]
    show(builders, ids)
    assert progress(builders) == ({"seen": {"build1": 3}, "shown": {"build1": [[1, 1], [3, 3]]}}, [])


def test_numbers_that_their_sender_has_not_signed_do_not_count(trusted: MemoryBuilders) -> None:
    ids = send_messages(trusted, 2)
    first, second = trusted.messages()
    forged = [
        {**second, "id": "msg_forged", "seq": 900},
        {**second, "id": "msg_unsigned", "seq": 901, "signature": None},
        {**second, "from": "stranger", "id": "msg_stranger"},
    ]
    trusted.commit(MESSAGES, json.dumps({"messages": [first, second, *forged]}).encode())
    show(trusted, [*ids, *(str(entry["id"]) for entry in forged)])
    assert progress(trusted) == ({"seen": {"build1": 2}, "shown": {"build1": [[1, 2]]}}, [])


def test_the_newest_ranges_are_published(trusted: Builders) -> None:
    show(trusted, send_messages(trusted, 2 * MAX_RANGES + 4)[::2])
    mail, _problems = progress(trusted)
    assert mail and mail["shown"] == {"build1": [[number, number] for number in range(5, 2 * MAX_RANGES + 4, 2)]}
    found = read_progress({"mail": mail})
    assert found is not None
    assert [found.has_shown("build1", number) for number in (1, 4, 5, 6, 23, 24)] == [
        None,
        None,
        True,
        False,
        True,
        False,
    ]


def test_without_keys_or_a_mailbox_nothing_is_published(builders: MemoryBuilders) -> None:
    send_messages(builders)
    assert progress(builders) == (None, [])
    builders.trust()
    builders.commit(MESSAGES, b"{")
    assert progress(builders) == (None, [])


@pytest.mark.parametrize("content", ["", "{", '{"ids": 7}', "[]", '{"ids": ["msg_1"'])
def test_a_damaged_ledger_is_a_problem_and_nothing_is_said_about_shown(trusted: Builders, content: str) -> None:
    send_messages(trusted)
    path = trusted.state("build2") / SHOWN_FILE
    path.write_text(content)
    mail, (problem,) = progress(trusted)
    assert mail == {"seen": {"build1": 1}}
    assert problem.startswith(str(path))
    found = read_progress({"mail": mail})
    assert found == Progress({"build1": 1}, None)
    assert found.has_seen("build1", 1) and found.has_shown("build1", 1) is None


def test_what_a_heartbeat_means() -> None:
    found = read_progress({"mail": {"seen": {"build1": 17}, "shown": {"build1": [[3, 15], [17, 17]]}}})
    assert found is not None
    assert [found.has_seen("build1", number) for number in (1, 17, 18)] == [True, True, False]
    assert [found.has_shown("build1", number) for number in (2, 3, 15, 16, 17, 18)] == [
        *(None, True, True, False, True, False)
    ]
    assert (found.has_seen("build3", 1), found.has_shown("build3", 1)) == (False, False)


@pytest.mark.parametrize(
    "mail",
    [
        *(None, 7, [], "seen", {}, {"seen": None}, {"seen": []}, {"shown": {}}, {"seen": {"build1": "7"}}),
        *({"seen": {"build1": True}}, {"seen": {"build1": 0}}, {"seen": {"build1": 2**53}}, {"seen": {}, "shown": []}),
        *({"seen": {}, "shown": {"build1": 7}}, {"seen": {}, "shown": {"build1": [[1]]}}),
        *({"seen": {}, "shown": {"build1": [[1, 2, 3]]}}, {"seen": {}, "shown": {"build1": ["12"]}}),
    ],
    ids=repr,
)
def test_another_form_is_ignored(mail: Any) -> None:
    assert read_progress({"mail": mail}) is None


def test_a_heartbeat_of_an_older_version() -> None:
    assert read_progress({"server": "build1"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional={"seen": json_values, "shown": json_values}) | json_values)
def test_any_json_is_read(mail: Any) -> None:
    found = read_progress({"mail": mail})
    assert found is None or found.has_shown("", 1) in (True, False, None)
