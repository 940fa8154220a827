"""Test that builderctl alerts lists open alerts and tests the ways."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.alerting import Fleet, chat
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.outage import closed_port
from ansible_collections.acs.builders.tests.waiting import until


def problems_of_ways(fleet: Fleet) -> dict[str, str | None]:
    """Test all ways of build1, and return the problem of each."""
    results = json.loads(fleet.builderctl("build1", "alerts", "--test", "--json", code=1).stdout)["ways"]
    return {one["name"]: one["problem"] for one in results}


def test_what_is_open_is_listed_on_each_server(fleet: Fleet) -> None:
    with fleet.service("build1") as running:
        fleet.configure("build2", fleet.way("build2"))
        assert fleet.builderctl("build2", "alerts").stdout == "No alert is open.\n"
        running.next_beat()

        def noticed() -> bool:
            fleet.silence("build1")
            fleet.cycle(running)
            return bool(fleet.alert_texts("build1"))

        until(noticed, "no alert")
        fleet.silence("build1")
        fleet.cycle(running)
    text = fleet.builderctl("build2", "alerts").stdout
    lines = text[text.index("build3 is stale") :].splitlines()
    assert lines[0] == "build3 is stale"
    assert lines[1].startswith("  since 20") and ", sent by build1 at 20" in lines[1] and lines[1].endswith(": command")
    assert lines[2].startswith("| its last heartbeat is ")
    listed = json.loads(fleet.builderctl("build2", "alerts", "--json").stdout)
    (alert,) = (one for one in listed["alerts"] if one["key"] == "server/build3")
    assert (alert["event"], alert["ways"]) == ("open", {"command": "told"})
    assert listed["ways"] == [{"name": "command", "problem": None}]
    with closed_port() as address:
        git("remote", "set-url", "origin", address, cwd=fleet.builders.clone("build1"))
        offline = fleet.builderctl("build1", "alerts", "--json")
    assert "build3 is stale" in [one["text"] for one in json.loads(offline.stdout)["alerts"]]
    assert json.loads(offline.stdout)["notes"]


def test_a_test_of_the_ways(fleet: Fleet) -> None:
    fleet.configure(
        "build1", fleet.way("build1"), {"name": "chat", "webhook": fleet.chat.url}, fleet.mail_way("build1")
    )
    done = fleet.builderctl("build1", "alerts", "--test")
    assert done.stdout.splitlines() == ["command: sent", "chat: sent", "mail: sent"]
    assert fleet.alert_texts("build1") == ["A test of build1: alerts are sent by this way"]
    assert len(fleet.chat.posts) == len(fleet.mails("build1")) == 1


def test_ways_that_do_not_work(fleet: Fleet) -> None:
    fleet.chat.answer = 404
    with closed_port() as address:
        fleet.configure(
            "build1",
            fleet.way("build1", "fails", "echo out; echo err >&2; exit 3"),
            {"name": "missing", "command": ["/bin/no-such-program"]},
            {"name": "chat", "webhook": fleet.chat.url},
            {"name": "closed", "webhook": f"{address}/hooks/secret"},
            fleet.way("build1", "deaf", "exit 0"),
        )
        assert problems_of_ways(fleet) == {
            "fails": "/bin/sh ended with 3",
            "missing": "/bin/no-such-program cannot be started: No such file or directory",
            "chat": "the server answered 404",
            "closed": "Connection refused",
            "deaf": None,
        }
        text = fleet.builderctl("build1", "alerts", "--test", code=1)
    assert "secret" not in text.stdout + text.stderr


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(fleet: Fleet, answer: int) -> None:
    with chat() as other:
        fleet.chat.answer, fleet.chat.location = answer, other.url
        fleet.configure("build1", {"name": "chat", "webhook": fleet.chat.url})
        assert problems_of_ways(fleet) == {"chat": f"the server answered {answer}, a redirect, which is not followed"}
        assert other.paths == []


def test_a_server_that_never_answers(fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        fleet.configure("build1", {"name": "chat", "webhook": url, "timeout": 1})
        (problem,) = problems_of_ways(fleet).values()
    assert problem in ("it did not end within 1 s", "timed out", "TimeoutError")


@pytest.mark.parametrize(
    ("ways", "error"),
    [
        ([], "No way to send alerts is configured."),
        ([{"name": "chat", "webhook": "http://hooks.example.com/secret"}], "begins with https"),
    ],
)
def test_without_a_valid_way(fleet: Fleet, ways: list[dict[str, Any]], error: str) -> None:
    fleet.configure("build1", *ways)
    done = fleet.builderctl("build1", "alerts", "--test", code=2)
    assert error in done.stderr and "secret" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_ways_that_are_not_valid_are_a_problem_of_the_server(fleet: Fleet) -> None:
    with fleet.service("build1", {"name": "chat"}) as running:
        found = running.next_beat()
    (problem,) = found["problems"]
    assert "No alerts are sent: " in problem and "exactly one of" in problem
    assert "alerts" not in found, "another server must send the alerts"
