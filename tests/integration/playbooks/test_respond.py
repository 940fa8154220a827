"""Test the play that answers messages, on embedded servers with a stand-in for the package manager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.tasks import recorded, recording

STAND_IN = TOP / "playbooks" / "stand_in"
ONLY_BUILD2 = ("--limit", "build2")


def send_message(builders: Builders, subject: str = "Hello", kind: str = "request", **more: Any) -> str:
    """Send a message from build1 to build2 and return its id."""
    with builders.host("build1") as host:
        return str(send(host, Draft(subject, "Nothing.", kind, **more), ["build2"]).result[0].id)


def respond(builders: Builders, *arguments: str, tasks: Path | None = None, **variables: Any) -> Run:
    """Run the play.

    :param tasks: the file in which its tasks are recorded.
    """
    given = {
        "build_respond_allowed_packages": ["lib*-dev"],
        "build_respond_allowed_paths": [str(builders.clone("build2"))],
        **variables,
    }
    extra = ("--extra-vars", json.dumps(given))
    kept = recording(tasks) if tasks else {}
    return ansible("playbook", "playbooks/respond.yml", *extra, *arguments, folder=builders.folder, **kept)


def answer(builders: Builders, message_id: str) -> dict[str, Any]:
    """Return the only answer to a message."""
    (found,) = [entry for entry in builders.messages() if entry.get("in_reply_to") == message_id]
    return found


def test_requests_are_answered_in_one_commit_and_the_rest_is_named(trusted: Builders) -> None:
    coffee = send_message(trusted, "Coffee?")
    install = send_message(trusted, request={"action": "install_packages", "packages": ["libssl-dev=3.0.1"]})
    path = str(trusted.clone("build2"))
    asked = send_message(
        trusted, request={"action": "facts", "query": ["kernel", "commit", "package"], "package": "git", "path": path}
    )
    status, sudo = send_message(trusted, "What's your status?"), send_message(trusted, "Install sudo")
    commits = trusted.commits()
    planned = respond(trusted, "--check", *ONLY_BUILD2)
    assert planned.code == 0 and trusted.commits() == commits, planned.output
    done = respond(trusted)
    assert done.code == 0, done.output
    assert trusted.commits() == commits + 1
    installed = answer(trusted, install)
    assert installed["body"].startswith(
        "Installed libssl-dev version 3.0.1 on build2. Package status: install ok installed."
    )
    facts = {fact["name"]: fact["value"] for fact in answer(trusted, asked)["facts"]}
    assert facts[f"commit of {path}"] == "no repository" or len(facts[f"commit of {path}"]) == 40
    assert facts["kernel"] and "git status" in facts
    assert answer(trusted, status)["body"].startswith("build2 is of unknown status: it has published none.")
    assert "The rules of this server do not permit the installation of sudo." in answer(trusted, sudo)["body"]
    assert "1. [request] from build1" in done.stdout and f"({coffee}), sender verified: Coffee?" in done.stdout
    assert "its intent is not recognized" in done.stdout
    again = respond(trusted, build_respond_reply_deadline=0)
    assert again.code == 0 and trusted.commits() == commits + 1
    assert "1. OVERDUE [request] from build1" in again.stdout
    assert "it is an answer from build2" in again.stdout, "build1 leaves the answers to its manager"


def test_twenty_messages_need_few_calls_of_modules_and_one_commit(trusted: Builders, tmp_path: Path) -> None:
    names = ("libssl-dev", "libxml2-dev", "libpq-dev")
    actions = [send_message(trusted, request={"action": "install_packages", "packages": [name]}) for name in names]
    actions += [send_message(trusted, request={"action": "stale_heartbeat"}) for _number in range(2)]
    asked = [send_message(trusted, "Status check") for _number in range(5)]
    asked += [
        send_message(trusted, request={"action": "check_packages", "packages": [names[0], "jq"]})
        for _number in range(3)
    ]
    asked += [send_message(trusted, request={"action": "facts", "query": ["disk", "load"]}) for _number in range(3)]
    asked += [
        send_message(trusted, "Install sudo"),
        *[send_message(trusted, "Starting build 1", "info") for _number in range(3)],
    ]
    commits = trusted.commits()
    done = respond(trusted, *ONLY_BUILD2, tasks=tmp_path / "tasks")
    assert done.code == 0, done.output
    assert trusted.commits() == commits + 1
    answers = [answer(trusted, message_id) for message_id in [*actions, *asked]]
    assert [entry["body"].split()[:2] for entry in answers[:3]] == [["Installed", name] for name in names]
    assert [entry["body"].split(" of build2 ")[0] for entry in answers[3:5]] == ["The service build-heartbeat"] * 2
    assert f"build2 has package {names[0]} version 1.0 installed" in answers[10]["body"]
    assert len(json.loads((trusted.state("build2") / "acted.json").read_text())["messages"]) == 5
    ran = recorded(tmp_path / "tasks")
    assert sum(task.modules for task in ran) <= 7, ran
    assert len([task for task in ran if task.ended != "skipped"]) <= 29, ran


def test_two_versions_are_installed_one_after_the_other_and_what_was_begun_is_not_done_again(trusted: Builders) -> None:
    begun = send_message(trusted, "Install libcurl-dev")
    with trusted.host("build2") as host:
        act(host, begun)
    versions = ("1.1", "3.0")
    asked = [send_message(trusted, f"Install libssl-dev={version}") for version in versions]
    more = send_message(trusted, "Install libxml2-dev")
    done = respond(trusted, *ONLY_BUILD2)
    assert done.code == 0, done.output
    for message_id, version in zip(asked, versions):
        assert answer(trusted, message_id)["body"].startswith(f"Installed libssl-dev version {version} on build2")
    assert answer(trusted, more)["body"].startswith("Installed libxml2-dev version 1.0 on build2")
    interrupted = answer(trusted, begun)
    assert interrupted["type"] == "error" and "was interrupted. It is not retried" in interrupted["body"]
    assert not (trusted.folder / "build2" / "packages" / "libcurl-dev").exists()


def test_an_installation_that_fails_keeps_no_other_answer_back(trusted: Builders, tmp_path: Path) -> None:
    manager = tmp_path / "manager"
    manager.mkdir()
    (manager / "apply.yml").write_text(json.dumps([{"ansible.builtin.fail": {"msg": "no disk"}}]))
    (manager / "observe.yml").write_text((STAND_IN / "observe.yml").read_text())
    installs = [send_message(trusted, f"Install lib{name}-dev") for name in ("ssl", "pq")]
    stale, status = send_message(trusted, "Heartbeat stale"), send_message(trusted, "Status check")
    check = send_message(trusted, request={"action": "check_packages", "packages": ["jq"]})
    done = respond(trusted, *ONLY_BUILD2, build_packages_manager=str(manager))
    assert done.code != 0 and "no disk" in done.output
    assert answer(trusted, stale)["body"].startswith("The service build-heartbeat of build2")
    assert answer(trusted, status)["type"] == "info"
    assert "build2 has no package jq installed." in answer(trusted, check)["body"]
    assert [entry["id"] for entry in trusted.messages() if not entry["read_by"]][:2] == installs
    done = respond(trusted, *ONLY_BUILD2)
    assert done.code == 0, done.output
    for message_id in installs:
        assert "was interrupted. It is not retried" in answer(trusted, message_id)["body"]


def test_a_record_that_cannot_be_written_keeps_no_other_answer_back(trusted: Builders) -> None:
    install, status = send_message(trusted, "Install libssl-dev"), send_message(trusted, "Status check")
    stale = send_message(trusted, "Heartbeat stale")
    (trusted.state("build2") / "acted.lock").mkdir()
    done = respond(trusted, *ONLY_BUILD2)
    assert done.code != 0 and "acted.lock" in done.output
    assert answer(trusted, status)["type"] == "info"
    assert [entry["id"] for entry in trusted.messages() if not entry["read_by"]][:2] == [install, stale]
    assert not (trusted.folder / "build2" / "packages").exists()


def test_a_template_of_the_operator_that_fails_keeps_no_other_answer_back(trusted: Builders, tmp_path: Path) -> None:
    template = tmp_path / "answers" / "status_report.txt.j2"
    template.parent.mkdir()
    template.write_text("{{ nothing_of_this_name }}\n")
    given: dict[str, Any] = {"build_respond_templates": str(template.parent)}
    status, started = send_message(trusted, "What's your status?"), send_message(trusted, "Starting build ABC", "info")
    done = respond(trusted, *ONLY_BUILD2, **given)
    assert done.code != 0 and "nothing_of_this_name" in done.output
    assert answer(trusted, started)["body"].startswith("Acknowledged. build2 standing by.")
    assert not any(entry.get("in_reply_to") == status for entry in trusted.messages())
    template.write_text("All well on {{ inventory_hostname }}, {{ build_respond_peer }}.\n")
    done = respond(trusted, *ONLY_BUILD2, **given)
    assert done.code == 0, done.output
    assert answer(trusted, status)["body"] == "All well on build2, build1."


def test_the_packages_of_the_controller_itself_are_left_alone(trusted: Builders) -> None:
    install = send_message(trusted, "Install libssl-dev")
    done = respond(trusted, *ONLY_BUILD2, build_packages_manager="apt")
    assert done.code != 0 and "build2 shares the machine of the controller" in " ".join(done.output.split())
    assert not (trusted.state("build2") / "acted.json").exists()
    assert [entry["id"] for entry in trusted.messages()] == [install]


def test_hostile_words_are_only_words(trusted: Builders) -> None:
    marker = trusted.folder / "marker"
    attack = f"{{{{ lookup('ansible.builtin.pipe', 'touch {marker}') }}}}"
    job = send_message(trusted, attack[:90], request={"action": "build_started", "job": attack})
    step = send_message(trusted, f"Build failed at step {attack}"[:100], "error")
    refused = send_message(trusted, request={"action": "install_packages", "packages": [attack]})
    path = send_message(trusted, request={"action": "facts", "query": "commit", "path": f"/{attack}"})
    send_message(trusted, attack[:90])
    done = respond(trusted, "-v", *ONLY_BUILD2)
    assert done.code == 0, done.output
    assert not marker.exists()
    assert "lookup(" in answer(trusted, job)["body"] and answer(trusted, step)
    assert "not the name of a package" in answer(trusted, refused)["body"]
    assert "do not permit requests for the commit" in answer(trusted, path)["body"]


def test_a_rule_that_cannot_be_used_is_one_sentence(trusted: Builders) -> None:
    done = respond(trusted, *ONLY_BUILD2, build_respond_allowed_actions={"all": ["reboot"]})
    assert done.code != 0 and "'reboot', allowed to all, is not an action." in done.output
    assert "Traceback" not in done.output
