"""The module build_environment_fact, and the play that compares servers, on the embedded default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, ansible, check_failure, call, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders

NO_PLACES = {"repo": None, "state_dir": None, "pat_file": None}
"""This module takes none of the options of the others."""


def check_environment(builders: Builders, *arguments: str) -> Run:
    """Run the play on this folder's inventory."""
    inventory = builders.folder / "inventory.yml"
    return ansible(
        "playbook", "playbooks/check_environment.yml", *arguments, folder=builders.folder, inventory=inventory
    )


def stand_in(builders: Builders, server: str, **scripts: str) -> dict[str, str]:
    """Programs that stand in for others on a server, as variables of its host."""
    folder = builders.folder / server / "bin"
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return {"stand_ins": str(folder)}


@pytest.fixture
def three(tmp_path: Path) -> Builders:
    """Three servers with few programs, whose packages are as said here; there is no way to the third."""
    builders = make_builders(tmp_path, ("build1", "build2", "build3"))
    line = "printf '%s\\t%s\\tinstall ok installed\\tamd64\\n' "
    same = {"java": "exit 1", "mvn": "exit 1"}
    stand_in(builders, "build1", **same, node="echo v18.19.0", **{"dpkg-query": line + "bash 5.2 curl 8.1 make 4.3"})
    stand_in(builders, "build2", **same, node="echo v20.0.0", **{"dpkg-query": line + "bash 5.2 curl 8.2"})
    hosts: dict[str, Any] = yaml.safe_load((TOP / "inventory" / "local.yml").read_text())
    group = hosts["builders"]
    group["hosts"]["build3"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nPATH="$SERVER_BIN:$PATH" exec "$REAL_PYTHON" "$@"\n'
    )
    return builders
