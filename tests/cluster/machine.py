"""One host: an overlay over the image, booted with systemd-nspawn and reached over ssh."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed, run
from ansible_collections.acs.builders.tests.cluster.control_group import make_groups
from ansible_collections.acs.builders.tests.cluster.network import ADDRESSES, HOSTNAMES, namespace, prefix
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

REBOOT = 133  # the exit code of nspawn when the host inside reboots
START = f"""
for group in $GROUPS_OF_HOST; do echo $$ > "$group/cgroup.procs" || exit; done
"$@"; while [ $? -eq {REBOOT} ]; do "$@"; done
"""
LEFT = Path("/run/systemd/nspawn")
"""Where nspawn leaves files behind when it is killed, or when /run is on a disk."""


@dataclass(frozen=True)
class Machine:
    """A host of the rig.

    :param rig: the folder of the rig.
    :param name: one of :data:`.network.ADDRESSES`.
    """

    rig: Path
    name: str

    @property
    def folder(self) -> Path:
        """The folder of all files of this host."""
        return self.rig / self.name

    @property
    def root(self) -> Path:
        """Its file system, which can be read and written even when the host is down."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """The file of its console output."""
        return self.folder / "console.log"

    @property
    def label(self) -> str:
        """Its name for the kernel and for nspawn."""
        return f"{prefix(self.rig)}-{self.name}"

    def mount(self, image: Path) -> None:
        """Mount its file system; the upper layer may already contain files."""
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={image},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        run("mount", "-t", "overlay", self.label, "-o", layers, self.root)

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        """Write a file and its folders. An existing file is replaced atomically, because it may be read at any time."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.touch(mode)
        new.chmod(mode)
        new.write_text(content)
        new.replace(target)

    def configure(self) -> None:
        """Write its host name, the addresses of all hosts, its host key and the authorized key."""
        hosts = [("127.0.0.1", "localhost"), *((ADDRESSES[name], HOSTNAMES[name]) for name in ADDRESSES)]
        self.write("etc/hosts", "".join(f"{address}\t{hostname}\n" for address, hostname in hosts))
        self.write("etc/hostname", f"{HOSTNAMES[self.name]}\n")
        self.write("root/.ssh/authorized_keys", (self.rig / "ssh_key.pub").read_text(), 0o600)
        self.root.joinpath("root/.ssh").chmod(0o700)
        key = self.root / "etc/ssh/ssh_host_ed25519_key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", HOSTNAMES[self.name], "-f", key)

    def known(self) -> str:
        """Return its line for known_hosts."""
        public = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        return f"{ADDRESSES[self.name]},{HOSTNAMES[self.name]} {public}"

    def chroot(self, *command: str) -> str:
        """Run a program in its file system, before it is booted."""
        return run("chroot", self.root, *command)

    def boot(self) -> subprocess.Popen[bytes]:
        """Boot it. It continues to run when this process ends, and boots again when it reboots."""
        nspawn = (
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=off"),
            *(f"--machine={self.label}", f"--hostname={HOSTNAMES[self.name]}"),
            *(f"--network-namespace-path={namespace(self.rig, self.name)}", f"--directory={self.root}", "--boot"),
        )
        groups = " ".join(map(str, make_groups(self.rig, self.name)))
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "GROUPS_OF_HOST": groups}
        with self.console.open("ab") as console:
            return subprocess.Popen(
                ["sh", "-c", START, "sh", *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
            )

    def ssh(self, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell command on it.

        :param check: whether a command that fails raises an exception.
        """
        try:
            result = subprocess.run(
                ["ssh", "-F", str(self.rig / "ssh_config"), self.name, command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"On {self.name}, this did not end within {LIMIT} s: {command}") from error
        if check and result.returncode:
            output = (result.stdout + result.stderr).strip()
            raise Failed(f"On {self.name}, this failed with {result.returncode}: {command}: {output}")
        return result

    def greeting(self) -> str:
        """Return the output of an interactive login and logout."""
        login = ["ssh", "-F", str(self.rig / "ssh_config"), "-o", "ControlPath=none", "-tt", self.name]
        return subprocess.run(login, input="exit\n", capture_output=True, text=True, check=False, timeout=LIMIT).stdout

    def hang_up(self) -> None:
        """Close the connection that ssh shares between its runs."""
        run("ssh", "-F", self.rig / "ssh_config", "-O", "exit", self.name, check=False)

    def boot_id(self) -> str:
        """Return the id of its current boot; empty if it does not answer."""
        return self.ssh("cat /proc/sys/kernel/random/boot_id", check=False).stdout.strip()

    def wait(self, process: subprocess.Popen[bytes] | None = None, other_than: str = "") -> list[str]:
        """Wait until it has booted, and return the names of the units that failed.

        :param process: what :meth:`boot` returned, to stop waiting if the host has died.
        :param other_than: the id of an earlier boot, which does not count.
        """

        def state() -> str:
            if process and process.poll() is not None:
                return "dead"
            boot = self.boot_id()
            has_booted = boot not in ("", other_than)
            return self.ssh("systemctl is-system-running --wait", False).stdout.strip() if has_booted else ""

        try:
            until(lambda: state() in ("running", "degraded", "dead"), f"The host {self.name} did not boot")
            failed = self.ssh("systemctl list-units --failed --plain --no-legend").stdout
        except (AssertionError, Failed) as error:
            output = "\n".join((self.console.read_text(errors="replace") + self.journal()).splitlines()[-30:])
            raise Failed(f"{error}. The end of its console and journal: {output}") from error
        return [line.split()[0] for line in failed.splitlines()]

    def journal(self) -> str:
        """Return its whole journal, also when it is down."""
        return run("journalctl", f"--directory={self.root / 'var/log/journal'}", "--no-pager", "--output=short-precise")


def unmount(rig: Path) -> None:
    """Unmount the file systems of all hosts of a rig, which must be stopped before."""
    locks = []
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        source, place, kind = line.split()[:3]
        if kind == "overlay" and source.startswith(f"{prefix(rig)}-"):
            locked = os.stat(place)
            locks.append(LEFT / f"locks/inode-{locked.st_dev}:{locked.st_ino}")
            run("umount", place)
    for lock in locks:
        lock.unlink(missing_ok=True)
    for left in LEFT.glob(f"propagate/{prefix(rig)}-*"):
        shutil.rmtree(left)
