# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of packages, as Debian's policy has them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from .errors import InvalidInput
from .printable import short

MAX_PACKAGES = 100
"""Packages that one request may name."""

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


def parse_specs(texts: Any) -> list[PackageSpec]:
    """Read a list of packages, each once, in its order.

    :raises InvalidInput: when it is no list of packages, is empty or has more than ``MAX_PACKAGES``.
    """
    if not isinstance(texts, (list, tuple)) or not texts:
        raise InvalidInput("No packages are named.", "Give a list of names.")
    specs = list(dict.fromkeys(parse_spec(text) for text in texts))
    if len(specs) > MAX_PACKAGES:
        raise InvalidInput(f"{len(specs)} packages are named.", f"Name at most {MAX_PACKAGES} at once.")
    if len({spec.name for spec in specs}) < len(specs):
        raise InvalidInput("A package is named with two versions.", "Name each package once.")
    return specs


def reads_as_order(name: str) -> bool:
    """Whether apt would read a name that no package has as an order to install or remove another one."""
    return name.endswith(("+", "-"))


def is_allowed(name: str, patterns: list[str]) -> bool:
    """Whether one of some shell patterns fits the name of a package."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
