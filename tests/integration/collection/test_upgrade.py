"""Test that this version continues with the data of version 0.1.0: keys, ledgers, outbox, numbers, unread mail.

tests/fixtures/installed-0.1.0/make.sh created the data by running that version.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, as_operator
from ansible_collections.acs.builders.tests.builders import Builders

FIXTURE = TOP / "tests" / "fixtures" / "installed-0.1.0"
EXPECTED: dict[str, Any] = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
SERVERS = tuple(EXPECTED)
PLACE = "/mnt/acs-builders"
"""The folder in which the data was created; its files contain this path."""


class Upgraded:
    """The two servers, mounted at the paths with which they were created.

    :param folder: their real folder.
    :param run: runs a script with these mounts.
    """

    def __init__(self, folder: Path, run: Callable[[str], Run]) -> None:
        self.builders = Builders(folder / "acs-builders", SERVERS)
        self._run, self._folder = run, folder

    def run(self, script: str) -> Run:
        """Run a script on the controller."""
        done = self._run(
            f"mount --bind {self._folder} /mnt\n"
            f"export ACS_BUILDERS_SCRATCH={PLACE} ANSIBLE_INVENTORY=inventory/local.yml\n"
            'export PYTHONPATH="$PYTHONPATH:collections"\n'
            "builderctl() { python -m ansible_collections.acs.builders.plugins.module_utils.builderctl.cli"
            ' --config "/mnt/$server.json" "$@"; }\n' + script
        )
        assert done.code == 0, done.output
        return done

    def ctl(self, server: str, words: str) -> dict[str, Any]:
        """Run builderctl on a server, and return its result, also for invalid input."""
        done = self.run(f"server={server}; builderctl {words} --json || [ $? -le 2 ]")
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def record(self) -> dict[str, Any]:
        """Return the record of trusted keys at the controller."""
        record: dict[str, Any] = json.loads((self.builders.folder / "signers.json").read_text(encoding="utf-8"))
        return record

    def state(self, server: str, name: str) -> Any:
        """Return a file of the state directory."""
        return json.loads((self.builders.state(server) / name).read_text(encoding="utf-8"))


@pytest.fixture
def upgraded(builders: Builders, covered: list[str], tmp_path: Path) -> Upgraded:
    """Return the two servers after a set-up by this version."""
    folder = tmp_path / "installed"
    with tarfile.open(FIXTURE / "state.tar.gz") as opened:
        opened.extractall(folder, filter="fully_trusted")
    for server in SERVERS:
        paths = {"repo": f"{PLACE}/{server}/Build", "state_dir": f"{PLACE}/{server}/state"}
        (folder / f"{server}.json").write_text(json.dumps({**paths, "log_folder": f"/mnt/{server}"}))
        (folder / server).mkdir()
    servers = Upgraded(folder, lambda script: as_operator(covered, builders, script))
    keys = {path: path.read_bytes() for path in servers.builders.folder.glob("*/state/signing_key")}
    record = servers.record()
    assert len(keys) == len(SERVERS)
    servers.run("ansible-playbook setup.yml")
    assert {path: path.read_bytes() for path in servers.builders.folder.glob("*/state/signing_key")} == keys
    assert record["repository"] == servers.record()["repository"]
    assert all(signer in servers.record()["signers"] for signer in record["signers"])
    return servers


def test_what_0_1_0_has_left_goes_on(upgraded: Upgraded) -> None:
    listed = upgraded.state("build1", "listed.json")["ids"]
    handle = re.search(r"(@\w+) \(1 before the upgrade\)", upgraded.ctl("build1", "mark-read")["message"])
    assert handle
    check_unread_mail(upgraded)
    check_outbox(upgraded)
    upgraded.ctl("build1", f"mark-read {handle.group(1)}")
    unread = {message["id"] for message in upgraded.ctl("build1", "read")["messages"]}
    assert set(EXPECTED["build1"]["unread"]) - unread == set(listed), "the last list of 0.1.0 is marked"
    sent = upgraded.ctl("build1", "send --to build2 'After the upgrade' 'It has the next number.'")["messages"][0]
    assert upgraded.builders.messages()[-1]["seq"] == EXPECTED["build1"]["queued"][-1]["seq"] + 1
    (seen,) = [one for one in upgraded.ctl("build2", "read")["messages"] if one["id"] == sent["id"]]
    assert seen["verified"] == "true"
    assert upgraded.ctl("build2", "status success")["status"]["last_build"]["id"] == "job_7"
    for server in SERVERS:
        health = json.dumps(upgraded.ctl(server, "health"))
        assert not re.search("never came|was deleted|is not its own|not verified|is not trusted", health), health


def check_unread_mail(upgraded: Upgraded) -> None:
    """Check that each server has its unread messages, and those that the other one delivered since."""
    queued = {one["id"] for expected in EXPECTED.values() for one in expected["queued"]}
    for server, expected in EXPECTED.items():
        unread = upgraded.ctl(server, "read")
        assert [one["id"] for one in unread["messages"] if one["id"] not in queued] == expected["unread"]
        assert unread["unread_count"] == len(unread["messages"])
        assert {message["verified"] for message in unread["messages"]} == {"true"}


def check_outbox(upgraded: Upgraded) -> None:
    """Check that messages queued by 0.1.0 arrive once, with their numbers, and that heartbeat numbers continue."""
    for server, expected in EXPECTED.items():
        upgraded.run(f"server={server}; builderctl heartbeat --once")
        assert upgraded.ctl(server, "outbox")["waiting"] == []
        assert upgraded.state(server, "sequence.json")["sequence"] == expected["heartbeat"] + 2, "the set-up beats too"
    messages = upgraded.builders.messages()
    for server, expected in EXPECTED.items():
        sent = [(one["seq"], one["id"]) for one in messages if one["from"] == server]
        assert [number for number, _id in sent] == list(range(1, len(sent) + 1)), "all numbers, in order"
        assert sent[-1:] == [(one["seq"], one["id"]) for one in expected["queued"]]
    (marked,) = [one for one in messages if one["subject"] == "Build failed"]
    assert (marked["read_by"], marked["acknowledged_by"]) == (["build2"], ["build2"])
