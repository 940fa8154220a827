"""Measure how long the installation of a package takes, and how soon a message is seen, on a separate rig.

    python tests/cluster/measure.py

A play of ansible.builtin.apt alone is measured for comparison; both install a new package on both servers. The messages
pass a relay with a round trip of 40 ms: first one to an idle server, then a conversation.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.conversation import AFTER_MESSAGE
from ansible_collections.acs.builders.tests.cluster import lifecycle
from ansible_collections.acs.builders.tests.cluster.command import Failed
from ansible_collections.acs.builders.tests.cluster.network import namespace
from ansible_collections.acs.builders.tests.cluster.places import TOP, place
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until

OURS = "playbooks/install_packages.yml"
BARE = """\
- hosts: builders
  gather_facts: false
  tasks:
    - ansible.builtin.apt: {name: '{{ packages }}', update_cache: true}
"""
RELAY = TOP / "tests" / "faults" / "relay.py"
BEHIND = 8443
"""The port of the Git host behind the relay."""
DELAY = 20
"""Milliseconds of delay in each direction."""
MESSAGES = 100


def main() -> int:
    """Boot a rig, set it up, measure, and take it down."""
    name = "measured"
    try:
        lifecycle.up(name, TOP / "molecule/cluster/group_vars/builders.yml")
        try:
            rig = Rig(place(name))
            rig.playbook("setup.yml")
            measure_installation(rig)
            measure_messages(rig)
        finally:
            lifecycle.down(place(name))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measure_installation(rig: Rig) -> None:
    """Install a package each way, and print how long it took."""
    bare = rig.folder / "bare.yml"
    bare.write_text(BARE)
    seconds = {}
    for play in (str(bare), OURS):
        package = f"rig-timed-{Path(play).stem.replace('_', '-')}"
        rig.make_package(package, "1.0")
        begin = time.monotonic()
        rig.playbook(play, "--extra-vars", json.dumps({"packages": [package]}))
        seconds[play] = time.monotonic() - begin
    ours, theirs = seconds[OURS], seconds[str(bare)]
    print(f"install_packages.yml {ours:.1f} s, ansible.builtin.apt alone {theirs:.1f} s: {ours / theirs:.1f} times")


def measure_messages(rig: Rig, number: int = MESSAGES) -> None:
    """Send messages alternately from both servers, and print after how many seconds the service has seen them."""
    with far(rig):
        time.sleep(AFTER_MESSAGE.total_seconds())
        at_rest = seen_after(rig, "build1", "build2")
        seen_after(rig, "build2", "build1")
        seconds = [seen_after(rig, *order) for order in [("build1", "build2"), ("build2", "build1")] * (number // 2)]
    print(
        f"a message is seen after {at_rest:.1f} s from rest; in a conversation of {number} messages after "
        f"{statistics.median(seconds):.1f} s in the median, {max(seconds):.1f} s at most"
    )


@contextmanager
def far(rig: Rig) -> Iterator[None]:
    """Put a relay that delays all data before the Git host, inside the context."""
    listen = "sed -i 's/listen .*443 ssl/listen %s ssl/' /etc/nginx/conf.d/tests.conf && systemctl restart nginx"
    rig.ssh("git", listen % f"127.0.0.1:{BEHIND}")
    inside = ("ip", "netns", "exec", namespace(rig.folder, "git").name)
    command = [*inside, sys.executable, str(RELAY), str(BEHIND), "443", "0.0.0.0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdin and relay.stdout
        relay.stdin.write(json.dumps({"delay": DELAY}) + "\n")
        relay.stdin.flush()
        relay.stdout.readline()
        relay.stdout.readline()
        try:
            yield
        finally:
            relay.stdin.close()
    rig.ssh("git", listen % "443")


def seen_after(rig: Rig, sender: str, recipient: str) -> float:
    """Send a message, and return the seconds until the service of the recipient has recorded it as unread."""
    inbox = rig.machines[recipient].root / "var/lib/acs-builders/inbox.json"
    begin = time.monotonic()
    sent = re.search(r"msg_\w+", rig.ssh(sender, "builderctl send Measured 'The text.'").stdout)
    assert sent
    until(lambda: sent.group() in inbox.read_text(), "not seen")
    return time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main())
