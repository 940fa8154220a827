"""One host: an overlay over the image, booted with systemd-nspawn and reached over ssh."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed, run
from ansible_collections.acs.builders.tests.cluster.control_group import make_groups
from ansible_collections.acs.builders.tests.cluster.network import ADDRESSES, HOSTNAMES, NAMESPACES, PREFIX

REBOOT = 133  # what nspawn exits with when the host inside reboots
START = f"""
for group in $GROUPS_OF_HOST; do echo $$ > "$group/cgroup.procs" || exit; done
"$@"; while [ $? -eq {REBOOT} ]; do "$@"; done
"""
PROPAGATED = Path("/run/systemd/nspawn/propagate")
BOOT_SECONDS = 120.0


@dataclass(frozen=True)
class Machine:
    """A host of the rig.

    :param rig: the folder of the rig.
    :param name: git, build1 or build2.
    """

    rig: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where everything of this host is."""
        return self.rig / self.name

    @property
    def root(self) -> Path:
        """Its file system, which can be read and written whether it runs or not."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """What it printed while it booted."""
        return self.folder / "console.log"

    def mount(self, image: Path) -> None:
        """Make its file system."""
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        layers = f"lowerdir={image},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        run("mount", "-t", "overlay", PREFIX + self.name, "-o", layers, self.root)

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        """Write a file in it, with its folders."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode)
        target.chmod(mode)
        target.write_text(content)

    def configure(self) -> None:
        """Tell it who it is, who the others are, and whose key opens it."""
        hosts = [("127.0.0.1", "localhost"), *((ADDRESSES[name], HOSTNAMES[name]) for name in ADDRESSES)]
        self.write("etc/hosts", "".join(f"{address}\t{hostname}\n" for address, hostname in hosts))
        self.write("etc/hostname", f"{HOSTNAMES[self.name]}\n")
        self.write("root/.ssh/authorized_keys", (self.rig / "ssh_key.pub").read_text(), 0o600)
        self.root.joinpath("root/.ssh").chmod(0o700)
        key = self.root / "etc/ssh/ssh_host_ed25519_key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", HOSTNAMES[self.name], "-f", key)

    def known(self) -> str:
        """Its line of known_hosts."""
        public = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        return f"{ADDRESSES[self.name]},{HOSTNAMES[self.name]} {public}"

    def chroot(self, *command: str) -> str:
        """Run a program in its file system, before it is booted."""
        return run("chroot", self.root, *command)

    def boot(self) -> subprocess.Popen[bytes]:
        """Boot it; it runs on when this process ends, and boots again when it reboots."""
        ours = PREFIX + self.name
        nspawn = (
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=off"),
            *(f"--machine={ours}", f"--hostname={HOSTNAMES[self.name]}"),
            *(f"--network-namespace-path={NAMESPACES / ours}", f"--directory={self.root}", "--boot"),
        )
        groups = " ".join(map(str, make_groups(self.name)))
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

    def ssh(self, command: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell command on it.

        :param check: whether a command that fails raises an exception.
        """
        try:
            result = subprocess.run(
                [*self._login(), command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"On {self.name}, this did not end within {timeout:.0f} s: {command}") from error
        if check and result.returncode:
            said = (result.stdout + result.stderr).strip()
            raise Failed(f"On {self.name}, this failed with {result.returncode}: {command}: {said}")
        return result

    def greeting(self) -> str:
        """What somebody sees who logs in to it, and out again."""
        login = [*self._login("-o", "ControlPath=none"), "-tt"]
        return subprocess.run(login, input="exit\n", capture_output=True, text=True, check=False, timeout=60).stdout

    def _login(self, *more: str) -> list[str]:
        options = (
            *("-i", str(self.rig / "ssh_key"), "-o", f"UserKnownHostsFile={self.rig / 'known_hosts'}"),
            *("-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5", "-o", "IdentitiesOnly=yes"),
            *("-o", "ControlMaster=auto", "-o", "ControlPersist=10", "-o", f"ControlPath={self.rig}/ssh-%n"),
        )
        return ["ssh", "-F", "none", *more, *options, f"root@{ADDRESSES[self.name]}"]

    def boot_id(self) -> str:
        """Which boot it is in; empty when it does not answer."""
        return self.ssh("cat /proc/sys/kernel/random/boot_id", check=False).stdout.strip()

    def wait(self, process: subprocess.Popen[bytes] | None = None, other_than: str = "") -> list[str]:
        """Wait until it has booted, and return the names of the units that failed meanwhile.

        :param process: what :meth:`boot` returned, so that a host that has died is not waited for.
        :param other_than: the boot that is not meant.
        """
        deadline = time.monotonic() + BOOT_SECONDS
        while process is None or process.poll() is None:
            boot = self.boot_id()
            if boot and boot != other_than:
                state = self.ssh("systemctl is-system-running --wait", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    failed = self.ssh("systemctl list-units --failed --plain --no-legend").stdout
                    return [line.split()[0] for line in failed.splitlines()]
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        said = "\n".join((self.console.read_text(errors="replace") + self.journal()).splitlines()[-30:])
        raise Failed(f"The host {self.name} did not boot, or not within {BOOT_SECONDS:.0f} s; it says: {said}")

    def journal(self) -> str:
        """Its whole journal, whether it runs or not."""
        return run("journalctl", f"--directory={self.root / 'var/log/journal'}", "--no-pager", "--output=short-precise")


def unmount() -> None:
    """Unmount the file systems of all hosts, which have to be stopped before."""
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        source, place, kind = line.split()[:3]
        if kind == "overlay" and source.startswith(PREFIX):
            run("umount", place)
    for left in PROPAGATED.glob(f"{PREFIX}*"):  # nspawn leaves it when /run is on a disk
        shutil.rmtree(left)
