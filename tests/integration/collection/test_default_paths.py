"""Test `ansible build1 -m build_message` without options on a server with the default paths."""

from __future__ import annotations

import os
import re

from ansible_collections.acs.builders.tests.ansible_runner import as_operator, send
from ansible_collections.acs.builders.tests.builders import Builders, git

TRACES = (
    *("/root/Build", "/var/lib/acs-builders", "/etc/acs-builders", "/etc/build_server_id"),
    *("/usr/local/bin/builderctl", "/usr/local/lib/acs-builders", "/var/log/acs-builders"),
)


def traces() -> list[tuple[str, int]]:
    """Return the default paths that exist, and their modification times."""
    return [(path, os.stat(path).st_mtime_ns) for path in TRACES if os.path.lexists(path)]


def test_build_message_alone_lists_the_unread_mail_of_build1(builders: Builders, covered: list[str]) -> None:
    send(builders, "build2", "for build1", to="build1")
    send(builders, "build2", "more urgent", to="build1", type="error")
    send(builders, "build1", "for build2", to="build2")
    read = send(builders, "build2", "read already", to="build1")
    before = traces()
    done = as_operator(
        covered,
        builders,
        f"""
        mkdir /root/noexec
        mount -t tmpfs -o noexec tmpfs /root/noexec
        export ANSIBLE_REMOTE_TMP=/root/noexec
        ansible-playbook setup.yml --limit build1 \
            --extra-vars "builders_remote_url=$REMOTE" --extra-vars "$SET_UP" >&2
        ansible build1 -m build_message -a "state=read ids={read}" >&2
        cat /etc/build_server_id /var/lib/acs-builders/fleet.json >&2
        git -C /root/Build config user.name >&2
        ansible build1 -m build_message
        """,
    )
    assert done.code == 0, done.output
    assert re.match(r"build1 \| SUCCESS => ", done.stdout), done.output
    assert [message["subject"] for message in done.result["messages"]] == ["more urgent", "for build1"]
    assert done.result["unread_count"] == 2
    assert re.search(r'^build1\n\{\n  "remote": ', done.stderr, re.MULTILINE), done.stderr
    assert traces() == before
    assert git("log", "-1", "--format=%an", "main", cwd=builders.remote) == "build1"


def test_a_host_that_was_not_set_up_says_so(builders: Builders, covered: list[str]) -> None:
    done = as_operator(covered, builders, "ansible build1 -m acs.builders.build_message")
    assert done.code != 0
    assert "Traceback" not in done.output
    assert done.result["reason"] == "identity"
    assert "setup.yml" in done.result["msg"]


def test_a_host_without_systemd_is_recovered_and_torn_down_once(builders: Builders, covered: list[str]) -> None:
    """It was set up with a name that is not a valid server id."""
    done = as_operator(
        covered,
        builders,
        """
        if [ -d /run/systemd ]; then mount -t tmpfs tmpfs /run/systemd; fi
        play() { ansible-playbook "$@" --limit build1 -e "builders_remote_url=$REMOTE" -e "$SET_UP"; echo ==; }
        echo build_1 > /etc/build_server_id
        play playbooks/recover.yml -e build_heartbeat_service=true
        cat /etc/build_server_id
        git -C /root/Build commit --quiet --allow-empty --message beat
        git -C /root/Build push --quiet origin HEAD:refs/heartbeats/build1
        play playbooks/teardown.yml
        play playbooks/teardown.yml
        ls -d /root/Build /var/lib/acs-builders
        """,
    )
    assert done.code == 0, done.output
    recovered, first, again, left = done.stdout.split("\n==\n")
    assert "Skipped on build1: the restart of the service, and the check of its heartbeat and its log." in recovered
    assert "The server has no service: build_heartbeat_service is false." in recovered and first.startswith("build1\n")
    assert "The fleet is divided: build2, operator did not take part" in " ".join(
        recovered.rpartition("TASK [")[2].split()
    )
    assert "changed=0" not in first and "changed=0" in again, again
    assert left.split() == ["/root/Build", "/var/lib/acs-builders"]


def test_a_set_up_with_a_variable_that_cannot_be_used_writes_nothing(builders: Builders, covered: list[str]) -> None:
    done = as_operator(
        covered,
        builders,
        """
        only_build2="builders_repo={{ 'Build' if inventory_hostname == 'build2' else '/root/Build' }}"
        for variable in build_heartbeat_interval=never build_heartbeat_timeout=0 "$only_build2"; do
            ansible-playbook setup.yml -e "builders_remote_url=$REMOTE" -e "$SET_UP" -e "$variable" || echo refused
        done
        """,
    )
    shown = " ".join(done.stdout.split())
    assert done.stdout.count("\nrefused\n") == 3 and re.findall(r"changed=([1-9])", shown) == [], done.output
    assert "build_heartbeat_interval" in shown and "whole numbers greater than 0" in shown
    assert "builders_repo is not an absolute path" in shown
