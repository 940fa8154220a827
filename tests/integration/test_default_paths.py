"""`ansible build1 -m build_message`, with nothing else, on a server with the paths that a real one has."""

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
    """Which of the real paths are there, and since when."""
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
    assert "setup playbook" in done.result["msg"]
