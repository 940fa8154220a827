"""Test that modules return only documented values."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest
import yaml
from ansible_collections.acs.builders.tests.ansible_runner import MODULES, fail, succeed
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.waiting import LIMIT

COMMON = {"changed", "diff", "failed", "invocation", "msg", "warnings"}
"""Values that every module can return; Ansible documents them."""
REQUEST = {"action": "install_packages", "packages": ["jq"]}
FACTS = [{"name": "load", "value": 1}]


def undocumented(value: Any, documented: Mapping[str, Any], place: str = "") -> list[str]:
    """Return the paths of values in a result that are not documented."""
    found = []
    for name, member in value.items():
        here = f"{place}{name}"
        if name not in documented:
            found.append(here)
        elif inner := documented[name].get("contains"):
            items = member if isinstance(member, list) else [member]
            found += [one for item in items if item is not None for one in undocumented(item, inner, f"{here}.")]
    return found


def check(module: str, result: dict[str, Any]) -> dict[str, Any]:
    """Check a result against the documentation of its module, and return it."""
    documented = yaml.safe_load(import_module(f"{MODULES}.{module}").RETURN)
    assert undocumented({name: value for name, value in result.items() if name not in COMMON}, documented) == []
    return result


def test_what_is_not_documented_is_found() -> None:
    documented: dict[str, Any] = {"one": {"contains": {"two": {}}}}
    assert undocumented({"one": [{"two": 2, "three": 3}], "four": 4}, documented) == ["one.three", "four"]


def test_build_message(builders: Builders) -> None:
    builders.trust()

    def message(server: str, **options: Any) -> dict[str, Any]:
        return check("build_message", succeed(builders, server, **options))

    asked = message(
        "build1",
        **{"state": "sent", "type": "request", "subject": "Install", "body": "Please.", "key": "ask", "diff": True},
        **{"request": REQUEST, "facts": FACTS, "require_ack": True},
    )["message"]["id"]
    message("build2")
    message("build2", state="traced", id=asked)
    message("build2", state="acted", id=asked)
    message("build2", state="acknowledged", ids=[asked])
    answer = message("build2", state="replied", id=asked, body="Done.", facts=FACTS)["message"]["id"]
    message("build1", state="awaited", id=asked, wait_timeout=LIMIT, poll_interval=1)
    message("build1", state="read", ids=[answer])
    message("build1", thread=asked)
    check("build_message", fail(builders, "build1", state="acknowledged", ids=["msg_0"]))


@pytest.mark.parametrize("server", ["build1", "build2"])
def test_build_status(builders: Builders, server: str) -> None:
    for options in ({"status": "building", "job": "job_1"}, {"status": "success", "artifacts": ["a.deb"]}):
        check("build_status", succeed(builders, "build1", "build_status", **options, diff=True))
    check("build_status", succeed(builders, server, "build_status", server="build1"))


def test_what_returns_facts(builders: Builders) -> None:
    succeed(builders, "build2", "build_heartbeat_fact", beat=True)
    check("build_heartbeat_fact", succeed(builders, "build1", "build_heartbeat_fact", beat=True))
    others = dict.fromkeys(("repo", "state_dir", "pat_file", "timeout"))  # options that this module does not have
    paths = [str(builders.clone("build1"))]
    check("build_environment_fact", succeed(builders, "build1", "build_environment_fact", paths=paths, **others))


def test_build_response(builders: Builders) -> None:
    builders.trust()
    words = {"type": "request", "subject": "What is your status?", "body": "Please."}
    asked = succeed(builders, "build1", state="sent", **words)["message"]["id"]
    plan = check("build_response", succeed(builders, "build2", "build_response"))
    assert [step["message"]["id"] for step in plan["steps"]] == [asked]
    check("build_response", succeed(builders, "build2", "build_response", state="begun", ids=[asked]))
    responses = [{"id": asked, "body": "Idle."}]
    check("build_response", succeed(builders, "build2", "build_response", state="sent", responses=responses))


def test_build_job(builders: Builders) -> None:
    folder = str(builders.folder)
    options = {
        "state": "started",
        "source": folder,
        "log_folder": folder,
        "command": "touch a.deb",
        "artifacts": ["*.deb"],
    }
    check("build_job", succeed(builders, "build1", "build_job", job="job_1", **options))
    ended = check("build_job", succeed(builders, "build1", "build_job", job="job_1", wait=LIMIT))
    assert ended["job"]["status"] == "success"


def test_build_dashboard(builders: Builders) -> None:
    succeed(builders, "build2", "build_heartbeat_fact", beat=True)
    succeed(builders, "build2", state="sent", subject="Ready", body="All set.")
    check("build_dashboard", succeed(builders, "build1", "build_dashboard"))
    check("build_dashboard", succeed(builders, "build1", "build_dashboard", page="<p>Build servers</p>"))
