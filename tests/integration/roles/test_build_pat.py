"""Test the role build_pat: the sources of the token, its validation, and that it is never shown."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TASKS, Run, ansible
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.git_server import GitHost, git_host
from ansible_collections.acs.builders.tests.outage import closed_port

CLASSIC = "ghp_" + "C" * 36
FINE = "github_pat_" + "F" * 22 + "_" + "f" * 59
OLD = "ghp_" + "O" * 36
WRONG = "ghp_" + "W" * 36
OTHER = "glpat-" + "x" * 20
NO_TOKEN = r"has no valid token in \S+, .+build_pat_token.+build_pat_source_file.+ACS_UNSET"
ODD = {
    "archived": r"HTTP status 403.+not changed.+is archived. Unarchive it",
    "moved": r"HTTP status 301.+Set builders_remote_url to its new address: \S+/New\.git",
    "busy": r"HTTP status 429.+overloaded or fails. Run this again later",
}
BAD_FORM = "not in the format of a GitHub token"


@dataclass(frozen=True)
class Case:
    """A host in the inventory, on this machine.

    :param found: the content of its token file before.
    :param after: the token in the file afterwards; None if the role fails.
    :param reason: a pattern of the failure's message.
    """

    variables: dict[str, Any]
    found: bytes | None = None
    after: str | None = None
    changed: int = 0
    reason: str = ""


@contextmanager
def odd_hosts(folder: Path) -> Iterator[dict[str, str]]:
    """Run Git hosts that refuse every push, and yield their addresses by the reason."""
    with git_host(folder, answer=403) as archived, git_host(folder, answer=301) as moved:
        archived.words = "This repository was archived so it is read-only.\n"
        moved.headers = {"Location": f"{moved.url}/New.git"}
        with git_host(folder, answer=429) as busy:
            yield {"archived": archived.url, "moved": moved.url, "busy": busy.url}


def cases(folder: Path, remote: str, nowhere: str, odd: dict[str, str]) -> dict[str, Case]:
    """Return all hosts.

    :param nowhere: the address of a remote that refuses connections.
    :param odd: the addresses of :func:`odd_hosts`.
    """
    source = folder / "source"
    source.write_text(f"  {FINE}\n\n")
    two, pipe = folder / "source-of-two", folder / "source-pipe"
    two.write_text(f"{FINE}\n{CLASSIC}\n")
    os.mkfifo(pipe)
    os.mkfifo(folder / "pipe.PAT")
    (folder / "folder.PAT").mkdir()
    asked = {"build_pat_verify": True, "build_pat_url": remote}
    of_environment = {"build_pat_source_environment": "ACS_BUILDERS_PAT"}
    return {
        "variable": Case({"build_pat_token": CLASSIC, "build_pat_source_file": str(source)}, None, CLASSIC, 1),
        "file": Case({"build_pat_source_file": str(source), **of_environment}, None, FINE, 1),
        "environment": Case(of_environment, None, CLASSIC, 1),
        "rotated": Case({"build_pat_token": CLASSIC}, OLD.encode(), CLASSIC, 1),
        "same": Case({"build_pat_token": f"{CLASSIC}\n"}, f"{CLASSIC}\n".encode(), CLASSIC, 1),
        "kept": Case({}, OLD.encode(), OLD, 1),
        "blanks": Case({}, f"\r\n  {OLD} \r\n\n".encode(), OLD, 1),
        "mark": Case({"build_pat_token": f"\ufeff{CLASSIC}\r\n"}, b"\xef\xbb\xbf" + OLD.encode(), CLASSIC, 1),
        "other": Case({"build_pat_token": OTHER, "build_pat_allow_other_forms": True}, None, OTHER, 1),
        "accepted": Case({"build_pat_token": f"{CLASSIC} ", **asked}, OLD.encode(), CLASSIC, 1),
        "none": Case({}, None, reason=NO_TOKEN),
        "malformed": Case({}, f"export PAT={OLD}".encode(), reason=NO_TOKEN),
        "binary": Case({}, b"\xff\xfeg\0h\0p\0_\0" + OLD.encode(), reason=NO_TOKEN),
        "two": Case({}, f"{OLD}\n{OLD}\n".encode(), reason=r"two\.PAT contains 2 words, but a token is one word"),
        "source-of-two": Case(
            {"build_pat_source_file": str(two)}, OLD.encode(), reason="source-of-two contains 2 words"
        ),
        "source-pipe": Case({"build_pat_source_file": str(pipe)}, OLD.encode(), reason="source-pipe is a named pipe"),
        "pipe": Case({"build_pat_token": CLASSIC}, reason=r"pipe\.PAT is a named pipe, not a file"),
        "folder": Case({}, reason=r"folder\.PAT is a directory, not a file"),
        "foreign": Case({"build_pat_token": OTHER}, OLD.encode(), reason=BAD_FORM),
        "spaced": Case({"build_pat_token": f"{OTHER} {OTHER}", "build_pat_allow_other_forms": True}, reason=BAD_FORM),
        "control": Case({"build_pat_token": f"{CLASSIC}\x1b[0m", "build_pat_allow_other_forms": True}, reason=BAD_FORM),
        "no-file": Case({"build_pat_source_file": "/nonexistent/token"}, reason="/nonexistent/token does not exist"),
        "refused": Case({"build_pat_token": WRONG, **asked}, OLD.encode(), reason=r"HTTP status 401.+not changed"),
        "away": Case({"build_pat_token": WRONG, **asked, "build_pat_url": nowhere}, OLD.encode(), reason="no answer"),
        **{
            f"remote-{name}": Case(
                {"build_pat_token": CLASSIC, **asked, "build_pat_url": f"{url}/Build.git"},
                OLD.encode(),
                reason=ODD[name],
            )
            for name, url in odd.items()
        },
        "plain": Case({"build_pat_token": CLASSIC, "build_pat_url": "http://192.0.2.1/Build.git"}, reason="plain http"),
    }


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[GitHost]:
    """Return a Git host that accepts pushes with the classic token."""
    git("init", "--quiet", "--bare", tmp_path / "Build.git")
    git("config", "http.receivepack", "true", cwd=tmp_path / "Build.git")
    with git_host(tmp_path, token=CLASSIC) as host:
        yield host


def play(folder: Path, hosts: dict[str, Case], *arguments: str) -> Run:
    """Run the role on these hosts."""
    inventory, playbook = folder / "inventory.json", folder / "play.yml"
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "builders_remote_url": "https://git.example/Build.git",
        "builders_pat_file": f"{folder}/{{{{ inventory_hostname }}}}.PAT",
        "build_pat_source_environment": "ACS_UNSET",
    }
    builders = {"hosts": {name: case.variables for name, case in hosts.items()}, "vars": common}
    inventory.write_text(json.dumps({"builders": builders}))
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": ["acs.builders.build_pat"]}]))
    more = {"ACS_BUILDERS_PAT": CLASSIC, "ANSIBLE_FORKS": "8", "ANSIBLE_PIPELINING": "1", **TASKS}
    return ansible("playbook", playbook, *arguments, folder=folder, inventory=inventory, **more)


def recap(done: Run, count: str) -> dict[str, int]:
    """Return a count of the recap, by host."""
    found = re.findall(rf"^(\S+)\s+: ok=.*\b{count}=(\d+)", done.stdout, re.MULTILINE)
    return {host: int(number) for host, number in found}


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: needs root, because the token file belongs to root")
def test_the_token(tmp_path: Path, remote: GitHost) -> None:
    with odd_hosts(tmp_path) as odd, closed_port() as nowhere:
        check_the_token(tmp_path, cases(tmp_path, f"{remote.url}/Build.git/", nowhere, odd))


def check_the_token(tmp_path: Path, hosts: dict[str, Case]) -> None:
    """Run the role on all hosts, and check the result of each."""
    files = {name: tmp_path / f"{name}.PAT" for name in hosts}
    for name, case in hosts.items():
        if case.found is not None:
            files[name].write_bytes(case.found)
    before = {name: (file.read_bytes(), file.stat().st_mode) for name, file in files.items() if file.is_file()}

    def kept() -> dict[str, tuple[bytes, int]]:
        return {name: (file.read_bytes(), file.stat().st_mode) for name, file in files.items() if file.is_file()}

    predicted = ("variable", "kept", "refused")
    checked = play(tmp_path, hosts, "--check", "--diff", "--limit", ",".join(predicted))
    assert kept() == before
    done = play(tmp_path, hosts, "-vvvv", "--diff")
    good = {name: case for name, case in hosts.items() if case.after is not None}
    for name, case in hosts.items():
        if name in good:
            assert files[name].read_text().strip() == case.after, name
            assert files[name].stat().st_mode & 0o7777 == 0o600, name
        else:
            assert kept().get(name) == before.get(name), name
            (message,) = re.findall(
                rf"^fatal: \[{name}\]: FAILED! => (.*?)^(?=\S)", done.stdout, re.MULTILINE | re.DOTALL
            )
            assert re.search(case.reason, message), message
    assert recap(done, "changed") == {name: case.changed for name, case in hosts.items()}
    assert recap(done, "failed") == {name: int(name not in good) for name in hosts}
    assert recap(checked, "changed") == {name: hosts[name].changed for name in predicted}
    assert recap(checked, "failed") == {name: int(name not in good) for name in predicted}

    again = play(tmp_path, {name: hosts[name] for name in ("file", "kept")}, "--diff")
    assert recap(again, "changed") == {"file": 0, "kept": 0}
    for secret in (CLASSIC, FINE, OLD, WRONG, OTHER):
        assert secret not in checked.output + done.output + again.output
