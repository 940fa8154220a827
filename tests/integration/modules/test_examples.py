"""Test the examples of the modules, unchanged, and the commands in docs/wire-format.md."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

import yaml
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft, compose
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.ansible_runner import (
    MODULES,
    TASKS,
    TOP,
    ansible,
    environment,
    run,
    succeed,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.waiting import LIMIT

PLAY: dict[str, Any] = {
    "name": "Run the examples",
    "hosts": "build1",
    "gather_facts": False,
    "module_defaults": {
        "group/acs.builders.builders": {"repo": "{{ builders_repo }}", "state_dir": "{{ builders_state_dir }}"},
        "acs.builders.build_message": {"poll_interval": 1},
        "acs.builders.build_job": {"log_folder": "{{ builders_scratch }}/logs"},
    },
}
WIRE_FORMAT = (TOP / "docs" / "wire-format.md").read_text(encoding="utf-8")


def examples(module: str) -> list[dict[str, Any]]:
    """Return the tasks in the examples of a module."""
    tasks: list[dict[str, Any]] = yaml.safe_load(import_module(f"{MODULES}.{module}").EXAMPLES)
    return tasks


def run_examples(builders: Builders, module: str, *checks: str, instead: dict[str, str] | None = None) -> None:
    """Run the examples of a module on build1, which must succeed, and check the registered results.

    :param instead: replacements of paths and commands that this machine does not have.
    """
    tasks = [*examples(module), *({"ansible.builtin.assert": {"that": check}} for check in checks)]
    text = yaml.safe_dump([{**PLAY, "tasks": tasks}], sort_keys=False, width=1000)
    for word, replacement in (instead or {}).items():
        assert word in text
        text = text.replace(word, replacement)
    play = builders.folder / "play.yml"
    play.write_text(text)
    done = ansible("playbook", play, folder=builders.folder, **TASKS)
    assert done.code == 0, done.output
    assert re.search(rf"^build1 +: ok={len(tasks)} .* skipped=0 .* ignored=0", done.stdout, re.MULTILINE), done.output
    assert "[WARNING]" not in done.output


def example(state: str, **options: Any) -> dict[str, Any]:
    """Return the options of the only example of build_message with a state and options."""
    wanted = {"state": state, **options}.items()
    name = "acs.builders.build_message"
    given = [task[name] or {} for task in examples("build_message") if name in task]
    (found,) = [shown for shown in given if wanted <= {name: shown.get(name) for name, _value in wanted}.items()]
    return found


def answer(builders: Builders, key: str, playing: Future[None]) -> None:
    """Answer a request with a key as build2 when it is on the remote."""
    deadline = time.monotonic() + LIMIT
    while not (requests := [entry["id"] for entry in builders.messages() if entry.get("key") == key]):
        assert not playing.done(), playing.result()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with builders.host("build2") as host:
        reply(host, requests[0], Draft("", "It is installed.", facts=({"name": "version", "value": "8.0.36-1"},)))


def test_build_message(builders: Builders) -> None:
    request, reply_task, announcement = example("sent", type="request"), example("replied"), example("sent", to="all")
    (sample,) = example("acknowledged")["ids"]
    builders.trust()
    with builders.host("build2") as host:
        (sent,) = send(host, Draft("No libmysqlclient-dev", "The build needs it.", "error")).result
    moment = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
    warning = compose(
        Draft("Disk", "It fills up.", "warning", require_ack=True), sample, "build2", "build1", moment
    ).raw
    builders.commit(MESSAGES, json.dumps({"messages": [*builders.messages(), warning]}).encode())
    with ThreadPoolExecutor() as pool:
        checks = (f"inbox.messages | map(attribute='id') == ['{sent.id}', '{sample}']", "asked is changed")
        answers = ("answer.message.facts[0].value == '8.0.36-1'", "answer.message.in_reply_to == asked.message.id")
        traced = f"way.traces | map(attribute='id') == ['{sample}']"
        playing = pool.submit(run_examples, builders, "build_message", *checks, *answers, traced)
        answer(builders, request["key"], playing)
        playing.result()
    first, warning, asked, answered, replied, announced, reported = builders.messages()
    acted = json.loads((builders.state("build1") / "acted.json").read_text())
    assert list(acted["messages"]) == [f"build2/{first['id']}"]
    assert first["read_by"] == warning["read_by"] == ["build1"]
    assert (warning["id"], warning["ack_status"], warning["acknowledged_by"]) == (sample, "completed", ["build1"])
    assert request.pop("state") == "sent" and request.items() <= asked.items()
    assert (asked["from"], asked["to"], asked["read_by"]) == ("build1", "build2", ["build2"])
    assert answered["in_reply_to"] == answered["thread"] == asked["id"]
    assert replied["in_reply_to"] == replied["thread"] == first["id"]
    assert (replied["from"], replied["to"], replied["body"]) == ("build1", "build2", reply_task["body"])
    assert all(shown.items() <= fact.items() for shown, fact in zip(reply_task["facts"], replied["facts"], strict=True))
    assert (announced["to"], announced["subject"], announced["ack_status"]) == (
        "all",
        announcement["subject"],
        "pending",
    )
    assert reported["key"].startswith("kernel-")
    run_examples(builders, "build_message", "asked is not changed", "asked.message.read_by == ['build2']")
    for once in (asked, reported):
        assert [entry["id"] for entry in builders.messages() if entry.get("key") == once["key"]] == [once["id"]]
    assert [entry["subject"] for entry in builders.messages()].count("Kernel") == 1


def test_build_status(builders: Builders) -> None:
    with builders.host("build2") as host:
        write_status(host, Report("building", job="job_1"))
    run_examples(builders, "build_status", "partner.server == 'build2'", "partner.status.current_job.id == 'job_1'")
    begin, end = (task["acs.builders.build_status"] for task in examples("build_status")[:2])
    status = json.loads(builders.show("build1/status.json"))
    assert (status["status"], status["current_job"]) == ("success", None)
    last = status["last_build"]
    assert (last["id"], last["status"], last["artifacts"]) == (begin["job"], "success", end["artifacts"])
    assert (last["branch"], last["commit"], last["log"]) == (begin["git_branch"], begin["git_commit"], begin["log"])


def test_build_heartbeat_fact(builders: Builders) -> None:
    for server in builders.ids:
        succeed(builders, server, "build_heartbeat_fact", beat=True)
    run_examples(builders, "build_heartbeat_fact", "ansible_facts.build_heartbeat.healthy")


def test_build_dashboard(builders: Builders) -> None:
    run_examples(builders, "build_dashboard", "seen.dashboard.conversations.total == 0")
    assert b"<h1>Build servers</h1>" in builders.show("index.html", "dashboard")


def test_build_response(builders: Builders) -> None:
    builders.trust()
    with builders.host("build2") as host:
        (asked,) = send(host, Draft("What is your status?", "Please.", "request")).result
    run_examples(builders, "build_response", "plan.steps[0].decision == 'answer'", "plan.steps | length == 1")
    answered = builders.messages()[-1]
    assert (answered["in_reply_to"], answered["facts"][0]["value"]) == (asked.id, "idle")


def test_build_job(builders: Builders) -> None:
    (builders.folder / "source").mkdir()
    replacements = {
        "/root/src/cloudstack": str(builders.folder / "source"),
        "mvn --batch-mode -Dnoredist package": "touch a.deb",
    }
    run_examples(builders, "build_job", "built.job.artifacts | length == 1", instead=replacements)
    assert json.loads(builders.show("build1/status.json"))["last_build"]["id"] == "job_42"


def test_build_environment_fact(builders: Builders) -> None:
    run_examples(
        builders, "build_environment_fact", "ansible_facts.build_environment.toolchain.git is version('2', '>')"
    )


def test_looking_at_a_heartbeat(builders: Builders) -> None:
    fetch, show = re.findall(r"`(git [^`]*refs/heartbeats/[^`]*)`", WIRE_FORMAT)
    for sequence in (1, 2):
        succeed(builders, "build1", "build_heartbeat_fact", beat=True)
        variables = environment(builders.folder / "home")
        done = run("sh", "-euc", f"{fetch}\n{show}", cwd=builders.clone("build2"), variables=variables)
        assert done.code == 0, done.output
        beat = json.loads(done.stdout)
        assert (beat["server"], beat["sequence"]) == ("build1", sequence)
