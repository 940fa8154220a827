"""Test that a person with only the archive and its README can set up two servers and remove them again.

One of the servers has version 0.1.0, and is upgraded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import copy_checkout
from ansible_collections.acs.builders.tests.cluster import git_host
from ansible_collections.acs.builders.tests.cluster.beats import delivered, messages
from ansible_collections.acs.builders.tests.cluster.command import run
from ansible_collections.acs.builders.tests.cluster.lifecycle import add
from ansible_collections.acs.builders.tests.cluster.network import ADDRESSES, namespace
from ansible_collections.acs.builders.tests.cluster.places import TOP
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import LIMIT

OLD = TOP / "tests/fixtures/installed-0.1.0/acs-builders-0.1.0.tar.gz"
"""The archive of version 0.1.0."""
STATE = "var/lib/acs-builders"
REPOSITORY = "Theirs.git"
OWN = {
    "build1": "alpha",
    "build2": "beta",
    "192.0.2.11": ADDRESSES["alpha"],
    "192.0.2.12": ADDRESSES["beta"],
    "https://git.example/Build.git": f"https://{ADDRESSES['git']}/{REPOSITORY}",
}
"""The examples in README, and the values that the stranger uses instead."""
PLACES = (
    *("/PAT", "/root/Build", "/var/lib/acs-builders", "/var/log/acs-builders", "/usr/local/lib/acs-builders"),
    *("/etc/acs-builders", "/usr/local/bin/builderctl", "/etc/systemd/system/build-heartbeat.service"),
)
"""The files that the set-up writes on a server."""
AS_ROOT = 'mount --bind "$0" /etc/passwd && exec "$@"'
"""Run a command with another /etc/passwd, in which programs such as ssh look up the home folder."""


class Stranger:
    """A person in the network of a rig, with a new home folder.

    It contains an SSH key for the hosts, the keys of the hosts, the token, and an empty folder. Its path is short,
    since the path of a socket of ssh below it has at most 107 bytes (unix(7)).
    """

    def __init__(self, rig: Rig) -> None:
        home = rig.folder / "home"
        self.folder = home / "project"
        self.folder.mkdir(parents=True)
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(rig.folder / "ssh_key", home / ".ssh" / "id_ed25519")
        shutil.copy(rig.folder / "known_hosts", home / ".ssh")
        (home / "build-token").write_text(f"{rig.token}\n")
        passwd = home.with_name("passwd")
        passwd.write_text(f"root:x:0:0:root:{home}:/bin/sh\n")
        path = f"PATH={Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = (f"HOME={home}", path, f"ANSIBLE_TIMEOUT={LIMIT}")  # a busy host is slow to answer ssh
        network = ("nsenter", f"--net={namespace(rig.folder)}")
        self._enter = (*network, "unshare", "--mount", "sh", "-c", AS_ROOT, str(passwd), "env", "-i", *variables)

    def sh(self, *lines: str) -> str:
        """Run shell commands in the empty folder, and return their output."""
        done = subprocess.run(
            [*self._enter, "LC_ALL=C.UTF-8", "sh", "-euc", "\n".join(lines)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{lines[-1]}: {done.stdout}"
        return done.stdout


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return the archive of this checkout."""
    checkout = tmp_path / "checkout"
    copy_checkout(checkout)
    run(Path(sys.executable).with_name("ansible-galaxy"), "collection", "build", cwd=checkout)
    (built,) = checkout.glob("*.tar.gz")
    return built


@pytest.fixture
def section(archive: Path) -> str:
    """Return the section of README about the installed collection, with the values of the stranger."""
    with tarfile.open(archive) as opened:
        member = opened.extractfile("README.md")
        assert member
        text = member.read().decode()
    section = text.partition("\n## Use the installed collection\n")[2].partition("\n## ")[0]
    for example, own in OWN.items():
        assert example in section
        section = section.replace(example, own)
    return section


def blocks(section: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def use_0_1_0(rig: Rig, stranger: Stranger, setting: str, set_up: str) -> dict[str, bytes]:
    """Set up beta with version 0.1.0, let it send a message and queue another, and return its state.

    :param setting: the shell command that sets the inventory.
    :param set_up: the shell command that sets up the servers.
    """
    stranger.sh(f"ansible-galaxy collection install {OLD}")
    stranger.sh(setting, f"{set_up} --limit beta")
    rig.ssh("beta", "builderctl send --to alpha Delivered 'By version 0.1.0.'")
    rig.ssh("beta", "systemctl stop build-heartbeat")
    rig.ssh("git", "systemctl stop nginx")
    assert "ueued" in rig.ssh("beta", "builderctl send --to alpha Queued 'By version 0.1.0.'").stdout
    rig.ssh("git", "systemctl start nginx")
    return {name: (rig.machines["beta"].root / STATE / name).read_bytes() for name in ("signing_key", "sequence.json")}


def check_upgrade(rig: Rig, before: dict[str, bytes]) -> None:
    """Check that beta continues with the state of version 0.1.0.

    :param before: the result of :func:`use_0_1_0`.
    """
    state = rig.machines["beta"].root / STATE
    assert (state / "signing_key").read_bytes() == before["signing_key"]
    now, then = (
        json.loads(text)["sequence"] for text in ((state / "sequence.json").read_bytes(), before["sequence.json"])
    )
    assert now > then
    assert json.loads(rig.ssh("beta", "builderctl outbox --json").stdout)["waiting"] == []
    sent = [message for message in messages(rig, REPOSITORY) if message["from"] == "beta"]
    assert [message["seq"] for message in sent] == list(range(1, len(sent) + 1))
    subjects = [message["subject"] for message in sent]
    assert subjects.index("Delivered") < subjects.index("Queued") < subjects.index("Hello")
    listed = json.loads(rig.ssh("alpha", "builderctl read --json").stdout)["messages"]
    assert {message["verified"] for message in listed} == {"true"}
    assert {"Delivered", "Queued", "Hello"} <= {message["subject"] for message in listed}


def test_a_stranger_follows_the_page(rig: Rig, archive: Path, section: str) -> None:
    for name in ("alpha", "beta"):
        add(rig, name)
        print(f"{name}: {rig.versions(name)}")
    git_host.make_repository(rig.machines["git"], REPOSITORY)
    stranger = Stranger(rig)
    shutil.copy(archive, stranger.folder)
    (inventory,) = blocks(section, "yaml")
    (stranger.folder / "inventory.yml").write_text(inventory)
    (install,), (setting, *lines), (remove,) = (block.splitlines() for block in blocks(section, "sh"))
    before = use_0_1_0(rig, stranger, setting, lines[0])
    stranger.sh(install)
    output = {}
    for line in lines:
        output[line] = stranger.sh(setting, line)
        delivered(rig, "alpha", "beta")
    check_upgrade(rig, before)
    assert all(rig.token not in shown for shown in output.values())
    for name in ("alpha", "beta"):  # Git before 2.31 does not detect the branch of an empty repository
        assert rig.ssh(name, "git -C /root/Build symbolic-ref HEAD").stdout == "refs/heads/main\n"
    listed = next(shown for line, shown in output.items() if "build_message" in line)
    inboxes = dict(re.findall(r"^(\w+) \| SUCCESS => (\{.*?^\})", listed, re.MULTILINE | re.DOTALL))
    for server, partner in (("alpha", "beta"), ("beta", "alpha")):
        (hello,) = [one for one in json.loads(inboxes[server])["messages"] if one["subject"] == "Hello"]
        assert (hello["from"], hello["to"], hello["verified"]) == (partner, server, "true")
    stranger.sh(setting, remove)
    for name in ("alpha", "beta"):
        assert rig.ssh(name, f"ls -d {' '.join(PLACES)} 2>/dev/null", check=False).stdout == ""
