# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between servers: their packages, kernels and toolchains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import InvalidInput
from .packages import installed_version

IDENTICAL, DIFFERING, MISSING = STATES = ("identical", "differing", "missing")
"""The same everywhere; in several versions; not there on every server, whatever the versions are."""


def compare(environments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Compare what was observed on servers.

    :param environments: by server, what :func:`.environment.observe` returned.
    :return: servers, identical (whether nothing differs), counts of each state over all that was compared, and system,
        toolchain and packages: for each name its state and its versions by server, None where it is not there.
    :raises InvalidInput: when there are not two servers.
    """
    if len(environments) < 2:
        raise InvalidInput("There are not two servers to compare.", "Observe two at least.")
    groups = {
        "system": {
            server: {name: str(found.get(name) or "") for name in ("kernel", "machine", "os")}
            for server, found in environments.items()
        },
        "toolchain": {server: found.get("toolchain") or {} for server, found in environments.items()},
        "packages": {
            server: {name: installed_version(package) for name, package in (found.get("packages") or {}).items()}
            for server, found in environments.items()
        },
    }
    compared = {group: _compare(versions) for group, versions in groups.items()}
    states = Counter(one["state"] for group in compared.values() for one in group.values())
    return {
        "servers": sorted(environments),
        "identical": set(states) <= {IDENTICAL},
        "counts": {state: states[state] for state in STATES},
        **compared,
    }


def _compare(versions: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    names = sorted({name for known in versions.values() for name in known})
    by_name = {name: {server: known.get(name) or None for server, known in versions.items()} for name in names}
    return {name: {"state": _state(found.values()), "versions": found} for name, found in by_name.items()}


def _state(versions: Iterable[str | None]) -> str:
    different = set(versions)
    if None in different:
        return MISSING
    return IDENTICAL if len(different) == 1 else DIFFERING
