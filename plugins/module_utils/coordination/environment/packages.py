# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of packages, as Debian's policy has them."""

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
"""Packages that one request may name."""
PRESENT, LATEST, ABSENT = STATES = ("present", "latest", "absent")
"""What may be wanted of a package."""
MAX_WORDS = 1_000
"""Characters of what the package manager says that are told, its last ones."""

NAME = r"[a-z0-9][a-z0-9+.-]+"
"""Debian Policy Manual, section 5.6.7: lower case letters, digits and + - . , beginning with a letter or digit."""
_NAME = re.compile(NAME)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]*")
"""Debian Policy Manual, section 5.6.12."""


class PackageSpec(NamedTuple):
    """A package, and the version that is wanted; empty when any is."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.version}" if self.version else self.name


def parse_spec(text: Any) -> PackageSpec:
    """Read ``name`` or ``name=version``.

    :raises InvalidInput: when it could be an option, a path or anything else that is no name of a package.
    """
    name, equals, version = str(text).partition("=")
    if not isinstance(text, str) or not _NAME.fullmatch(name) or (equals and not _VERSION.fullmatch(version)):
        raise InvalidInput(
            f"{short(str(text))!r} is no name of a package.",
            "Write a name of lower case letters, digits, +, - and ., or name=version.",
        )
    return PackageSpec(name, version)


def parse_specs(texts: Any, state: str = PRESENT) -> list[PackageSpec]:
    """Read a list of packages, each once, in its order.

    :param state: what is wanted of them, one of ``STATES``.
    :raises InvalidInput: when it is no list of packages, is empty or has more than ``MAX_PACKAGES``, names a package
        with two versions, or asks for something that cannot be.
    """
    if state not in STATES:
        raise InvalidInput(f"There is no state {state!r}.", f"Use one of {', '.join(STATES)}.")
    if not isinstance(texts, (list, tuple)) or not texts:
        raise InvalidInput("No packages are named.", "Give a list of names.")
    specs = list(dict.fromkeys(parse_spec(text) for text in texts))
    if len(specs) > MAX_PACKAGES:
        raise InvalidInput(f"{len(specs)} packages are named.", f"Name at most {MAX_PACKAGES} at once.")
    if len({spec.name for spec in specs}) < len(specs):
        raise InvalidInput("A package is named with two versions.", "Name each package once.")
    versioned = [str(spec) for spec in specs if spec.version]
    if versioned and state != PRESENT:
        raise InvalidInput(f"{versioned[0]} cannot be {state}.", f"Give a version only with the state {PRESENT}.")
    return specs


def is_safe(name: str) -> bool:
    """Whether apt can take a name as that of a package: one that ends in + or - is else an order about another one.

    apt-get(8): "If a hyphen is appended to the package name […] the identified package will be removed".
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
    """Whether one of some shell patterns fits the name of a package."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Outcome(NamedTuple):
    """What came of a package: whether it is as it is wanted, and what is installed; empty where nothing is.

    :param wanted: the version that is wanted, empty when any is.
    :param words: what the package manager said where it failed.
    :param provided_by: the installed package that stands in its place, whose version this is; empty when none does.
    :param predicted: whether it is not as it is wanted, and the package manager would make it so.
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
    """What came of packages.

    :param texts: the packages, each ``name`` or ``name=version``.
    :param state: one of ``STATES``.
    :param observed: by name, what the package database says, as :func:`.facts.observe` returns it.
    :param words: by package as it was named, what the package manager said where it failed.
    :param predict: whether nothing was changed yet, as in check mode: what the package manager does not refuse is ok.
    :raises InvalidInput: when a package or the state cannot be used.
    """
    return [
        _outcome(spec, state, observed.get(spec.name, {}), words.get(str(spec), ""), predict)
        for spec in parse_specs(texts, state)
    ]


def _outcome(spec: PackageSpec, state: str, found: Mapping[str, Any], words: str, predict: bool) -> Outcome:
    version, provided_by = installed_version(found), str(found.get("provided_by") or "")
    if state == ABSENT:
        as_wanted = not version or bool(provided_by)
    else:
        as_wanted = bool(version) and (not spec.version or (spec.version == version and not provided_by))
    failed = "" if as_wanted and state != LATEST else redacted(words).strip()[-MAX_WORDS:]
    predicted = predict and not as_wanted and not failed
    return Outcome(
        name=spec.name,
        ok=(as_wanted or predicted) and not failed,
        wanted=spec.version,
        version=version,
        status=str(found.get("status") or ""),
        installed_at=str(found.get("installed_at") or ""),
        words=failed,
        provided_by=provided_by,
        predicted=predicted,
    )


def installed_version(found: Mapping[str, Any]) -> str:
    """The version of a package by what the package database says of it; empty when it is not installed."""
    return str(found.get("version") or "") if is_installed(str(found.get("status") or "")) else ""


def matches(name: str, version: str, others: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    """Whether a package is the same on other servers: ``yes``, ``no``, or ``unknown`` where none tells of it.

    :param version: the version here, empty when it is not installed.
    :param others: by server, the version of each package that it tells of.
    :return: also the version on each server that tells of it.
    """
    versions = {server: known[name] for server, known in others.items() if name in known}
    if not versions:
        return "unknown", {}
    return ("yes" if set(versions.values()) == {version} else "no"), versions
