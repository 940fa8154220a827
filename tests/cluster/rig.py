"""The test rig: two build servers and a Git host on this machine, booted, each with its own address and no way out.

Everything is in one folder, and a machine has one rig at a time. It needs root, and a Debian or an Ubuntu:

    python tests/cluster/rig.py up FOLDER
    python tests/cluster/rig.py down FOLDER --journals ANOTHER_FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.cluster import git_host, network, packages
from ansible_collections.acs.builders.tests.cluster.command import Failed, install_missing, require_root, run, timed
from ansible_collections.acs.builders.tests.cluster.control_group import stop_groups
from ansible_collections.acs.builders.tests.cluster.image import Image, image
from ansible_collections.acs.builders.tests.cluster.machine import Machine, unmount

TOP = Path(__file__).resolve().parents[2]
MARK = ".acs-builders-rig"  # what says that a folder is a rig's, so that no other one is ever deleted
MANAGERS = {"build1": "Codex", "build2": "GitHub Copilot"}
PARTNERS = {"build1": "build2", "build2": "build1"}


class Rig:
    """A rig that is up.

    :param folder: the folder that it was made in.
    """

    url = git_host.URL

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).resolve()
        self.machines = {name: Machine(self.folder, name) for name in network.ADDRESSES}

    def ssh(self, name: str, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root on git, build1 or build2."""
        return self.machines[name].ssh(command, check)

    def cut_off(self) -> None:
        """Cut the Git host off: packets to it get lost."""
        network.plug("git", False)

    def join(self) -> None:
        """End :meth:`cut_off`."""
        network.plug("git", True)

    def hang(self) -> None:
        """Freeze the Git host's web server: connections to it are taken and never answered."""
        self.ssh("git", "systemctl kill --signal=SIGSTOP nginx.service")

    def resume(self) -> None:
        """End :meth:`hang`."""
        self.ssh("git", "systemctl kill --signal=SIGCONT nginx.service")

    def reboot(self, name: str) -> list[str]:
        """Reboot a host, wait until it is up again, and return the names of the units that failed meanwhile."""
        machine = self.machines[name]
        before = machine.boot_id()
        machine.ssh("systemctl reboot", check=False)
        return machine.wait(other_than=before)

    @property
    def token(self) -> str:
        """The password that the Git host asks for."""
        return (self.folder / "token").read_text()

    def rotate_token(self) -> str:
        """Let the Git host ask for a new token from now on, and return it."""
        return git_host.rotate(self.folder)

    def access_log(self) -> str:
        """What was asked of the Git host's web server."""
        return (self.machines["git"].root / git_host.ACCESS_LOG).read_text()

    def make_package(self, name: str, version: str, postinst: str = "") -> Path:
        """Add a package with one file, /usr/share/NAME/version, to what the hosts can install.

        :param postinst: shell commands that are run when it is installed.
        """
        return packages.make_package(self.machines["git"].root / "srv/apt", name, version, postinst)

    def operator(self) -> dict[str, str]:
        """The environment of a person at the controller, whose inventory names the servers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "ACS_"))}
        return {**kept, "ANSIBLE_INVENTORY": str(self.folder / "inventory.yml")}

    def playbook(self, *arguments: str, check: bool = True, **variables: str) -> tuple[int, str]:
        """Run ansible-playbook on the servers, in the checkout, and return its exit code and all that it prints.

        :param check: whether a play that fails raises an exception.
        :param variables: further environment variables.
        """
        with timed(f"ansible-playbook {' '.join(arguments)}", "ended"):
            done = subprocess.run(
                ["ansible-playbook", *arguments],
                cwd=TOP,
                env={**self.operator(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if check and done.returncode:
            raise Failed(f"ansible-playbook {' '.join(arguments)} failed with {done.returncode}: {done.stdout}")
        return done.returncode, done.stdout

    def journals(self, target: Path | str) -> None:
        """Write the journal and the console of each host to a folder; the hosts need not run."""
        folder = Path(target)
        folder.mkdir(parents=True, exist_ok=True)
        for name, machine in self.machines.items():
            if machine.console.exists():
                shutil.copy(machine.console, folder / f"{name}.console")
            if (machine.root / "var/log/journal").exists():
                (folder / f"{name}.journal").write_text(machine.journal())


def up(folder: Path) -> None:
    """Make a rig; what is left of an earlier one is taken down before."""
    require_root()
    install_missing()
    rig = Rig(folder)
    if not re.fullmatch(r"[\w/.+@-]+", str(rig.folder)):
        raise Failed(f"The name of the folder {rig.folder} has a character that mount or ssh would take for its own.")
    if rig.folder.exists() and any(rig.folder.iterdir()) and not (rig.folder / MARK).exists():
        raise Failed(f"The folder {rig.folder} holds something that is not a rig's, so it is left alone.")
    base = image()
    down(folder)
    try:
        _make(rig, base)
    except BaseException:
        down(folder)
        raise


def down(folder: Path, journals: Path | None = None) -> None:
    """Take the rig of this machine down and delete its folder, as far as they are there.

    :param journals: where the journals of the hosts are kept.
    """
    require_root()
    stop_groups()
    rig = Rig(folder)
    if journals:
        rig.journals(journals)
    unmount()
    network.remove_network()
    if (rig.folder / MARK).exists():
        shutil.rmtree(rig.folder)


def _make(rig: Rig, base: Image) -> None:
    rig.folder.mkdir(parents=True, exist_ok=True)
    rig.folder.chmod(0o700)
    (rig.folder / MARK).touch()
    with timed("hosts", "made"), ThreadPoolExecutor() as pool:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acs.builders tests", "-f", rig.folder / "ssh_key")
        git_host.make_certificates(rig.folder / "ca")
        network.make_network()
        list(pool.map(lambda machine: _make_host(machine, base), rig.machines.values()))
        (rig.folder / "known_hosts").write_text("".join(machine.known() for machine in rig.machines.values()))
        _write_inventory(rig)
    with timed("hosts", "booted"), ThreadPoolExecutor() as pool:
        processes = [machine.boot() for machine in rig.machines.values()]
        failed = list(pool.map(Machine.wait, rig.machines.values(), processes))
    for name, units in zip(rig.machines, failed):
        if units:
            print(f"{name}: these units failed: {', '.join(units)}", flush=True)


def _make_host(machine: Machine, base: Image) -> None:
    machine.mount(base.root)
    machine.configure()
    if machine.name == "git":
        git_host.make_git_host(machine, base.packages)
    else:
        git_host.make_builder(machine)


def _write_inventory(rig: Rig) -> None:
    hosts = {
        name: {
            "ansible_host": network.ADDRESSES[name],
            "builders_hostname": network.HOSTNAMES[name],
            "builders_ip": network.ADDRESSES[name],
            "builders_manager": MANAGERS[name],
            "builders_partner": PARTNERS[name],
        }
        for name in MANAGERS
    }
    known = f"-o UserKnownHostsFile={rig.folder / 'known_hosts'} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    shared = f"-o ControlMaster=auto -o ControlPersist=10 -o ControlPath={rig.folder}/ssh-%n"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(rig.folder / "ssh_key"),
        "ansible_ssh_common_args": f"{known} {shared}",
        "ansible_python_interpreter": "/usr/bin/python3",
        "builders_remote_url": rig.url,
        "builders_branch": "main",
        "builders_pat_file": "/PAT",
        "builders_repo": "/root/Build",
        "builders_state_dir": "/var/lib/acs-builders",
        "builders_rig": str(rig.folder),
    }
    inventory = {"builders": {"hosts": hosts, "vars": variables}}
    (rig.folder / "inventory.yml").write_text(json.dumps(inventory, indent=2) + "\n")  # JSON is YAML


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Two build servers and a Git host on this machine, for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_text in (("up", "make the rig"), ("down", "take it down, and delete its folder")):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("folder", type=Path, help="the rig's own folder, outside of the repository")
        if name == "down":
            command.add_argument("--journals", type=Path, help="where the journals of the hosts are kept")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a rig that is half up is taken down
    try:
        if given.command == "up":
            up(given.folder)
        else:
            down(given.folder, given.journals)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
