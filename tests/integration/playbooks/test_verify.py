"""Test the last tasks of the set-up, which check the heartbeat of the service. A script replaces systemctl."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.running_service import COMMAND, config

SYSTEMCTL = """#!/bin/sh
test "$1" = show && printf 'LoadState=loaded\\nActiveState=active\\n'
test "$1" = reload || exit 0
rm -f "{state}/sequence.json"
PYTHONPATH={tests} exec {python} -m {command} --config {config} heartbeat --once
"""


def verify(builders: Builders) -> Run:
    """Run the tasks on build1."""
    programs, playbook = builders.folder / "bin", builders.folder / "verify.json"
    programs.mkdir(exist_ok=True)
    values = {"python": sys.executable, "command": COMMAND, "tests": TOP / "collections"}
    script = SYSTEMCTL.format(state=builders.state("build1"), config=config(builders, "build1"), **values)
    (programs / "systemctl").write_text(script)
    (programs / "systemctl").chmod(0o755)
    tasks = str(TOP / "playbooks" / "tasks" / "verify.yml")
    variables = {"verify_sequence": "{{ builders_state_dir }}/sequence.json"}
    task = {"ansible.builtin.include_tasks": tasks, "vars": variables}
    playbook.write_text(json.dumps([{"hosts": "build1", "gather_facts": False, "tasks": [task]}]))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return ansible("playbook", Path(playbook), folder=builders.folder, PATH=path)


@pytest.mark.parametrize("content", ["", "\0\ufffd", '{"from": ["2999"]}'])
def test_a_record_of_archiving_that_cannot_be_read_is_one_sentence(builders: Builders, content: str) -> None:
    record = builders.state("build1") / "archiving.json"
    record.write_text(content)
    done = verify(builders)
    assert done.code != 0 and "from_json" not in done.output
    sentence = f"{record} of build1 is damaged, so nothing is archived."
    assert sentence in " ".join(done.output.split()), done.output


def test_what_will_be_archived_for_the_first_time_is_reported(builders: Builders) -> None:
    (builders.state("build1") / "sequence.json").write_text("{")
    notice = {"announced_at": "2998-12-31T00:00:00Z", "from": "2999-01-01T00:00:00Z", "messages": 28}
    (builders.state("build1") / "archiving.json").write_text(f"{json.dumps(notice, indent=2)}\n")
    printed = " ".join(verify(builders).output.split())
    assert "From 2999-01-01T00:00:00Z on, build1 moves completed messages" in printed
    assert "coordination/archive, 28 of the messages" in printed
