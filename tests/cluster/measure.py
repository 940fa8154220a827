"""How long the installation of a package takes, beside a play of ansible.builtin.apt alone, on a rig of its own.

    python tests/cluster/measure.py

Both install a new package on both servers.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.cluster import lifecycle
from ansible_collections.acs.builders.tests.cluster.command import Failed
from ansible_collections.acs.builders.tests.cluster.places import TOP, place
from ansible_collections.acs.builders.tests.cluster.rig import Rig

OURS = "playbooks/install_packages.yml"
BARE = """\
- hosts: builders
  gather_facts: false
  tasks:
    - ansible.builtin.apt: {name: '{{ packages }}', update_cache: true}
"""


def main() -> int:
    """Boot a rig, set it up, measure and take it down."""
    name = "measured"
    try:
        lifecycle.up(name, TOP / "molecule/cluster/group_vars/builders.yml")
        try:
            measure(Rig(place(name)))
        finally:
            lifecycle.down(place(name))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def measure(rig: Rig) -> None:
    """Set the servers up, install a package each way and print how long it took."""
    bare = rig.folder / "bare.yml"
    bare.write_text(BARE)
    rig.playbook("setup.yml")
    seconds = {}
    for play in (str(bare), OURS):
        package = f"rig-timed-{Path(play).stem.replace('_', '-')}"
        rig.make_package(package, "1.0")
        begin = time.monotonic()
        rig.playbook(play, "--extra-vars", json.dumps({"packages": [package]}))
        seconds[play] = time.monotonic() - begin
    ours, theirs = seconds[OURS], seconds[str(bare)]
    print(f"install_packages.yml {ours:.1f} s, ansible.builtin.apt alone {theirs:.1f} s: {ours / theirs:.1f} times")


if __name__ == "__main__":
    sys.exit(main())
