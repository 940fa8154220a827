"""Test the role build_trust: every server has its own key, and all have the same trusted keys."""

from __future__ import annotations

import json
import re
import shutil
import socket
import stat
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import TASKS, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders, make_builders


class Operator:
    """The controller, with an inventory of servers on this machine and the record beside it."""

    def __init__(self, builders: Builders) -> None:
        self.builders = builders
        self.folder = builders.folder / "inventory"
        self.folder.mkdir(exist_ok=True)
        self.record = self.folder / "signers.json"
        self.members = list(builders.ids)
        self.offline: dict[str, int] = {}
        """Unreachable servers, each with a port at which nothing listens."""

    def play(self, *arguments: str, **variables: str | Path) -> Run:
        """Run playbooks/trust.yml on the members."""
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "builders_remote_embedded": True,
        }
        hosts = {name: {"builders_state_dir": str(self.builders.state(name))} for name in self.members}
        for name, port in self.offline.items():
            hosts[name] |= {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": str(port)}
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"builders": {"hosts": hosts, "vars": common}}))
        options: dict[str, Any] = {"inventory": inventory, **TASKS, **variables}
        playbook = options.pop("playbook", "playbooks/trust.yml")
        return ansible("playbook", playbook, *arguments, folder=self.builders.folder, **options)

    def set_up(self, *arguments: str, **variables: str) -> Run:
        """Run the play, which must succeed."""
        done = self.play(*arguments, **variables)
        assert done.code == 0, done.output
        return done

    def signers(self, server: str) -> list[dict[str, Any]]:
        """Return the keys of a server in the record of the controller."""
        return [one for one in json.loads(self.record.read_text())["signers"] if one["server"] == server]

    def key(self, server: str) -> Path:
        """Return the path of the private key of a server."""
        return self.builders.state(server) / "signing_key"

    def installed(self, server: str) -> Any:
        """Return the record installed on a server."""
        return json.loads((self.builders.state(server) / "signers.json").read_text())


class FirstSetUp(NamedTuple):
    """Two servers after their first set-up, and its runs with and without check mode."""

    builders: Builders
    checked: Run
    done: Run


@pytest.fixture(scope="module")
def first_set_up(tmp_path_factory: pytest.TempPathFactory) -> FirstSetUp:
    """Return two servers after their first set-up, to copy."""
    operator = Operator(make_builders(tmp_path_factory.mktemp("begun")))
    checked = operator.set_up("--check", "--diff")
    assert not operator.record.exists() and not operator.key("build1").exists()
    return FirstSetUp(operator.builders, checked, operator.set_up("--diff"))


@pytest.fixture
def builders(first_set_up: FirstSetUp, tmp_path: Path) -> Builders:
    """Return two servers that were set up."""
    return first_set_up.builders.copy_to(tmp_path)


@pytest.fixture
def operator(builders: Builders) -> Operator:
    """Return the operator of these servers."""
    return Operator(builders)


@pytest.fixture
def new_operator(tmp_path: Path) -> Operator:
    """Return the operator of two servers without keys."""
    return Operator(make_builders(tmp_path))


def changes(done: Run) -> list[int]:
    """Return the number of changed tasks of each host, in order."""
    return [int(changed) for changed in re.findall(r"^\S+\s+: ok=.*\bchanged=(\d+)", done.stdout, re.MULTILINE)]


def refusal(done: Run) -> str:
    """Return the output of a play, which must fail, on one line."""
    assert done.code != 0 and "Traceback" not in done.output, done.output
    return " ".join(done.output.replace("\\n", " ").replace('\\"', '"').split())


def kept(builders: Builders, operator: Operator) -> dict[str, str]:
    """Return the content of all files that the play may write."""
    folders = [operator.folder, *(builders.state(server) for server in builders.ids)]
    names = ("signers.json", "signing_key", "signing_key.new", "signing_key.new.pub")
    files = [folder / name for folder in folders for name in names]
    return {str(file): file.read_text() for file in files if file.exists()}


def verifications(builders: Builders, server: str) -> list[tuple[str, bool]]:
    """Return how a server verifies the messages to it."""
    with builders.host(server) as host:
        return [(one["verified"], one["actionable"]) for one in list_messages(host, Filter(unread=False)).messages]


def test_servers_get_keys_and_trust_each_other(
    first_set_up: FirstSetUp, builders: Builders, operator: Operator
) -> None:
    assert "PRIVATE KEY" not in first_set_up.checked.output + first_set_up.done.output + operator.record.read_text()
    assert '"server": "build1"' in first_set_up.done.stdout
    for server in builders.ids:
        assert stat.S_IMODE(operator.key(server).stat().st_mode) == 0o600
        assert not operator.key(server).with_name("signing_key.new.pub").exists()
        assert operator.installed(server) == json.loads(operator.record.read_text())
        (signer,) = operator.signers(server)
        assert signer["valid_until"] is None and len(signer["key"].split()) == 2
    assert operator.key("build1").read_bytes() != operator.key("build2").read_bytes()
    with builders.host("build1") as host:
        send(host, Draft("Hello", "Hi"))
    assert verifications(builders, "build2") == [("true", True)]
    operator.key("build1").chmod(0o644)
    assert sum(changes(operator.set_up("--check"))) == 1, "a key that others can read does not fail check mode"
    assert sum(changes(operator.set_up())) == 1, "only the mode"
    assert stat.S_IMODE(operator.key("build1").stat().st_mode) == 0o600


def test_new_keys_for_a_server_and_for_one_that_had_left(builders: Builders, operator: Operator) -> None:
    (first,) = operator.signers("build2")
    repository = operator.installed("build1")["repository"]
    for server in builders.ids:
        with builders.host(server) as host:
            send(host, Draft("Before", "Hi"))
    operator.members = ["build1"]
    operator.set_up()
    (left,) = operator.signers("build2")
    assert left["valid_until"] is not None and left == {**first, "valid_until": left["valid_until"]}
    assert verifications(builders, "build1") == [("true", False)]
    operator.members = ["build1", "build2"]
    assert "build_trust_rotate=build2" in refusal(operator.play()), "its old key stays ended"

    old = {server: operator.key(server).read_bytes() for server in builders.ids}
    (operator.key("build1").parent / "signing_key.new").write_text("left by an interrupted run")
    files, both = kept(builders, operator), ("-e", "build_trust_rotate=build1,build2")
    assert sum(changes(operator.set_up("--check", "--diff", *both))) > 0 and kept(builders, operator) == files
    operator.set_up(*both)
    assert all(operator.key(server).read_bytes() != old[server] for server in builders.ids)
    ended, valid = operator.signers("build1")
    assert ended["valid_until"] == valid["valid_from"] and valid["valid_until"] is None
    assert [one["valid_until"] is None for one in operator.signers("build2")] == [False, True]
    assert operator.signers("build2")[0] == left
    assert operator.installed("build2") == operator.installed("build1") == json.loads(operator.record.read_text())
    assert operator.installed("build2")["repository"] == repository
    with builders.host("build1") as host:
        send(host, Draft("After", "Hi"))
    assert verifications(builders, "build2") == [("true", False), ("true", True)], "old messages can still be verified"


def test_a_limited_run_knows_who_was_left_out_before(new_operator: Operator) -> None:
    divided, only = "The fleet is divided: build1 did not take part", ("--limit", "build2")
    first = new_operator.play(*only, "-e", "strict=true")
    assert first.code != 0 and not new_operator.key("build1").exists() and new_operator.installed("build2")
    assert divided in refusal(first).rpartition("TASK [")[2]
    for mode in ((), ("--check",)):
        again = new_operator.play(*only, "-e", "strict=true", *mode)
        assert divided in refusal(again).rpartition("TASK [")[2] and changes(again) == [0]
    assert divided.replace("build1", "build2") in " ".join(new_operator.set_up("--limit", "build1").stdout.split())
    ended = new_operator.set_up(*only, "-e", "strict=true")
    assert "The fleet is divided" not in ended.stdout and changes(ended) == [2], (
        "the record and the note that it is installed"
    )


def test_a_note_that_says_nothing_counts_as_unknown(operator: Operator) -> None:
    note = operator.folder / "signers-installed.txt"
    assert [line.split()[1] for line in note.read_text().splitlines()] == ["build1", "build2"]
    note.write_text("\0{\n" + note.read_text().replace("build1", ""))
    error = refusal(operator.play("--limit", "build2", "-e", "strict=true"))
    assert "build1 did not take part, and may not have the newest record" in error
    assert [line.split()[1] for line in note.read_text().splitlines()] == ["build2"]
    operator.set_up("-e", "strict=true")
    assert changes(operator.set_up("--limit", "build2", "-e", "strict=true")) == [0]


def test_a_server_that_is_offline_is_named_at_the_end(new_operator: Operator) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        for server in new_operator.builders.ids:
            new_operator.offline = {server: silent.getsockname()[1]}
            done = new_operator.play("-e", "build_trust_rotate=build1,build2", "-e", "strict=true")
            assert f"The fleet is divided: {server} did not take part" in refusal(done).rpartition("TASK [")[2]
            assert re.search(rf"^{server}\s+: .*\bunreachable=1\b", done.stdout, re.MULTILINE), done.stdout
    assert new_operator.installed("build1") != new_operator.installed("build2")
    new_operator.offline = {}
    new_operator.set_up()
    assert (
        new_operator.installed("build1")
        == new_operator.installed("build2")
        == json.loads(new_operator.record.read_text())
    )


def test_another_strategy_divides_no_fleet(new_operator: Operator) -> None:
    new_operator.set_up("--forks", "1", ANSIBLE_STRATEGY="free")
    assert (
        new_operator.installed("build1")
        == new_operator.installed("build2")
        == json.loads(new_operator.record.read_text())
    )
    assert [len(new_operator.signers(server)) for server in new_operator.builders.ids] == [1, 1]
    before, playbook = new_operator.key("build2").read_bytes(), new_operator.folder / "play.yml"
    play = {"hosts": "builders", "gather_facts": False, "throttle": 1, "roles": ["acs.builders.build_trust"]}
    playbook.write_text(json.dumps([{**play, "vars": {"build_trust_rotate": ["build2"]}}]))
    done = new_operator.play(playbook=playbook)
    assert done.code == 0 and new_operator.key("build2").read_bytes() != before, done.output
    assert (
        new_operator.installed("build1")
        == new_operator.installed("build2")
        == json.loads(new_operator.record.read_text())
    )


@pytest.mark.parametrize(
    ("keyword", "expected"), [({"serial": 1}, "remove serial from"), ({"strategy": "free"}, "linear")]
)
def test_a_play_that_takes_the_servers_one_by_one_is_reported(
    new_operator: Operator, keyword: dict[str, Any], expected: str
) -> None:
    play = {"hosts": "builders", "gather_facts": False, "roles": ["acs.builders.build_trust"], **keyword}
    playbook = new_operator.folder / "play.yml"
    playbook.write_text(json.dumps([play]))
    assert expected in refusal(new_operator.play(playbook=playbook, ANSIBLE_FORKS="1")).lower()
    assert not (new_operator.record.exists() and len(json.loads(new_operator.record.read_text())["signers"]) == 2)


def test_a_host_that_cannot_be_a_server_is_refused_before_anything_is_written(new_operator: Operator) -> None:
    new_operator.members = ["build1", "build_3"]
    error = refusal(new_operator.play())
    assert "'build_3' is not a server id." in error and "Nothing was written to any server" in error
    assert kept(new_operator.builders, new_operator) == {}


def test_a_limit_leaves_the_others_and_says_so(operator: Operator) -> None:
    before, key = operator.signers("build1"), operator.key("build1").read_bytes()
    rotated = operator.set_up("--limit", "build2", "-e", '{"build_trust_rotate": ["build2"]}')
    assert operator.signers("build1") == before and "build1 did not take part" in rotated.stdout
    assert operator.installed("build2") != operator.installed("build1")
    assert operator.key("build1").read_bytes() == key
    operator.set_up()
    assert operator.installed("build2") == operator.installed("build1")


def test_a_lost_record_is_not_created_again(operator: Operator) -> None:
    record = operator.record.read_text()
    operator.record.unlink()
    lost = operator.play()
    assert lost.code != 0 and "Restore the file" in lost.output and not operator.record.exists()
    operator.set_up("-e", "build_trust_adopt=true")
    assert operator.record.read_text() == record
    operator.record.unlink()
    other = operator.installed("build2") | {"signers": []}
    (operator.key("build2").parent / "signers.json").write_text(json.dumps(other))
    assert "The records of the servers differ" in refusal(operator.play("-e", "build_trust_adopt=true"))
    assert not operator.record.exists()


def test_what_is_damaged_is_reported_and_left_and_has_a_way_back(builders: Builders, operator: Operator) -> None:
    record, installed = operator.record.read_text(), operator.installed("build1")
    operator.record.write_text("")
    error = refusal(operator.play())
    assert "is not JSON" in error and "version control" in error
    assert operator.record.read_text() == "" and operator.installed("build1") == installed
    assert "-e build_trust_adopt=true" in error
    operator.set_up("-e", "build_trust_adopt=true")
    assert operator.record.read_text() == record
    operator.key("build1").write_text("rubbish\n")
    files = kept(builders, operator)
    error = refusal(operator.play())
    assert "The signing key of build1 cannot be read" in error and "build_trust_rotate=build1" in error
    assert kept(builders, operator) == files


def test_a_copied_host_is_refused_until_it_is_set_up_again(builders: Builders, operator: Operator) -> None:
    record = operator.record.read_text()
    (old,) = operator.signers("build2")
    shutil.copy2(operator.key("build1"), operator.key("build2"))
    error = refusal(operator.play())
    assert "build2 has the signing key of build1" in error and "build_trust_rotate=build2" in error
    assert operator.record.read_text() == record
    shutil.rmtree(builders.state("build2"))  # as a teardown does with remove_data=true
    operator.set_up()
    ended, valid = operator.signers("build2")
    assert (ended["key"], ended["valid_until"]) == (old["key"], valid["valid_from"])
    assert valid["valid_until"] is None and operator.installed("build1") == operator.installed("build2")


def test_a_rotation_of_a_server_that_is_not_reached_is_refused(builders: Builders, operator: Operator) -> None:
    files = kept(builders, operator)
    for arguments, name in (
        (["-e", "build_trust_rotate=biuld1"], "biuld1"),
        (["--limit", "build2", "-e", '{"build_trust_rotate": ["build2", "build1"]}'], "build1"),
        (["-e", "build_trust_rotate=build2, build1"], ""),  # Ansible uses only the part before the space
    ):
        assert f'build_trust_rotate names "{name}", which this run does not reach' in refusal(operator.play(*arguments))
    assert kept(builders, operator) == files


def test_a_host_without_ssh_keygen_is_reported(new_operator: Operator) -> None:
    programs = new_operator.builders.folder / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir", "chmod", "rm", "mv", "echo", "sleep", "cat", "git"):
        (programs / name).symlink_to(str(shutil.which(name)))
    assert "This host has no ssh-keygen" in refusal(new_operator.play(PATH=programs))
    assert kept(new_operator.builders, new_operator) == {}
