"""The root file systems of the releases, built once each and cached outside of the repository. Hosts share them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
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
AS_RELEASED = {"bullseye": ("python3-git",)}
"""Packages in the version of the release: its security archive lists a newer one, but no longer has the file."""
SERVED = ("python3-jmespath",)  # not installed: the Git host serves them and their dependencies
SERVED_TOO = {"trixie": ("python3-systemd",)}
"""Further packages for a release: version 0.1.0, which a test installs there, needs it."""
SOURCES = """\
deb [trusted=yes] http://198.51.100.10/apt ./
deb [trusted=yes] http://198.51.100.10/apt/{release} ./
"""
"""The package sources of a host: the packages that tests build, and those of its release."""
RELEASES = {"build2": "trixie", "build3": "bullseye", "alpha": "bullseye", "beta": "trixie"}
"""The releases of the hosts that do not run the oldest supported release of the controller."""
OLDEST_CONTROLLER = "bookworm"
FETCH = """
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get clean
apt-get install --download-only --yes {served}
mv "$1"/var/cache/apt/archives/*.deb "$1"/../packages
"""
FOLDERS = ("var/log/journal",)
REMOVED = ("etc/apt/sources.list.d/*", "etc/apt/apt.conf.d/99mmdebstrap", "etc/ssh/ssh_host_*", "etc/resolv.conf")
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer"),  # they need a network that is not available
    "user@.service",  # hosts share the 128 inotify instances of root, of which each user manager takes three
)


@dataclass(frozen=True)
class Image:
    """A cached image.

    :param release: the code name of its release.
    :param folder: its folder.
    """

    release: str
    folder: Path

    @property
    def root(self) -> Path:
        """The root file system."""
        return self.folder / "root"

    @property
    def packages(self) -> Path:
        """The packages that the Git host serves."""
        return self.folder / "packages"


def release_of(host: str) -> str:
    """Return the release of a host. On Debian, releases differ; elsewhere all hosts have that of the controller."""
    controller = platform.freedesktop_os_release()
    if controller["ID"] != "debian":
        return controller["VERSION_CODENAME"]
    return RELEASES.get(host, OLDEST_CONTROLLER)


def image(release: str) -> Image:
    """Return the image of a release; build it if it is not cached. A second caller waits for the first."""
    name, sources = _sources(release)
    fetch = _fetch(release)
    recipe = [release, sources, INSTALLED, *AS_RELEASED.get(release, ()), fetch, SOURCES, FOLDERS, REMOVED, MASKED]
    key = f"{release}-{hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]}"
    cache().mkdir(parents=True, exist_ok=True)
    made, new = Image(release, cache() / key), Image(release, cache() / f"{key}.new")
    with (cache() / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.folder.exists():
            print(f"image of {release}: cached", flush=True)
            return made
        shutil.rmtree(new.folder, ignore_errors=True)
        with timed(f"image of {release}", "made"):
            new.packages.mkdir(parents=True)
            (new.folder / name).write_text(sources)
            _make(new, new.folder / name)
        new.folder.rename(made.folder)
    return made


def images(hosts: Iterable[str]) -> dict[str, Image]:
    """Return the image of each host; those that are not cached are built at the same time."""
    releases = {host: release_of(host) for host in hosts}
    with ThreadPoolExecutor() as pool:
        made = {release: pool.submit(image, release) for release in sorted(set(releases.values()))}
        return {host: made[release].result() for host, release in releases.items()}


def _fetch(release: str) -> str:
    """Return the commands that fetch the packages to serve."""
    return FETCH.format(served=" ".join((*SERVED, *SERVED_TOO.get(release, ()))))


def _make(new: Image, sources: Path) -> None:
    options = new.folder / "apt.conf"
    options.write_text(_apt_options())
    as_released = AS_RELEASED.get(new.release, ())
    installed = ",".join(f"{name}/{new.release}" if name in as_released else name for name in INSTALLED)
    kind = (
        "--variant=minbase",
        f"--include={installed}",
        f"--aptopt={options}",
        f"--customize-hook={_fetch(new.release)}",
    )
    isolated = (
        "unshare",
        "--mount-proc",
        "--pid",
        "--fork",
        "--kill-child",
    )  # so that none of its processes remain when it is killed
    run(*isolated, "mmdebstrap", "--quiet", *kind, new.release, new.root, sources)
    for pattern in REMOVED:
        for path in new.root.glob(pattern):
            path.unlink()
    for name in FOLDERS:
        (new.root / name).mkdir(parents=True, exist_ok=True)
    (new.root / "etc/apt/sources.list").write_text(SOURCES.format(release=new.release))
    (new.root / "etc/machine-id").write_text("")
    for unit in MASKED:
        mask(new.root, unit)


def mask(root: Path, unit: str) -> None:
    """Mask a unit, so that it cannot start."""
    (root / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _sources(release: str) -> tuple[str, str]:
    """Return the name and the content of a file with the sources of a release, derived from the controller's."""
    own = platform.freedesktop_os_release()["VERSION_CODENAME"]
    names = ("sources.list.d/debian.sources", "sources.list.d/ubuntu.sources", "sources.list")
    for path in (Path("/etc/apt", name) for name in names):
        if path.exists() and path.read_text().strip():
            return path.name, path.read_text().replace(own, release)
    raise Failed("The test rig installs its hosts from Debian packages, but no package sources are in /etc/apt.")


def _apt_options() -> str:
    """Return options of the controller's apt: its proxies, and whether it rejects old indexes."""
    wanted = ("Acquire::http", "Acquire::Check-", "Acquire::Retries")
    return "".join(f"{line}\n" for line in run("apt-config", "dump").splitlines() if line.startswith(wanted))
