# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of JSON, in the same words and at the same place with every version of Python."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_COMMA = re.compile(r",[ \t\r\n]*(?=[\]}])")
_ENDS = {"]": "array", "}": "object"}


class Fault(NamedTuple):
    """What is wrong in a JSON text, and where.

    :param line: the line, from 1.
    :param column: the column in characters, from 1.
    """

    reason: str
    line: int
    column: int


def find_fault(error: json.JSONDecodeError) -> Fault:
    """Return what an error means.

    Python 3.13 reports a comma before a closing bracket at the comma, earlier versions at the bracket, each in its own
    words. Here it is at the bracket.
    """
    comma = _COMMA.match(error.doc, error.pos)
    position = comma.end() if comma else error.pos
    end = _ENDS.get(error.doc[position : position + 1])
    is_comma = end and error.doc[:position].rstrip(" \t\r\n").endswith(",")
    reason = f"Illegal trailing comma before end of {end}" if is_comma else error.msg
    line = error.doc.count("\n", 0, position) + 1
    return Fault(reason, line, position - error.doc.rfind("\n", 0, position))


def json_reason(error: ValueError | RecursionError) -> str:
    """Return why a text is not JSON, with the place."""
    if isinstance(error, json.JSONDecodeError):
        return "{}: line {} column {}".format(*find_fault(error))
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
