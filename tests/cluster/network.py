"""The network of the hosts: a namespace for each, and a bridge between them and the controller with no way out."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import run

PREFIX = "acsb-"  # of everything of ours that the kernel has a name for
BRIDGE = f"{PREFIX}br"
CONTROLLER = "198.51.100.1"
ADDRESSES = {"git": "198.51.100.10", "build1": "198.51.100.11", "build2": "198.51.100.12"}
HOSTNAMES = {"git": "git", "build1": "ll-ACSBuilder1", "build2": "ll-ACSBuilder2"}
NAMESPACES = Path("/run/netns")


def make_network() -> None:
    """Make the bridge and connect a namespace for each host to it."""
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{CONTROLLER}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    for name, address in ADDRESSES.items():
        ours = PREFIX + name
        run("ip", "netns", "add", ours)
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", "host0", "netns", ours)
        run("ip", "link", "set", ours, "master", BRIDGE, "up")
        run("ip", "-netns", ours, "address", "add", f"{address}/24", "dev", "host0")
        for link in ("lo", "host0"):
            run("ip", "-netns", ours, "link", "set", link, "up")


def remove_network() -> None:
    """Remove what is there of it; what was in the namespaces has to be stopped before."""
    for namespace in NAMESPACES.glob(f"{PREFIX}*"):
        run("ip", "netns", "delete", namespace.name)
    for link in Path("/sys/class/net").glob(f"{PREFIX}*"):
        run("ip", "link", "delete", link.name, check=False)  # a namespace takes its link along, but not at once


def plug(name: str, up: bool) -> None:
    """Connect a host's end of the cable to the bridge, or cut it off."""
    run("ip", "link", "set", PREFIX + name, "up" if up else "down")
