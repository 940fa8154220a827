"""A rig for tests: running commands on its hosts, breaking the Git host, and running playbooks as an operator."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.acs.builders.tests.ansible_runner import TASKS, served
from ansible_collections.acs.builders.tests.cluster import git_host, network, packages
from ansible_collections.acs.builders.tests.cluster.command import Failed, timed
from ansible_collections.acs.builders.tests.cluster.machine import Machine
from ansible_collections.acs.builders.tests.cluster.places import TOP


class Rig:
    """A rig.

    :param folder: its folder.
    """

    url = git_host.URL

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).resolve()
        self.machines = {
            name: Machine(self.folder, name) for name in network.ADDRESSES if (self.folder / name).exists()
        }

    def ssh(self, name: str, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root on a host."""
        return self.machines[name].ssh(command, check)

    def versions(self, name: str) -> dict[str, str]:
        """Return the versions of a host's system and of the programs that the collection uses there."""
        commands = {
            "system": ". /etc/os-release; echo $PRETTY_NAME",
            "python": "python3 -c 'import platform; print(platform.python_version())'",
            "git": "git --version",
            "systemd": "systemctl --version | head --lines 1",
            "openssh": "ssh -V 2>&1",
            "python3-git": "dpkg-query --show --showformat '${Version}' python3-git",
        }
        return {what: self.ssh(name, command).stdout.strip() for what, command in commands.items()}

    def cut_off(self) -> None:
        """Disconnect the Git host: packets to it get lost."""
        network.plug(self.folder, "git", False)

    def join(self) -> None:
        """End :meth:`cut_off`."""
        network.plug(self.folder, "git", True)

    def hang(self) -> None:
        """Freeze the Git host's web server: it accepts connections but never answers."""
        self.ssh("git", "systemctl kill --signal=SIGSTOP nginx.service")

    def resume(self) -> None:
        """End :meth:`hang`."""
        self.ssh("git", "systemctl kill --signal=SIGCONT nginx.service")

    def reboot(self, name: str) -> list[str]:
        """Reboot a host, wait until it is up again, and return the names of the units that failed."""
        machine = self.machines[name]
        before = machine.boot_id()
        machine.ssh("systemctl reboot", check=False)
        return machine.wait(other_than=before)

    @property
    def token(self) -> str:
        """The password that the Git host requires."""
        return (self.folder / "token").read_text()

    def rotate_token(self) -> str:
        """Make the Git host require a new token, and return it."""
        return git_host.rotate(self.folder)

    def access_log(self) -> str:
        """Return the access log of the Git host's web server."""
        return (self.machines["git"].root / git_host.ACCESS_LOG).read_text()

    def make_package(self, name: str, version: str, postinst: str = "", provides: str = "") -> Path:
        """Add a package with one file, /usr/share/NAME/version, to the packages that the hosts can install.

        :param postinst: shell commands that run when it is installed.
        :param provides: the name of a package that it provides.
        """
        return packages.make_package(self.machines["git"].root / "srv/apt", name, version, postinst, provides)

    def operator(self) -> dict[str, str]:
        """Return the environment of an operator at the controller, with the inventory of the servers.

        With the variables of ``ansible_runner.served``, Ansible starts faster but survives a kill of its process.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "ACS_"))}
        return {**kept, "ANSIBLE_INVENTORY": str(self.folder / "inventory.yml")}

    def playbook(self, *arguments: str, check: bool = True, **variables: str) -> tuple[int, str]:
        """Run ansible-playbook on the servers, in the checkout, and return its exit code and its output.

        :param check: whether a play that fails raises an exception.
        :param variables: further environment variables.
        """
        with timed(f"ansible-playbook {' '.join(arguments)}", "ended"):
            done = subprocess.run(
                ["ansible-playbook", *arguments],
                cwd=TOP,
                env={**self.operator(), **served(), **TASKS, **variables},
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
        """Write the journal and the console output of each host to a folder, also of hosts that are down."""
        folder = Path(target)
        folder.mkdir(parents=True, exist_ok=True)
        for name, machine in self.machines.items():
            if machine.console.exists():
                shutil.copy(machine.console, folder / f"{name}.console")
            if (machine.root / "var/log/journal").exists():
                (folder / f"{name}.journal").write_text(machine.journal())
