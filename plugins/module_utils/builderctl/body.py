# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the body of a message from standard input."""

from __future__ import annotations

import sys

from ..coordination.errors import InvalidInput
from ..coordination.mail.draft import MAX_BODY

MAX_BYTES = 4 * MAX_BODY
"""A character has at most four bytes in UTF-8 (RFC 3629)."""


def given_body(argument: str | None) -> str:
    """Return the body of a message, read from standard input if the argument is a hyphen.

    :raises InvalidInput: if there is none, or it cannot be read.
    """
    if argument is None:
        raise InvalidInput(
            "The message has no body.", "Pass it as the last argument, or pass - to read it from standard input."
        )
    return read_body() if argument == "-" else argument


def read_body() -> str:
    """Read the body of a message from standard input.

    :return: the body without trailing line ends.
    :raises InvalidInput: if it cannot be read, is too long or is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"Standard input cannot be read ({error.strerror or error}).", "Pass the body as the last argument."
        ) from error
    if len(data) > MAX_BYTES:
        raise InvalidInput("Standard input is too long.", f"A body has at most {MAX_BODY} characters.")
    try:
        return data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"Standard input is not UTF-8 ({error}).", "Pass UTF-8 text.") from error
