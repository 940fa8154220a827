# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of the environments of several servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .facts import is_installed

KINDS = ("kernel", "toolchain", "packages")
IDENTICAL, DIFFERING, MISSING = STATES = ("identical", "differing", "missing")


def compare_environments(environments: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the environments of servers.

    :param environments: for each server the result of :func:`.facts.observe`.
    :return: ``servers``, a list of ids; ``identical``, whether all entries are identical; ``counts``, the number of
        entries in each of ``STATES``; and for each of ``KINDS`` a mapping of name to ``state`` and ``versions``, the
        version on each server, None if it is missing there.
    :raises InvalidInput: if there are fewer than two servers, or an environment has another form.
    """
    _check(environments)
    servers = sorted(environments)
    observed = {server: _versions(environments[server]) for server in servers}
    compared = {kind: _compare({server: observed[server][kind] for server in servers}) for kind in KINDS}
    states = [entry["state"] for kind in KINDS for entry in compared[kind].values()]
    counts = {state: states.count(state) for state in STATES}
    return {"servers": servers, "identical": counts[IDENTICAL] == len(states), "counts": counts, **compared}


def _check(environments: Any) -> None:
    remedy = "Use a mapping of at least two servers, each to the result of build_environment_fact on it."
    if not isinstance(environments, Mapping):
        raise InvalidInput("The environments are not a mapping.", remedy)
    if len(environments) < 2:
        servers = f"only {next(iter(environments))}" if environments else "no server"
        raise InvalidInput(f"There is {servers} to compare.", remedy)
    for server, environment in environments.items():
        has_kernel = isinstance(environment, Mapping) and isinstance(environment.get("kernel"), str)
        if not has_kernel or any(not isinstance(environment.get(kind), Mapping) for kind in ("toolchain", "packages")):
            raise InvalidInput(f"The environment of {server} has another form.", remedy)


def _versions(environment: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Return the installed versions of an environment by kind and name."""
    packages = environment["packages"].items()
    return {
        "kernel": {"kernel": environment["kernel"]},
        "toolchain": environment["toolchain"],
        "packages": {name: package["version"] for name, package in packages if is_installed(package["status"])},
    }


def _compare(observed: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Compare the versions of one kind, given for each server by name."""
    compared = {}
    for name in sorted({name for versions in observed.values() for name in versions}):
        versions = {server: found.get(name) for server, found in observed.items()}
        compared[name] = {"state": _state(set(versions.values())), "versions": versions}
    return compared


def _state(versions: set[str | None]) -> str:
    if None in versions:
        return MISSING
    return IDENTICAL if len(versions) == 1 else DIFFERING
