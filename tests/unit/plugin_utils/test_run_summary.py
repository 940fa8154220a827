"""Test the last lines of a run."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.plugin_utils.run_summary import named, summary, title
from ansible_collections.acs.builders.plugins.plugin_utils.server_result import FAILED, UNREACHABLE, ServerResult
from ansible_collections.acs.builders.plugins.plugin_utils.task_outcome import Outcome


def server(*changed: str, **troubles: str) -> ServerResult:
    """Return the result of a server with tasks that changed it, and with failed tasks and their kinds by name."""
    result = ServerResult()
    for task in changed:
        result.add(Outcome("build1", task, "copy", {"changed": True}, "", "", False), False)
    for task, kind in troubles.items():
        result.add_trouble(Outcome("build1", task, "copy", {"msg": "no"}, "", "", False), kind)
    return result


def test_the_title_counts_servers() -> None:
    servers = {"build1": server("a", "b"), "build2": server("a", c=FAILED), "build3": server(c=UNREACHABLE)}
    assert title("setup.yml", servers, 65, False) == "setup.yml: 3 hosts, 2 changed, 1 failed, 1 unreachable (1 min)"
    assert title("setup.yml", {"build1": server("a")}, 2, True) == "setup.yml: 1 host, 1 would change (2 s, check mode)"
    assert title("health.yml", {}, 0, False) == "health.yml: 0 hosts (0 s)"


def test_servers_with_the_same_outcome_share_a_line() -> None:
    servers = {"build1": server("Copy"), "build2": server("Copy", Start=FAILED), "build3": server(), "build4": server()}
    assert [line.text for line in summary(servers, 80, False)] == [
        "  build1, build2: changed 1: Copy",
        "  build2: FAILED: Start",
        "  build3, build4: unchanged",
    ]
    first, *_rest = summary(servers, 80, True)
    assert first.text == "  build1, build2: would change 1: Copy"


def test_what_a_server_did_twice_names_it_once() -> None:
    twice = server(Start=FAILED)
    twice.troubles *= 2
    assert [line.text for line in summary({"build1": twice}, 80, False)] == ["  build1: FAILED: Start"]


def test_long_lines_are_wrapped_between_words() -> None:
    names = [f"Write the file number {number}" for number in range(9)]
    (line,) = summary({"build1": server(*names)}, 60, False)
    lines = line.text.split("\n")
    assert len(lines) == 3 and all(len(part) <= 60 for part in lines)
    assert lines[1].startswith("    ") and line.text.endswith("number 4 and 4 more")


def test_a_rest_of_one_is_named() -> None:
    assert named("abcdef") == "a, b, c, d, e, f"
    assert named("abcdefg") == "a, b, c, d, e and 2 more"
