"""Test the setup playbook on servers that are already set up."""

from __future__ import annotations

import re

from ansible_collections.acs.builders.tests.cluster.beats import beats_again, configured
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host

STARTED = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf UNIT=build-heartbeat.service"
"""The entries that systemd writes to the journal when the service has started (systemd.journal-fields(7))."""


def starts(host: Host) -> int:
    """Count the starts of the service since the host booted."""
    journal: str = host.check_output(f"journalctl --sync; journalctl --boot --quiet --output cat {STARTED}")
    return len(journal.splitlines())


def changes(output: str) -> dict[str, int]:
    """Count the changed tasks of each server."""
    return {server: int(count) for server, count in re.findall(r"^(build\d) .*changed=(\d+)", output, re.MULTILINE)}


def test_a_changed_variable_restarts_the_service_once(rig: Rig, build1: Host) -> None:
    changed = ("setup.yml", "--limit", "build1", "--extra-vars", '{"build_heartbeat_interval": 29}')
    with configured(rig, "build1"):
        before = starts(build1)
        assert changes(rig.playbook(*changed)[1]) == {"build1": 2}
        assert starts(build1) == before + 1
        assert beats_again(rig, "build1")["interval_seconds"] == 29


def test_check_mode_changes_nothing_where_something_would_change(rig: Rig, build1: Host) -> None:
    before, interval = starts(build1), beats_again(rig, "build1")["interval_seconds"]
    changed = ("setup.yml", "--limit", "build1", "--extra-vars", '{"build_heartbeat_interval": 3}', "--check", "--diff")
    _code, output = rig.playbook(*changed)
    assert changes(output)["build1"] > 0
    assert '+  "interval": 3,' in output
    assert starts(build1) == before
    assert beats_again(rig, "build1")["interval_seconds"] == interval


def test_the_controller_never_prints_the_token(rig: Rig, build1: Host, build2: Host) -> None:
    old, new = rig.token, rig.rotate_token()
    _code, output = rig.playbook("setup.yml", "-vvvv", "--diff", "--extra-vars", "build_pat_verify=true")
    assert all(count > 0 for count in changes(output).values())
    for token in (old, new):
        assert token not in output
    for server, host in (("build1", build1), ("build2", build2)):
        assert host.file("/PAT").content_string.strip() == new
        beats_again(rig, server)


def test_a_token_that_the_git_host_refuses_replaces_no_good_one(rig: Rig, build1: Host) -> None:
    wrong = "ghp_" + "x" * 36
    variables = '{"build_pat_source_file": "", "build_pat_source_environment": "WRONG", "build_pat_verify": true}'
    code, output = rig.playbook("setup.yml", "-l", "build1", "-e", variables, check=False, WRONG=wrong)
    assert code != 0 and "does not accept a push with this token" in output
    assert wrong not in output
    assert build1.file("/PAT").content_string.strip() == rig.token
    beats_again(rig, "build1")


def test_a_server_is_not_set_up_as_another(rig: Rig, build1: Host) -> None:
    """The setup fails if the inventory has the address of another server."""
    code, output = rig.playbook("setup.yml", "-l", "build2", "-e", "ansible_host=198.51.100.11", check=False)
    assert code != 0 and "The host name ll-ACSBuilder1 belongs to build1 in the inventory" in output
    assert build1.file("/etc/build_server_id").content_string.strip() == "build1"
    assert beats_again(rig, "build1")["server"] == "build1"
