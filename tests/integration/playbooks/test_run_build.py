"""Test the play that runs a build, on embedded servers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.acs.builders.tests.ansible_runner import Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.waiting import LIMIT


def build(builders: Builders, command: str, *arguments: str, printed: Path | None = None, **variables: Any) -> Run:
    """Run a build on build1.

    :param printed: a file to which Ansible's output is also written.
    """
    extra = json.dumps({"job": "job_1", "command": command, "source": str(builders.folder), **variables})
    words = ("playbooks/run_build.yml", "-l", "build1", "-e", extra)
    options = {"ANSIBLE_LOG_PATH": printed} if printed else {}
    return ansible("playbook", *words, *arguments, folder=builders.folder, **options)


def test_a_build_is_watched_to_its_end(builders: Builders) -> None:
    printed = builders.folder / "printed"
    steps = f"until grep -qs 'last line: step' {printed}; do echo step $((n += 1)); sleep 1; done"
    done = build(builders, f"{steps}; echo x > a.deb", printed=printed, artifacts=["*.deb"], time_limit=LIMIT)
    assert done.code == 0, done.output
    assert "job_1 has been running for " in done.stdout and "last line: step " in done.stdout
    log = builders.folder / "build1" / "build-logs" / "job_1.log"
    assert log.read_text().startswith("step 1\n"), "embedded servers write only below their own folder"
    assert "job_1 success on build1 after " in done.stdout and "a.deb, 2 bytes, SHA-256 73cb3858" in done.stdout
    assert [entry["subject"] for entry in builders.messages()] == ["Build started: job_1", "Build succeeded: job_1"]


def test_a_build_that_fails_fails_the_play(builders: Builders) -> None:
    done = build(builders, "echo '{{ 7 * 7 }} no space left'; exit 3")
    assert done.code != 0 and "job_1 failed on build1: exit code 3." in done.output
    assert json.loads(builders.show("build1/status.json"))["last_build"]["exit_code"] == 3


def test_check_mode_builds_nothing(builders: Builders) -> None:
    done = build(builders, "touch built", "--check")
    assert done.code == 0, done.output
    assert not (builders.folder / "built").exists()


def test_a_command_that_lost_its_quotes_is_not_run(builders: Builders) -> None:
    words = ("-e", "job=x", "-e", f"source={builders.folder}", "-e", "command=touch built here")
    done = ansible("playbook", "playbooks/run_build.yml", *words, folder=builders.folder)
    assert done.code != 0 and "These words belong to no variable: built here." in done.output
    (advised,) = set(re.findall(r"-e '(\{.*?\})'", done.stdout))
    assert yaml.safe_load(advised) == {"command": "mvn verify"}
    assert not (builders.state("build1") / "job.json").exists()


def test_a_build_that_is_not_described_is_one_sentence(builders: Builders) -> None:
    done = ansible("playbook", "playbooks/run_build.yml", "-e", "job=x", folder=builders.folder)
    assert done.code != 0 and "The variables job, source and command are required." in done.output
    (advised,) = set(re.findall(r"-e '(\{.*?\})'", done.stdout))
    words = ("-e", advised, "--check")
    assert yaml.safe_load(advised).keys() == {"job", "source", "command"}
    done = ansible("playbook", "playbooks/run_build.yml", *words, folder=builders.folder)
    assert "The folder /root/cloudstack does not exist." in done.output, "the advised variables were not used"
