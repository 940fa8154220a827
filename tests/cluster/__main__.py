"""The test rig: two build servers and a Git host on this machine, booted, in a network of their own without a gateway.

A rig has a name, and any number of rigs can be up. It needs root, and Debian or Ubuntu:

    python tests/cluster up NAME
    python tests/cluster copy NAME ANOTHER_NAME...
    python tests/cluster side-effects NAME
    python tests/cluster down --all --journals FOLDER
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.cluster import lifecycle, side_effects
from ansible_collections.acs.builders.tests.cluster.command import Failed
from ansible_collections.acs.builders.tests.cluster.places import place


def main(arguments: list[str]) -> int:
    """Run the command of the command line, and return its exit code."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that an incomplete rig is taken down
    try:
        if given.command == "up":
            lifecycle.up(given.name, given.variables, given.link)
            print(place(given.name))
        elif given.command == "copy":
            lifecycle.copy(given.name, *given.names)
        elif given.command == "side-effects":
            return 0 if side_effects.run_side_effects(given.name) else 1
        elif given.command == "down" and given.all:
            lifecycle.down_all(given.journals)
        elif given.command == "down":
            lifecycle.down(place(given.name), given.journals)
        else:
            print("\n".join(lifecycle.log_in()))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Two build servers and a Git host on this machine, for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("up", help="create a rig, print its folder, and take down all others of this checkout")
    new.add_argument("name", help="the rig's name")
    new.add_argument("--variables", type=Path, help="a file of further variables of the servers")
    new.add_argument("--link", type=Path, help="a symbolic link to the folder, to create")
    copies = commands.add_parser("copy", help="shut a rig down and boot copies of it")
    copies.add_argument("name", help="the rig's name")
    copies.add_argument("names", nargs="+", help="the names of the new rigs")
    effects = commands.add_parser("side-effects", help="run the side effects on copies of a rig that is set up")
    effects.add_argument("name", help="the rig's name")
    end = commands.add_parser("down", help="take a rig down and delete its folder")
    which = end.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", help="the rig's name")
    which.add_argument("--all", action="store_true", help="take all rigs of this checkout down")
    end.add_argument("--journals", type=Path, help="the folder for the journals of the hosts")
    commands.add_parser("list", help="print how to log in to the hosts that are up")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
