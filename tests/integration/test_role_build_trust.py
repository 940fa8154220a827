"""The role build_trust: every server has a key of its own, and all know whose keys are good."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.messages import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.sending import send
from ansible_collections.acs.builders.tests.ansible_runner import Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders


class Operator:
    """A person at the controller, with an inventory of servers on this machine and the record beside it."""

    def __init__(self, builders: Builders) -> None:
        self._builders = builders
        self.folder = builders.folder / "inventory"
        self.folder.mkdir()
        self.record = self.folder / "signers.json"
        self.members = list(builders.ids)

    def play(self, *arguments: str, **variables: str | Path) -> Run:
        """Run playbooks/trust.yml on the servers that there are."""
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "builders_remote_embedded": True,
        }
        hosts = {name: {"builders_state_dir": str(self._builders.state(name))} for name in self.members}
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"builders": {"hosts": hosts, "vars": common}}))
        options: dict[str, Any] = {"inventory": inventory, **variables}
        return ansible("playbook", "playbooks/trust.yml", *arguments, folder=self._builders.folder, **options)

    def set_up(self, *arguments: str) -> Run:
        """Run the play, which must succeed."""
        done = self.play(*arguments)
        assert done.code == 0, done.output
        return done

    def signers(self, server: str) -> list[dict[str, Any]]:
        """The keys of a server in the record of the controller."""
        return [one for one in json.loads(self.record.read_text())["signers"] if one["server"] == server]

    def key(self, server: str) -> Path:
        """Where the private key of a server is."""
        return self._builders.state(server) / "signing_key"

    def installed(self, server: str) -> Any:
        """The record that a server has."""
        return json.loads((self._builders.state(server) / "signers.json").read_text())


@pytest.fixture
def operator(builders: Builders) -> Operator:
    """The operator of two servers that have no keys yet."""
    return Operator(builders)


def changes(done: Run) -> list[int]:
    """How many tasks changed something, for each host in order."""
    return [int(changed) for changed in re.findall(r"^\S+\s+: ok=.*\bchanged=(\d+)", done.stdout, re.MULTILINE)]


def refusal(done: Run) -> str:
    """What a play that was refused says, in one line."""
    assert done.code != 0 and "Traceback" not in done.output, done.output
    return " ".join(done.output.replace("\\n", " ").replace('\\"', '"').split())


def kept(builders: Builders, operator: Operator) -> dict[str, str]:
    """All that the play may write, with what it holds."""
    folders = [operator.folder, *(builders.state(server) for server in builders.ids)]
    names = ("signers.json", "signing_key", "signing_key.new", "signing_key.new.pub")
    files = [folder / name for folder in folders for name in names]
    return {str(file): file.read_text() for file in files if file.exists()}


def verdicts(builders: Builders, server: str) -> list[tuple[str, bool]]:
    """What a server thinks of the messages to it."""
    with builders.host(server) as host:
        return [(one["verified"], one["actionable"]) for one in list_messages(host, Filter(unread=False)).messages]


def test_servers_get_keys_and_trust_each_other(builders: Builders, operator: Operator) -> None:
    checked = operator.set_up("--check", "--diff")
    assert not operator.record.exists() and not operator.key("build1").exists()
    first = operator.set_up("--diff")
    assert "PRIVATE KEY" not in checked.output + first.output + operator.record.read_text()
    assert '"server": "build1"' in first.stdout
    for server in builders.ids:
        assert stat.S_IMODE(operator.key(server).stat().st_mode) == 0o600
        assert not operator.key(server).with_name("signing_key.new.pub").exists()
        assert operator.installed(server) == json.loads(operator.record.read_text())
        (signer,) = operator.signers(server)
        assert signer["valid_until"] is None and len(signer["key"].split()) == 2
    assert operator.key("build1").read_bytes() != operator.key("build2").read_bytes()
    with builders.host("build1") as host:
        send(host, Draft("Hello", "Hi"))
    assert verdicts(builders, "build2") == [("true", True)]
    operator.key("build1").chmod(0o644)
    assert sum(changes(operator.set_up("--check"))) == 1, "a key that others can read hinders no check"
    assert sum(changes(operator.set_up())) == 1, "the mode alone"
    assert stat.S_IMODE(operator.key("build1").stat().st_mode) == 0o600
    assert changes(operator.set_up()) == [0, 0]


def test_one_run_gives_a_new_key(builders: Builders, operator: Operator) -> None:
    operator.set_up()
    with builders.host("build1") as host:
        send(host, Draft("Before", "Hi"))
    old, other = operator.key("build1").read_bytes(), operator.key("build2").read_bytes()
    repository = operator.installed("build1")["repository"]
    (operator.key("build1").parent / "signing_key.new").write_text("what an interrupted run has left")
    files = kept(builders, operator)
    checked = operator.set_up("--check", "--diff", "-e", "build_trust_rotate=build1")
    assert sum(changes(checked)) > 0 and kept(builders, operator) == files
    operator.set_up("-e", "build_trust_rotate=build1")
    assert operator.key("build1").read_bytes() != old and operator.key("build2").read_bytes() == other
    ended, valid = operator.signers("build1")
    assert ended["valid_until"] == valid["valid_from"] and valid["valid_until"] is None
    assert operator.installed("build2") == operator.installed("build1") == json.loads(operator.record.read_text())
    assert operator.installed("build2")["repository"] == repository
    with builders.host("build1") as host:
        send(host, Draft("After", "Hi"))
    assert verdicts(builders, "build2") == [("true", False), ("true", True)], "old messages can still be verified"
    assert changes(operator.set_up()) == [0, 0]


def test_a_server_that_left_the_inventory_is_not_trusted(builders: Builders, operator: Operator) -> None:
    operator.set_up()
    with builders.host("build2") as host:
        send(host, Draft("Before", "Hi"))
    operator.members = ["build1"]
    operator.set_up()
    (signer,) = operator.signers("build2")
    assert signer["valid_until"] is not None
    assert verdicts(builders, "build1") == [("true", False)]
    operator.members = ["build1", "build2"]
    back = operator.play()
    assert back.code != 0 and "build_trust_rotate=build2" in back.output, "its old key stays ended"
    operator.set_up("--check", "-e", "build_trust_rotate=build2")
    operator.set_up("-e", "build_trust_rotate=build2")
    assert [one["valid_until"] is None for one in operator.signers("build2")] == [False, True]


def test_a_limit_leaves_the_others_and_says_so(builders: Builders, operator: Operator) -> None:
    first = operator.set_up("--limit", "build2")
    assert not operator.key("build1").exists() and "build1 did not take part" in first.stdout
    operator.set_up()
    before = operator.signers("build1")
    rotated = operator.set_up("--limit", "build2", "-e", '{"build_trust_rotate": ["build2"]}')
    assert operator.signers("build1") == before and "build1 did not take part" in rotated.stdout
    assert operator.installed("build2") != operator.installed("build1")
    operator.set_up()
    assert operator.installed("build2") == operator.installed("build1")


def test_a_lost_record_is_not_made_anew(operator: Operator) -> None:
    operator.set_up()
    record = operator.record.read_text()
    operator.record.unlink()
    lost = operator.play()
    assert lost.code != 0 and "Restore the file" in lost.output and not operator.record.exists()
    operator.set_up("-e", "build_trust_adopt=true")
    assert operator.record.read_text() == record
    operator.record.unlink()
    other = operator.installed("build2") | {"signers": []}
    (operator.key("build2").parent / "signers.json").write_text(json.dumps(other))
    assert "what all of these servers have the same" in refusal(operator.play("-e", "build_trust_adopt=true"))
    assert not operator.record.exists()


def test_what_is_damaged_is_told_and_left(builders: Builders, operator: Operator) -> None:
    operator.set_up()
    record, installed = operator.record.read_text(), operator.installed("build1")
    for content, said in (("", "is not JSON"), ("{}", "is no record of signers")):
        operator.record.write_text(content)
        told = refusal(operator.play())
        assert said in told and "version control" in told
        assert operator.record.read_text() == content and operator.installed("build1") == installed
    operator.record.write_text(record)
    operator.key("build1").write_text("rubbish\n")
    files = kept(builders, operator)
    told = refusal(operator.play())
    assert "The signing key of build1 cannot be used" in told and "build_trust_rotate=build1" in told
    assert kept(builders, operator) == files


def test_a_copied_host_is_refused_until_it_is_set_up_anew(builders: Builders, operator: Operator) -> None:
    operator.set_up()
    record = operator.record.read_text()
    (old,) = operator.signers("build2")
    shutil.copy2(operator.key("build1"), operator.key("build2"))
    told = refusal(operator.play())
    assert "build2 has the signing key of build1" in told and "build_trust_rotate=build2" in told
    assert operator.record.read_text() == record
    shutil.rmtree(builders.state("build2"))  # as a teardown does with remove_data=true
    operator.set_up()
    ended, valid = operator.signers("build2")
    assert (ended["key"], ended["valid_until"]) == (old["key"], valid["valid_from"])
    assert valid["valid_until"] is None and operator.installed("build1") == operator.installed("build2")


def test_a_rotation_of_a_server_that_is_not_reached_is_refused(builders: Builders, operator: Operator) -> None:
    for arguments, name in (
        (["-e", "build_trust_rotate=biuld1"], "biuld1"),
        (["--limit", "build2", "-e", '{"build_trust_rotate": ["build2", "build1"]}'], "build1"),
        (["-e", "build_trust_rotate=build2, build1"], ""),  # Ansible takes what is before the blank
    ):
        assert f'build_trust_rotate names "{name}", which this run does not reach' in refusal(operator.play(*arguments))
    assert kept(builders, operator) == {}


def test_a_host_without_ssh_keygen_is_told(builders: Builders, operator: Operator) -> None:
    programs = builders.folder / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir", "chmod", "rm", "mv", "echo", "sleep", "cat", "git"):
        (programs / name).symlink_to(str(shutil.which(name)))
    assert "This host has no ssh-keygen" in refusal(operator.play(PATH=programs))
    assert kept(builders, operator) == {}
