"""The plays of daily work: answering messages, and installing a package."""

from __future__ import annotations

import json
import os
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import ansible
from ansible_collections.acs.builders.tests.benchmark.measuring import (
    Result,
    Row,
    Scale,
    alternate,
    compared,
    seconds_of,
)
from ansible_collections.acs.builders.tests.benchmark.rows_ansible import succeeded
from ansible_collections.acs.builders.tests.builders import Builders, make_builders

OURS, BARE = "ours", "apt alone"
PACKAGE = "dpkg"
"""A package that is installed on every machine with apt, so that the machine that measures is not changed."""


def mixed_messages() -> list[Draft]:
    """Return twenty messages, of which five are requests to act."""
    install: list[dict[str, Any]] = [
        {"action": "install_packages", "packages": [name]} for name in ("libssl-dev", "libxml2-dev", "libpq-dev")
    ]
    check: dict[str, Any] = {"action": "check_packages", "packages": ["git", "libssl-dev"]}
    facts: dict[str, Any] = {"action": "facts", "query": ["disk", "load", "toolchain"]}
    requests = [*install, *[{"action": "stale_heartbeat"}] * 2, *[check] * 3, *[facts] * 3]
    requests += [{"action": "install_packages", "packages": ["sudo"]}, *[{"action": "status_report"}] * 5]
    asked = [Draft("Request", "Please.", "request", request=request) for request in requests]
    return [*asked, *[Draft(f"Starting build {number}", "From main.") for number in range(3)]]


def respond(scale: Scale) -> list[Result]:
    """Measure respond.yml on two servers, one of which has twenty messages."""
    times, commits = [], []
    for number in range(scale.pick(6, 1)):
        builders = make_builders(scale.folder / str(number))
        builders.trust()
        with builders.host("build1") as host:
            for draft in mixed_messages():
                send(host, draft, ["build2"])
        before = builders.commits()
        times.append(seconds_of(partial(run_respond, builders)))
        commits.append(builders.commits() - before)
    name = "respond.yml, 20 messages, 5 to act upon"
    return [
        Result(f"{name}: time", statistics.median(times), "s", at_most=8, times={OURS: times}),
        Result(f"{name}: commits", max(commits), "", at_most=1, at_least=1),
    ]


def run_respond(builders: Builders) -> None:
    """Run the play."""
    rules = json.dumps({"build_respond_allowed_packages": ["lib*-dev"]})
    succeeded(ansible("playbook", "playbooks/respond.yml", "-e", rules, folder=builders.folder, python=sys.executable))


def install(scale: Scale) -> list[Result]:
    """Compare install_packages.yml on two servers with a play that updates and installs with apt alone.

    The package is installed already, and the package lists are empty and local, so the difference is the overhead of
    the play. Each server has its own package lists.
    """
    builders = make_builders(scale.folder)
    builders.trust()
    for server in builders.ids:
        make_apt(builders.folder / server)
    extra = {
        "ansible_python_interpreter": "{{ builders_scratch }}/{{ inventory_hostname }}/python",
        "build_packages_embedded": False,
        "build_packages_manager": "apt",
        "packages": [PACKAGE],
    }
    play = scale.folder / "bare.yml"
    task = {"ansible.builtin.apt": {"name": "{{ packages }}", "update_cache": True}}
    play.write_text(yaml.safe_dump([{"hosts": "builders", "gather_facts": False, "tasks": [task]}]))

    def run(playbook: Path | str) -> None:
        for server in builders.ids:  # so that each run has packages to report
            (builders.state(server) / "series.json").unlink(missing_ok=True)
        succeeded(ansible("playbook", playbook, "-e", json.dumps(extra), folder=builders.folder, python=sys.executable))

    sides = {OURS: lambda: run("playbooks/install_packages.yml"), BARE: lambda: run(play)}
    times = alternate(sides, scale.pick(8, 1))
    return [compared("install_packages.yml / apt alone, local lists", times, OURS, BARE, at_most=1.6)]


def make_apt(folder: Path) -> None:
    """Create a Python in a folder, whose apt has its own, empty package lists there."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / "apt" / name).mkdir(parents=True)
    (folder / "apt" / "sources.list").write_text("")
    configuration = folder / "apt" / "apt.conf"
    configuration.write_text(
        f'Dir::State "{folder}/apt/state";\nDir::State::status "/var/lib/dpkg/status";\n'
        f'Dir::Cache "{folder}/apt/cache";\nDir::Etc::sourcelist "{folder}/apt/sources.list";\n'
        'Dir::Etc::sourceparts "/dev/null";\n'
    )
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nAPT_CONFIG={configuration} exec {sys.executable} "$@"\n')
    os.chmod(python, 0o755)


ROWS = (Row("respond", respond), Row("install packages", install))
