"""Test the page about the fleet with the parser of the standard library."""

from __future__ import annotations

import copy
import json
import shlex
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.compare_environments import compare_environments
from ansible_collections.acs.builders.plugins.filter.dashboard_page import FilterModule
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.conversations import MAX_BODY
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.dashboard import read_dashboard
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.plugin_utils.page_view import MAX_DIFFERENCES
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders
from ansible_collections.acs.builders.tests.hostile_text import ATTACKS, HIDDEN, MARKUP, spread
from ansible_collections.acs.builders.tests.html_page import Page, check_harmless

dashboard_page = FilterModule().filters()["dashboard_page"]
SECTIONS = ["servers", "waits", "conversations", "builds", "jobs", "traffic", "environment"]


def facts(builders: MemoryBuilders, clock: Clock) -> dict[str, Any]:
    """Return the input of the filter as in the playbook, without a comparison."""
    with builders.host("build1") as host:
        return {"health": read_health(clock.on(host)), "dashboard": read_dashboard(clock.on(host))}


def environment(version: str) -> dict[str, Any]:
    """Return the environment of a server with some packages."""
    package = {"version": version, "status": "install ok installed"}
    return {
        "kernel": "6.1.0",
        "toolchain": {"java": "17"},
        "packages": {"bash": package, "curl": {**package, "version": "1"}},
    }


def headings(page: Page) -> list[str]:
    """Return the ids of the headings of the sections."""
    return [heading.attributes["id"] for heading in page.root.all("h2")]


def test_what_stands_where(builders: MemoryBuilders, now: Clock) -> None:
    builders.trust()
    with builders.host("build1") as host:
        here = now.on(host)
        write_status(here, Report("building", "job_1", branch="main"))
        asked = send(here, Draft("Which version?", "Tell it.", "request", "high"), ["build2"]).result[0].id
        send(here, Draft("Restart", "At ten.", require_ack=True), ["build2"])
        now.move(125)
        write_status(here, Report("failed", outcome={"reason": "exit code 2"}))
        beat(here)
    with builders.host("build2") as host:
        reply(now.on(host), asked, Draft("-", "It is 4.21.", facts=({"name": "version", "value": "4.21"},)))
        beat(now.on(host), problems=("the disk is full",))
    compared = compare_environments({"build1": environment("5.2"), "build2": environment("5.1")})
    page = Page(dashboard_page({**facts(builders, now), "environment": compared}))
    check_harmless(page)
    assert headings(page) == SECTIONS
    first, second = page.rows("servers")
    assert (first[0], first[1], first[3], first[7], first[8]) == ("build1", "ok", "failed", "1", "-")
    assert first[5].startswith("job_1 failed 20")
    assert (second[0], second[4], second[5], second[8]) == ("build2", "-", "-", "the disk is full")
    (wait,) = page.rows("waits")
    assert (wait[:3], wait[4:]) == (["build1", "build2", "acknowledgement"], ["Restart", "unread"])
    threads = page.root.all("details", class_="thread")
    assert [thread.all("summary")[0].all("span", class_="subject")[0].words for thread in threads] == [
        "Which version?",
        "Restart",
    ]
    question, answer = threads[0].all("article")
    assert [badge.words for badge in answer.all("span", class_="badge")] == ["info", "verified"]
    assert question.all("pre")[0].text == "Tell it." and answer.all("dd")[0].text == "4.21"
    (build,) = page.rows("builds")
    assert (build[:3], build[4:]) == (["job_1", "build1", "failed"], ["2 min", "main", "-", "exit code 2"])
    (difference,) = page.rows("environment")
    assert difference == ["bash", "packages", "differing", "5.2: build1 5.1: build2"]
    times = page.root.all("time")
    assert len(times) > 8 and all(time.attributes["datetime"].endswith("Z") for time in times)


@pytest.mark.parametrize(
    ("message_id", "command"),
    [
        ("msg_1", """ansible-playbook playbooks/answer.yml -e id=msg_1 -e "body='...'\""""),
        ("$(id)'", """builderctl reply '$(id)'"'"'' '...'"""),
        ("{{ 7 * 7 }} body=x", "builderctl reply '{{ 7 * 7 }} body=x' '...'"),
    ],
)
def test_a_command_of_the_page_quotes_the_id(
    builders: MemoryBuilders, clock: Clock, message_id: str, command: str
) -> None:
    """Anyone with push access can choose the id, and the reader can copy the command."""
    body = "b" * (MAX_BODY + 5)
    entry = {"id": message_id, "from": "build2", "to": "build1", "needs": "operator", "subject": "May I?", "body": body}
    builders.commit(MESSAGES, json.dumps({"messages": [entry]}).encode())
    page = Page(dashboard_page(facts(builders, clock)))
    (question,) = page.root.all("section", **{"aria-labelledby": "questions"})
    assert [code.text for code in question.all("code")] == [command]
    whole = f"5 more characters: builderctl read {shlex.quote(message_id)}"
    assert [line.text for line in page.root.all("p", class_="muted")].count(whole) == 2, "not also in the conversation"


def test_a_fleet_of_which_nothing_is_known(builders: MemoryBuilders, clock: Clock) -> None:
    page = Page(dashboard_page(facts(builders, clock)))
    check_harmless(page)
    assert headings(page) == SECTIONS
    servers = page.rows("servers")
    assert [(row[0], row[1]) for row in servers] == [("build1", "missing"), ("build2", "missing")]
    assert "ansible-playbook playbooks/recover.yml -l build2" in servers[1][8]
    builders.commit(MESSAGES, b'{"messages": [')
    damaged = Page(dashboard_page(facts(builders, clock)))
    assert headings(damaged) == ["problems", *SECTIONS]
    assert MESSAGES in damaged.root.all("ul", class_="problems")[0].text


def test_the_same_facts_make_the_same_page_at_any_time(builders: MemoryBuilders, clock: Clock) -> None:
    with builders.host("build2") as host:
        beat(clock.on(host))
    clock.move(400)
    before = dashboard_page(facts(builders, clock))
    clock.move(3600)
    assert dashboard_page(facts(builders, clock)) == before


@pytest.mark.parametrize("name", [*ATTACKS, *MARKUP])
def test_hostile_text_in_every_field_is_text(builders: MemoryBuilders, name: str) -> None:
    value = {**ATTACKS, **MARKUP}[name]
    for path, document in spread(value).items():
        builders.commit(path, json.dumps(document).encode())
    with builders.host("build1") as host:
        seen = {"health": read_health(host), "dashboard": read_dashboard(host)}
    look = environment(value)
    seen["environment"] = compare_environments(
        {value: look, "build2": {**look, "kernel": value, "toolchain": {value: value}}}
    )
    text = dashboard_page(seen)
    assert not HIDDEN & set(text)
    page = Page(text)
    check_harmless(page)
    assert headings(page) in (["questions", *SECTIONS], ["questions", "problems", *SECTIONS])
    (command,) = page.root.all("section", **{"aria-labelledby": "questions"})[0].all("code")
    assert shlex.split(command.text)[:2] == ["builderctl", "reply"] and len(shlex.split(command.text)) == 4
    (thread,) = [one for one in page.root.all("details") if one.all("article")[0].all("dt")][:1]
    if name in MARKUP:
        assert page.root.text.count(value) > 20
        assert thread.all("pre")[0].text == value
        assert all(value.startswith(row[0].strip("…")[:50]) for row in page.rows("jobs"))


def test_many_differences_are_counted_and_not_all_shown(builders: MemoryBuilders, clock: Clock) -> None:
    one = environment("1")
    other = copy.deepcopy(one)
    one["packages"] = {
        f"package-{n}": {"version": "1", "status": "install ok installed"} for n in range(MAX_DIFFERENCES + 9)
    }
    seen = {**facts(builders, clock), "environment": compare_environments({"build1": one, "build2": other})}
    page = Page(dashboard_page(seen))
    assert len(page.rows("environment")) == MAX_DIFFERENCES
    assert "11 more differences are not shown." in page.root.words


def test_secrets_are_not_shown(builders: MemoryBuilders, clock: Clock) -> None:
    seen = facts(builders, clock)
    token = "ghp_" + "a1B2" * 9
    seen["health"]["servers"]["build1"]["manager"] = f"Manager {token}"
    text = dashboard_page(seen)
    assert token not in text and "Manager " in text


@pytest.mark.parametrize("seen", [None, "health", {}, {"health": {}, "dashboard": {}}])
def test_without_facts_it_says_what_is_missing(seen: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="The page needs health and dashboard"):
        dashboard_page(seen)
