"""Test the message about a run."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.plugin_utils.run_report import MAX_FACTS, MAX_SUBJECT, report
from ansible_collections.acs.builders.plugins.plugin_utils.server_result import FAILED, IGNORED, ServerResult
from ansible_collections.acs.builders.plugins.plugin_utils.task_outcome import Outcome


def server(*changed: str, **troubles: str) -> ServerResult:
    """Return the result of a server with tasks that changed it, and with failed tasks and their kinds by name."""
    result = ServerResult()
    for task in changed:
        result.add(Outcome("build1", task, "copy", {"changed": True}, "", "", False), False)
    for task, kind in troubles.items():
        result.add_trouble(Outcome("build1", task, "copy", {"msg": "no\nroom"}, "", "", False), kind)
    return result


def test_what_changed_and_what_failed_is_reported_in_text_and_as_facts() -> None:
    servers = {
        "build1": server("Copy", "Start", other=IGNORED),
        "build2": server("Copy", Start=FAILED),
        "build3": server(),
    }
    message = report("setup.yml", servers, "report-1")
    assert message["subject"] == "setup.yml changed build1, build2, failed on build2"
    assert message["body"].splitlines() == [
        "Ansible ran setup.yml.",
        "build1: changed by 2 tasks: Copy, Start",
        "build2: changed by 1 task: Copy",
        "build3: unchanged",
        "build2 failed at Start: no | room",
    ]
    assert message["facts"] == [
        {"name": "playbook", "value": "setup.yml"},
        {"name": "build1 changed tasks", "value": 2},
        {"name": "build2 changed tasks", "value": 1},
        {"name": "build2 failed task", "value": "Start"},
        {"name": "build3 changed tasks", "value": 0},
    ]
    assert (message["type"], message["key"], message["secrets"]) == ("error", "report-1", "redact")


def test_a_large_fleet_fits_into_a_message() -> None:
    servers = {f"build{number}": server("Copy " + "x" * 500, Start=FAILED) for number in range(90)}
    message = report("setup.yml", servers, "report-1")
    assert len(message["subject"]) <= MAX_SUBJECT and len(message["body"]) <= 10_000
    assert len(message["facts"]) == MAX_FACTS


def test_a_secret_at_the_begin_of_a_line_is_redacted() -> None:
    result = ServerResult()
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    result.add_trouble(Outcome("build1", "Start", "copy", {"msg": f"no\n{secret}"}, "", "", False), FAILED)
    assert "no | [redacted: " in report("setup.yml", {"build1": result}, "report-1")["body"]


def test_a_run_without_errors_is_information() -> None:
    assert report("setup.yml", {"build1": server("Copy")}, "report-1")["type"] == "info"
