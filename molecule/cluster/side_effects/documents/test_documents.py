"""Run every command of the pages for operators and agents on booted servers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import served
from ansible_collections.acs.builders.tests.cluster.beats import beats_again, heartbeat, send, settled
from ansible_collections.acs.builders.tests.cluster.rig import TOP, Rig

COMMAND = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


REFUSED = {
    "builderctl health": "",
    "builderctl health --dismiss 1f2e3d4c": "There is no alarm '1f2e3d4c'",
    "builderctl health --restore 1f2e3d4c": "There is no alarm '1f2e3d4c'",
    "builderctl alerts --test": "No way to send alerts is configured",
}
"""The commands that may fail on these hosts, with their errors: the hosts have no alarms and no ways of alerts."""
SET_UP = "ansible-playbook setup.yml"
"""The command of an upgrade, which is run to set a removed server up again."""
ELSEWHERE = "ansible-rulebook "
"""The start of a command that another test runs with the real program (tests/rulebook)."""


def commands(text: str) -> list[str]:
    """Return the lines of the shell blocks of a page."""
    lines = [line.strip() for block in COMMAND.findall(text) for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(ELSEWHERE)]


@pytest.fixture
def operator(rig: Rig, tmp_path: Path) -> dict[str, str]:
    """Return the environment of an operator with the token in the home folder."""
    (tmp_path / "build-token").write_text(f"{rig.token}\n")
    rig.make_package("libmysqlclient-dev", "8.0.36-1")  # the page installs it
    return {**rig.operator(), **served(), "HOME": str(tmp_path)}


def test_the_page_for_agents(rig: Rig) -> None:
    lines = commands(rig.ssh("build2", "builderctl guide").stdout)
    assert len(lines) >= 15
    asked = send(rig, "build1", "send --to build2 --type request --require-ack 'From the page' 'Which Git?'")["id"]
    for line in lines:
        done = rig.ssh("build2", line.replace("MESSAGE_ID", asked), check=False)
        unhealthy = done.returncode == 1 and line == "builderctl health" and "Problem: " in done.stdout
        assert done.returncode == 0 or unhealthy, f"{line}: {done.stdout}{done.stderr}"
    (answer,) = [message for message in settled(rig) if message.get("in_reply_to") == asked]
    assert (answer["from"], answer["to"], answer["facts"][0]["value"]) == ("build2", "build1", "2.39.5")
    (question,) = [message for message in settled(rig) if message["id"] == asked]
    assert (question["read_by"], question["acknowledged_by"]) == (["build2"], ["build2"])


def test_the_page_for_operators(rig: Rig, operator: dict[str, str]) -> None:
    lines = commands((TOP / "docs" / "operations.md").read_text(encoding="utf-8"))
    assert len(lines) >= 10
    lines.remove(SET_UP)
    ready = len([message for message in settled(rig) if message["subject"] == "Ready"])
    for line in lines:
        if "ansible" not in line:
            done = rig.ssh("build2", line.replace("MESSAGE_ID", settled(rig)[-1]["id"]), check=False)
            refusal = REFUSED.get(line)
            is_refused = refusal is not None and refusal in done.stderr
            assert done.returncode == 0 or is_refused, f"{line}: {done.stdout}{done.stderr}"
            continue
        run(rig, line, operator)
        if "remove_data=true" in line:
            check_that_nothing_is_left(rig)
            run(rig, SET_UP, operator)  # all servers, since build2 has a new key
    beats_again(rig, "build2")
    announced = [message for message in settled(rig) if message["subject"] == "Ready"]
    assert len(announced) == ready + 1, "a server that was removed and set up again is announced again"


def run(rig: Rig, line: str, operator: dict[str, str]) -> None:
    """Run a command of the page at the controller."""
    shell = subprocess.run(["sh", "-c", line], cwd=TOP, env=operator, capture_output=True, text=True, check=False)
    assert shell.returncode == 0, f"{line}: {shell.stdout}{shell.stderr}"
    assert rig.token not in shell.stdout + shell.stderr


def check_that_nothing_is_left(rig: Rig) -> None:
    """Check that nothing of this project is left on build2, and build1 is unchanged."""
    places = "/PAT /root/Build /var/lib/acs-builders /etc/build_server_id /etc/acs-builders /usr/local/lib/acs-builders"
    places += " /usr/local/bin/builderctl /etc/systemd/system/build-heartbeat.service /var/log/acs-builders"
    places += " /var/log/heartbeat.log /var/log/heartbeat-build2.log /var/log/build-messages-build2.log"
    places += " /etc/logrotate.d/acs-builders /etc/update-motd.d/60-acs-builders"
    places += " /usr/local/share/bash-completion/completions/builderctl /usr/local/share/zsh/site-functions/_builderctl"
    places += " /usr/local/share/man/man1/builderctl.1"
    assert rig.ssh("build2", f"ls -d {places} 2>/dev/null", check=False).stdout == ""
    assert rig.ssh("build2", "systemctl is-active build-heartbeat", check=False).stdout.strip() == "inactive"
    assert heartbeat(rig, "build2") == {}
    beats_again(rig, "build1")
