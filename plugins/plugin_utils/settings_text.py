# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of settings files in JSON and TOML."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any, NamedTuple

from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.module_utils.coordination.json_errors import json_reason

try:
    tomllib: Any = importlib.import_module("tomllib")
except ImportError:  # Python before 3.11
    tomllib = None

RETRY = "Correct it, and run the setup again"


def parse_json(text: str, name: str) -> dict[str, Any]:
    """Parse a JSON object; an empty text is an empty object.

    :param name: the name of the file for errors.
    :raises AnsibleFilterError: if it is not one.
    """
    try:
        settings = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise AnsibleFilterError(f"{name} is not valid JSON ({json_reason(error)}). {RETRY}") from None
    if not isinstance(settings, dict):
        raise AnsibleFilterError(f"{name} is not a JSON object. {RETRY}")
    return settings


def json_text(settings: dict[str, Any], before: str) -> str:
    """Return settings as JSON with the indentation of the text before; empty if there are none."""
    indent = re.match(r"\s*\{\s*?\n([ \t]+)", before)
    return f"{json.dumps(settings, indent=indent[1] if indent else 2, ensure_ascii=False)}\n" if settings else ""


class Known(NamedTuple):
    """A table of TOML that is known without a parser.

    :param table: its name.
    :param pattern: a regular expression for a text that has it.
    :param meaning: its content.
    :param remedy: how a person adds it.
    """

    table: str
    pattern: str
    meaning: dict[str, Any]
    remedy: str


def parse_toml(text: str, name: str, known: Known) -> dict[str, Any]:
    """Parse TOML. Without a parser, only one table is known, and a text in which all lines have a mark.

    :param name: the name of the file for errors.
    :raises AnsibleFilterError: if it is not valid, or cannot be parsed.
    """
    if tomllib is None:
        if re.search(known.pattern, text):
            return {known.table: known.meaning}
        if re.search(r"(?m)^(?!.*# acs-builders(: mcp)?$).*\S", text):
            raise AnsibleFilterError(
                f"{name} can only be edited by Ansible with Python 3.11 or later on the controller. Use it, or "
                f"{known.remedy}"
            )
        return {}
    try:
        parsed: dict[str, Any] = tomllib.loads(text)
        return parsed
    except ValueError as error:
        raise AnsibleFilterError(f"{name} is not valid TOML ({error}). {RETRY}") from None


def without_marked_lines(text: str, mark: str) -> str:
    """Return a text without the lines that end with a mark."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(mark))
