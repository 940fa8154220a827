"""The root file system that all hosts share, made once and cached outside of the repository."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed, run, timed
from ansible_collections.acs.builders.tests.cluster.places import cache

INSTALLED = (
    *("systemd", "systemd-sysv", "dbus", "libpam-modules", "libpam-systemd", "procps", "iproute2", "logrotate"),
    *("openssh-server", "openssh-client", "ca-certificates", "git"),
    *("python3", "python3-apt", "python3-git"),
    *("nginx-light", "fcgiwrap"),  # for the Git host; masked on the builders
)
SERVED = ("python3-jmespath",)  # not installed: the Git host serves them, and what they depend on
FILES = {
    "etc/apt/sources.list": "deb [trusted=yes] http://198.51.100.10/apt ./\n",
    "etc/machine-id": "",
}
FETCH = f"""
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get clean
apt-get install --download-only --yes {" ".join(SERVED)}
mv "$1"/var/cache/apt/archives/*.deb "$1"/../packages
"""
FOLDERS = ("var/log/journal",)
REMOVED = ("etc/apt/sources.list.d/*", "etc/apt/apt.conf.d/99mmdebstrap", "etc/ssh/ssh_host_*", "etc/resolv.conf")
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer")  # they look for a network that is not there


@dataclass(frozen=True)
class Image:
    """A cached image.

    :param folder: where it is.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """The root file system."""
        return self.folder / "root"

    @property
    def packages(self) -> Path:
        """The packages that the Git host serves."""
        return self.folder / "packages"


def image() -> Image:
    """Make the image, if this recipe's is not in the cache. Who comes while it is made waits for it."""
    sources = _sources()
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    recipe = [suite, sources.read_text(), INSTALLED, FETCH, FILES, FOLDERS, REMOVED, MASKED]
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    cache().mkdir(parents=True, exist_ok=True)
    made, new = Image(cache() / key), Image(cache() / f"{key}.new")
    with (cache() / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.folder.exists():
            print("image: cached", flush=True)
            return made
        shutil.rmtree(new.folder, ignore_errors=True)
        with timed("image", "made"):
            _make(new, suite, sources)
        new.folder.rename(made.folder)
    return made


def _make(new: Image, suite: str, sources: Path) -> None:
    new.packages.mkdir(parents=True)
    options = new.folder / "apt.conf"
    options.write_text(_apt_options())
    kind = ("--variant=minbase", f"--include={','.join(INSTALLED)}", f"--aptopt={options}", f"--customize-hook={FETCH}")
    apart = (
        "unshare",
        "--mount-proc",
        "--pid",
        "--fork",
        "--kill-child",
    )  # so that nothing of it is left when it is killed
    run(*apart, "mmdebstrap", "--quiet", *kind, suite, new.root, sources)
    for pattern in REMOVED:
        for path in new.root.glob(pattern):
            path.unlink()
    for name in FOLDERS:
        (new.root / name).mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (new.root / name).write_text(content)
    for unit in MASKED:
        mask(new.root, unit)


def mask(root: Path, unit: str) -> None:
    """Keep a unit from ever starting."""
    (root / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _sources() -> Path:
    """Where the controller's own packages come from."""
    names = ("sources.list.d/debian.sources", "sources.list.d/ubuntu.sources", "sources.list")
    for path in (Path("/etc/apt", name) for name in names):
        if path.exists() and path.read_text().strip():
            return path
    raise Failed("The test rig makes its hosts from the packages of Debian, and this machine has no sources of them.")


def _apt_options() -> str:
    """How the controller's apt reaches them: its proxies, and whether it minds old indexes."""
    wanted = ("Acquire::http", "Acquire::Check-", "Acquire::Retries")
    return "".join(f"{line}\n" for line in run("apt-config", "dump").splitlines() if line.startswith(wanted))
