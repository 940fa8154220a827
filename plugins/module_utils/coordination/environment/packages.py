# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package specifications, and the result of a package action."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..errors import InvalidInput
from ..secrets.redaction import redacted
from ..text import short
from .facts import is_installed

MAX_PACKAGES = 100
"""The maximum number of packages of one request."""
PRESENT, LATEST, ABSENT = STATES = ("present", "latest", "absent")
"""The states that a package can be requested in, as in ansible.builtin.apt."""
MAX_OUTPUT = 1_000
"""The number of characters of the output of the package manager that are kept, from its end."""

NAME = r"[a-z0-9][a-z0-9+.-]+"
"""Debian Policy Manual, section 5.6.7: lower-case letters, digits and + - . after a letter or digit."""
_NAME = re.compile(NAME)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]*")
"""Debian Policy Manual, section 5.6.12."""


class PackageSpec(NamedTuple):
    """The name of a package and the requested version, empty for any."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.version}" if self.version else self.name


def parse_spec(text: Any) -> PackageSpec:
    """Parse ``name`` or ``name=version``.

    :raises InvalidInput: if it is not a package name; options and paths are none.
    """
    name, equals, version = str(text).partition("=")
    if not isinstance(text, str) or not _NAME.fullmatch(name) or (equals and not _VERSION.fullmatch(version)):
        raise InvalidInput(
            f"{short(str(text))!r} is not the name of a package.",
            "Use a name of lower-case letters, digits, +, - and ., or name=version.",
        )
    return PackageSpec(name, version)


def parse_specs(texts: Any, state: str = PRESENT) -> list[PackageSpec]:
    """Parse a list of packages and remove duplicates.

    :param texts: the packages, each ``name`` or ``name=version``.
    :param state: the requested state, one of ``STATES``.
    :raises InvalidInput: if it is not a list of 1 to ``MAX_PACKAGES`` packages, has a package with two versions, or a
        version with a state other than ``PRESENT``.
    """
    if state not in STATES:
        raise InvalidInput(f"{state!r} is not a state of a package.", f"Use one of {', '.join(STATES)}.")
    if not isinstance(texts, (list, tuple)) or not texts:
        raise InvalidInput("No packages are named.", "Give a list of package names.")
    specs = list(dict.fromkeys(parse_spec(text) for text in texts))
    if len(specs) > MAX_PACKAGES:
        raise InvalidInput(f"The list has {len(specs)} packages.", f"List at most {MAX_PACKAGES} at once.")
    if len({spec.name for spec in specs}) < len(specs):
        raise InvalidInput("A package is listed with two versions.", "List each package once.")
    versioned = [str(spec) for spec in specs if spec.version]
    if versioned and state != PRESENT:
        raise InvalidInput(f"{versioned[0]} cannot be {state}.", f"Use a version only with the state {PRESENT}.")
    return specs


def is_safe(name: str) -> bool:
    """Return whether apt-get takes a name for the name of a package.

    A final + or - is an action on another package, unless a package has that name. apt-get(8): "If a hyphen is appended
    to the package name […] the identified package will be removed".
    """
    if not name.endswith(("+", "-")):
        return True
    try:
        command = ["apt-cache", "show", "--no-all-versions", "--", name]
        shown = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return f"Package: {name}\n" in shown.stdout


def is_allowed(name: str, patterns: Sequence[str]) -> bool:
    """Return whether the name of a package matches one of several shell patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Outcome(NamedTuple):
    """The result of an action on a package.

    :param ok: whether the package is in the requested state.
    :param wanted: the requested version; empty for any.
    :param version: the installed version; empty if the package is not installed.
    :param status: the status of dpkg; empty if dpkg does not know the package.
    :param installed_at: the time of the installation in UTC, or empty.
    :param words: the output of the package manager if it failed, or empty.
    :param provided_by: the installed package that provides this one and has ``version``, or empty.
    :param predicted: whether the package manager would bring the package into the requested state (check mode).
    """

    name: str
    ok: bool
    wanted: str
    version: str
    status: str
    installed_at: str
    words: str
    provided_by: str = ""
    predicted: bool = False


def outcomes(
    texts: Sequence[str],
    state: str,
    observed: Mapping[str, Mapping[str, Any]],
    words: Mapping[str, str],
    predict: bool = False,
) -> list[Outcome]:
    """Return the result of an action on packages.

    :param texts: the packages, each ``name`` or ``name=version``.
    :param state: the requested state, one of ``STATES``.
    :param observed: the packages after the action by name, as in the result of :func:`.facts.observe`.
    :param words: the output of the package manager for each of ``texts`` for which it failed.
    :param predict: whether the action was a simulation (check mode): a package without an error is ok then.
    :raises InvalidInput: if a package or the state is invalid.
    """
    return [
        _outcome(spec, state, observed.get(spec.name, {}), words.get(str(spec), ""), predict)
        for spec in parse_specs(texts, state)
    ]


def _outcome(spec: PackageSpec, state: str, found: Mapping[str, Any], words: str, predict: bool) -> Outcome:
    version, provided_by = installed_version(found), str(found.get("provided_by") or "")
    if state == ABSENT:
        in_state = not version or bool(provided_by)
    else:
        in_state = bool(version) and (not spec.version or (spec.version == version and not provided_by))
    output = "" if in_state and state != LATEST else redacted(words).strip()[-MAX_OUTPUT:]
    predicted = predict and not in_state and not output
    return Outcome(
        name=spec.name,
        ok=(in_state or predicted) and not output,
        wanted=spec.version,
        version=version,
        status=str(found.get("status") or ""),
        installed_at=str(found.get("installed_at") or ""),
        words=output,
        provided_by=provided_by,
        predicted=predicted,
    )


def installed_version(found: Mapping[str, Any]) -> str:
    """Return the version in an entry of a package; empty if it is not installed."""
    return str(found.get("version") or "") if is_installed(str(found.get("status") or "")) else ""


def matches(name: str, version: str, others: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    """Compare the version of a package with that on other servers.

    :param version: the version here; empty if it is not installed.
    :param others: for each server the versions of packages by name.
    :return: ``yes``, ``no``, or ``unknown`` if no server has a version; and the version on each server that has one.
    """
    versions = {server: known[name] for server, known in others.items() if name in known}
    if not versions:
        return "unknown", {}
    return ("yes" if set(versions.values()) == {version} else "no"), versions
