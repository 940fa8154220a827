"""The network of a rig: a namespace for each host and one for the bridge between them, without a gateway.

The bridge has its own namespace, so all rigs can have the same addresses, and this machine has none of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import run

PREFIX = "acs-"  # of the names of all kernel objects of a rig
BRIDGE = "bridge"
CONTROLLER = "198.51.100.1"
ADDRESSES = {
    name: f"198.51.100.{number}"
    for number, name in enumerate(("git", "build1", "build2", "build3", "alpha", "beta"), start=10)
}
HOSTNAMES = {
    "git": "git",
    **{f"build{number}": f"ll-ACSBuilder{number}" for number in (1, 2, 3)},
    "alpha": "alpha",
    "beta": "beta",
}
NAMESPACES = Path("/run/netns")


def prefix(rig: Path) -> str:
    """Return the prefix of all names of a rig: namespaces, control groups, mounts and machines.

    :param rig: its folder.
    """
    return PREFIX + hashlib.sha256(str(rig).encode()).hexdigest()[:8]


def namespace(rig: Path, name: str = "bridge") -> Path:
    """Return the namespace of a host, or of the bridge."""
    return NAMESPACES / f"{prefix(rig)}-{name}"


def make_network(rig: Path, names: Iterable[str]) -> None:
    """Create the bridge, and connect a namespace for each host to it."""
    middle = namespace(rig).name
    run("ip", "netns", "add", middle)
    run("ip", "-netns", middle, "link", "add", BRIDGE, "type", "bridge")
    run("ip", "-netns", middle, "address", "add", f"{CONTROLLER}/24", "dev", BRIDGE)
    run("ip", "-netns", middle, "link", "set", BRIDGE, "up")
    for name in names:
        connect(rig, name)


def connect(rig: Path, name: str) -> None:
    """Create a namespace for a host, and connect it to the bridge."""
    middle, host = namespace(rig).name, namespace(rig, name).name
    run("ip", "netns", "add", host)
    run("ip", "-netns", middle, "link", "add", name, "type", "veth", "peer", "name", "host0", "netns", host)
    run("ip", "-netns", middle, "link", "set", name, "master", BRIDGE, "up")
    run("ip", "-netns", host, "address", "add", f"{ADDRESSES[name]}/24", "dev", "host0")
    for link in ("lo", "host0"):
        run("ip", "-netns", host, "link", "set", link, "up")


def remove_network(rig: Path) -> None:
    """Remove the existing namespaces of a rig, whose processes must be stopped before."""
    for place in NAMESPACES.glob(f"{prefix(rig)}-*"):
        run("ip", "netns", "delete", place.name)


def plug(rig: Path, name: str, up: bool) -> None:
    """Set the bridge's end of a host's link up or down."""
    run("ip", "-netns", namespace(rig).name, "link", "set", name, "up" if up else "down")
