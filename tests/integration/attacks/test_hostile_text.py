"""Test that hostile text in every field that others can write is harmless wherever it is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import ad_hoc, ansible, call, module_variables, serve
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.hostile_text import ATTACKS, HIDDEN, spread
from ansible_collections.acs.builders.tests.running_service import COMMAND, config, service


@pytest.fixture(params=ATTACKS)
def attacked(request: pytest.FixtureRequest, builders: Builders) -> Builders:
    """Return two servers whose repository is full of hostile text."""
    value = ATTACKS[request.param].replace("MARKER", str(builders.folder / "marker"))
    for path, document in spread(value).items():
        builders.commit(path, json.dumps(document).encode())
    return builders


def check_harmless(builders: Builders, shown: str) -> None:
    """Check that the output has no hidden or control characters, and that none of it was executed."""
    assert not HIDDEN & set(shown), sorted(map(repr, HIDDEN & set(shown)))
    assert not (builders.folder / "marker").exists()


def builderctl(builders: Builders, *arguments: str) -> str:
    """Run the command as build1's manager, and return all its output."""
    words = ("-m", COMMAND, "--config", str(config(builders, "build1")), *arguments)
    done = serve(*words, cwd=builders.folder, variables=module_variables(builders))
    assert "Traceback" not in done.output
    return done.output


def test_modules(attacked: Builders) -> None:
    for module, options in (
        ("build_message", {}),
        ("build_message", {"unread": False, "types": ["request"]}),
        ("build_message", {"state": "acted", "id": "msg_2"}),
        ("build_status", {"server": "build2"}),
        ("build_heartbeat_fact", {}),
        ("build_dashboard", {}),
    ):
        done = call(attacked, "build1", module, **options)
        assert "Traceback" not in done.output
        check_harmless(attacked, json.dumps(json.loads(done.stdout), ensure_ascii=False, indent=1))


def test_the_command(attacked: Builders) -> None:
    texts = [builderctl(attacked, *words) for words in (["read"], ["health"], ["status", "--server", "build2"])]
    for text in texts:
        check_harmless(attacked, text)
    whole_lines = texts[0].replace("\n    ", " ").split("\n")
    frames = [line for line in whole_lines if line.startswith(("ERROR", "WARNING", "REQUEST", "INFO"))]
    assert len(frames) == 4 and all(" (unsigned)" in line for line in frames)
    check_harmless(attacked, builderctl(attacked, "reply", "msg_2", "Seen."))
    check_harmless(attacked, builderctl(attacked, "ack", "msg_2"))


def test_the_logs(attacked: Builders) -> None:
    with service(attacked, "build1") as running:
        running.next_beat()
        mail, beats = running.log("build-messages"), running.log()
    check_harmless(attacked, "\n".join([*mail, *beats]))
    heads = [line for line in mail if not line.startswith("    | ") and line != "    |"]
    assert len(heads) == 4 and all(re.search(r", unsigned\)(?: Other members: \{.*\})?$", line) for line in heads)
    assert not any("forged" in line for line in beats)
    assert builderctl(attacked, "health", "--summary").count("\n") < 20


@pytest.mark.parametrize("name", ["terminal", "frame", "jinja", "yaml"])
def test_ansible_and_its_plays(builders: Builders, tmp_path: Path, name: str) -> None:
    value = ATTACKS[name].replace("MARKER", str(builders.folder / "marker"))
    for path, document in spread(value).items():
        builders.commit(path, json.dumps(document).encode())
    play = tmp_path / "play.yml"
    tasks: list[dict[str, Any]] = [
        {"acs.builders.build_message": {"unread": False}, "register": "inbox"},
        {"ansible.builtin.debug": {"var": "inbox.messages"}},
        {"ansible.builtin.debug": {"msg": "{{ item.subject }} of {{ item.from }}"}, "loop": "{{ inbox.messages }}"},
        {"acs.builders.build_heartbeat_fact": {}},
        {"ansible.builtin.debug": {"var": "ansible_facts.build_heartbeat"}},
    ]
    places = {"repo": "{{ builders_repo }}", "state_dir": "{{ builders_state_dir }}"}
    common = {"gather_facts": False, "module_defaults": {"group/acs.builders.builders": places}}
    play.write_text(json.dumps([{"hosts": "build1", **common, "tasks": tasks}]))
    listed = ad_hoc(builders.folder, "build1", "build_message")
    played = ansible("playbook", play, "playbooks/health.yml", folder=builders.folder)
    assert "Fail if a server is stale" in played.stdout, played.output
    for done in (listed, played):
        assert "Traceback" not in done.output and "012345678" not in done.output
        check_harmless(builders, done.output)
