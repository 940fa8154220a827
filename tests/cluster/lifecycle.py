"""Rigs from their begin to their end: made, copied and taken down."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster import git_host, network
from ansible_collections.acs.builders.tests.cluster.command import (
    Failed,
    install_missing,
    require_molecule,
    require_root,
    run,
    timed,
)
from ansible_collections.acs.builders.tests.cluster.control_group import join, kill_processes, runs, stop_hosts
from ansible_collections.acs.builders.tests.cluster.image import Image, images
from ansible_collections.acs.builders.tests.cluster.inotify import require_instances
from ansible_collections.acs.builders.tests.cluster.machine import Machine, unmount
from ansible_collections.acs.builders.tests.cluster.places import homes, make_home, place
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import LIMIT

HOSTS = ("git", "build1", "build2")
"""The hosts of each rig; :func:`add` adds others."""
MANAGERS = {"build1": "Codex", "build2": "GitHub Copilot", "build3": "Claude Code"}
PARTNERS = {"build1": "build2", "build2": "build1", "build3": "build1"}
SOCKET = "ssh-"
"""The beginning of the names of the sockets of ssh, which go when a connection has ended."""
CONNECT = Path(__file__).with_name("connect.py")


def up(name: str, variables: Path | None = None, link: Path | None = None) -> None:
    """Make a rig of this checkout and boot its hosts; what is left of earlier ones is taken down before.

    :param variables: a file of further variables of the servers.
    :param link: a symbolic link to the rig's folder, to be made.
    """
    down_all()
    rig = _begin(name)
    try:
        if variables:
            (rig.folder / "group_vars").mkdir()
            shutil.copy(variables, rig.folder / "group_vars/builders.yml")
        if link:
            link.unlink(missing_ok=True)
            link.symlink_to(rig.folder)
        bases = images(rig.machines)
        with timed("hosts", "made"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acs.builders tests", "-f", rig.folder / "ssh_key")
            git_host.make_certificates(rig.folder / "ca")
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda machine: _make_host(machine, bases), rig.machines.values()))
            (rig.folder / "known_hosts").write_text("".join(machine.known() for machine in rig.machines.values()))
        _boot(rig)
    except BaseException:
        down(rig.folder)
        raise


def copy(source: str, *names: str) -> None:
    """Shut the hosts of a rig down, make new rigs with all that they have written, and boot these."""
    old = Rig(place(source))
    with timed("hosts", "shut down"):
        stop_hosts(old.folder)
    for name in names:
        rig = _begin(name)
        try:
            with timed(f"{name}: hosts", "copied"):
                _copy(old, rig)
            _boot(rig)
        except BaseException:
            down(rig.folder)
            raise


def add(rig: Rig, name: str) -> None:
    """Boot a further host of a rig, with which nothing was done yet, and let ssh know it.

    :param name: build3, alpha or beta.
    """
    require_instances(1)
    (rig.folder / name).mkdir()
    machine = rig.machines[name] = Machine(rig.folder, name)
    bases = images([name])
    with timed(name, "booted"):
        _make_host(machine, bases)
        git_host.serve(rig.machines["git"], bases[name])
        with (rig.folder / "known_hosts").open("a") as known:
            known.write(machine.known())
        network.connect(rig.folder, name)
        machine.wait(machine.boot())


def down(folder: Path, journals: Path | None = None) -> None:
    """Take the rig of a folder down and delete the folder, as far as they are there.

    :param journals: where the journals of the hosts are kept.
    """
    require_root()
    rig = Rig(folder)
    if (folder / "ssh_config").exists():
        for machine in rig.machines.values():
            machine.hang_up()
    kill_processes(folder)
    if journals:
        rig.journals(journals)
    unmount(folder)
    network.remove_network(folder)
    if folder.exists():
        while folder.exists():
            with suppress(FileNotFoundError):  # ssh removes the socket of its shared connection
                shutil.rmtree(folder)
        with suppress(OSError):  # another rig is there
            folder.parent.rmdir()


def down_all(journals: Path | None = None) -> None:
    """Take all rigs of this checkout down, and end what works with them.

    :param journals: where the journals of their hosts are kept, in a folder for each rig.
    """
    for home in homes():
        if home.exists():
            for folder in list(home.iterdir()):
                down(folder, journals / folder.name if journals else None)


def log_in() -> list[str]:
    """How to log in to the hosts of this checkout that are up."""
    folders = [folder for home in homes() if home.exists() for folder in sorted(home.iterdir()) if runs(folder)]
    return [f"ssh -F {folder}/ssh_config {name}" for folder in folders for name in Rig(folder).machines]


def _begin(name: str) -> Rig:
    """Make the folder of a new rig, which is there as long as anything of it is."""
    require_root()
    install_missing()
    folder = place(name)
    down(folder)
    folder = place(name)
    if not re.fullmatch(r"[\w/.+@-]+", str(folder)):
        raise Failed(f"The name of the folder {folder} has a character that mount or ssh would take for its own.")
    make_home(folder)
    folder.mkdir(mode=0o700)
    for host in HOSTS:
        (folder / host).mkdir()
    join(folder)
    try:
        require_molecule()
    except Failed:
        down(folder)
        raise
    return Rig(folder)


def _make_host(machine: Machine, bases: dict[str, Image]) -> None:
    machine.mount(bases[machine.name].root)
    machine.configure()
    if machine.name == "git":
        git_host.make_git_host(machine, bases.values())
    else:
        git_host.make_builder(machine)


def _copy(old: Rig, new: Rig) -> None:
    bases = images(new.machines)
    for entry in old.folder.iterdir():
        if entry.name not in old.machines and not entry.name.startswith(SOCKET):
            run("cp", "--archive", entry, new.folder)
    for name, machine in new.machines.items():
        run("cp", "--archive", old.machines[name].folder / "upper", machine.folder)
        machine.mount(bases[name].root)


def _boot(rig: Rig) -> None:
    """Connect the hosts of a rig, boot them and tell which of their units failed."""
    require_instances(len(rig.machines))
    network.make_network(rig.folder, rig.machines)
    _write_ssh_config(rig)
    write_inventory(rig, "build1", "build2")
    with timed("hosts", "booted"), ThreadPoolExecutor() as pool:
        try:
            processes = [machine.boot() for machine in rig.machines.values()]
            failed = list(pool.map(Machine.wait, rig.machines.values(), processes))
        except BaseException:
            kill_processes(rig.folder)  # for which the pool waits
            raise
    for name, units in zip(rig.machines, failed):
        if units:
            print(f"{name}: these units failed: {', '.join(units)}", flush=True)


def _write_ssh_config(rig: Rig) -> None:
    """Write how ssh reaches the hosts: through their bridge's namespace, one connection for all runs."""
    entered = ("nsenter", f"--net={network.namespace(rig.folder)}", sys.executable, "-I", str(CONNECT))
    names = "".join(f"Host {name}\n    HostName {address}\n" for name, address in network.ADDRESSES.items())
    (rig.folder / "ssh_config").write_text(
        f"""{names}Host *
    User root
    IdentityFile {rig.folder}/ssh_key
    IdentitiesOnly yes
    UserKnownHostsFile {rig.folder}/known_hosts
    StrictHostKeyChecking yes
    BatchMode yes
    LogLevel ERROR
    ConnectTimeout {LIMIT}
    ControlMaster auto
    ControlPersist {LIMIT}
    ControlPath {rig.folder}/{SOCKET}%h
    ProxyCommand {shlex.join(entered).replace("%", "%%")} %h %p
    ProxyUseFdpass yes
"""
    )


def write_inventory(rig: Rig, *servers: str) -> None:
    """Write the inventory of some servers of a rig: build1, build2 or build3."""
    hosts = {
        name: {
            "ansible_host": network.ADDRESSES[name],
            "builders_hostname": network.HOSTNAMES[name],
            "builders_ip": network.ADDRESSES[name],
            "builders_manager": MANAGERS[name],
            "builders_partner": PARTNERS[name],
        }
        for name in servers
    }
    # Ansible and testinfra add options of their own, unless they see these.
    shared = f"-o ControlMaster=auto -o ControlPath={rig.folder}/{SOCKET}%h -o ConnectTimeout={LIMIT}"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_args": "",
        "ansible_ssh_timeout": LIMIT,
        "ansible_ssh_common_args": f"-F {rig.folder}/ssh_config {shared}",
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
