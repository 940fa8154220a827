# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of a message from standard input."""

from __future__ import annotations

import os
import select
import sys

from ..coordination.errors import InvalidInput
from ..coordination.messages import MAX_BODY

PATIENCE = 10
"""Seconds of silence after which no body is expected from a standard input that nobody has named."""
MAX_BYTES = 4 * MAX_BODY
"""No character has more than four bytes in UTF-8."""


def read_body(patience: float | None = None) -> str:
    """The body of a message from standard input, without its last line ends.

    :param patience: seconds without input after which there is no body; None to wait for the end of the input.
    :raises InvalidInput: when nothing comes, or what comes is too long or not UTF-8.
    """
    try:
        data = _read(patience)
    except OSError as error:
        raise InvalidInput(
            f"Standard input cannot be read ({error.strerror or error}).", "Give the body as the last argument."
        ) from error
    if len(data) > MAX_BYTES:
        raise InvalidInput("Standard input is too long.", f"A body has at most {MAX_BODY} characters.")
    try:
        return data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"Standard input is not UTF-8 ({error}).", "Give plain text.") from error


def _read(patience: float | None) -> bytes:
    """What comes on standard input, which may be a pipe that does not block, up to one byte too much."""
    descriptor, data = sys.stdin.fileno(), b""
    while len(data) <= MAX_BYTES:
        if not select.select([descriptor], [], [], patience)[0]:
            raise InvalidInput(
                f"There is no body: standard input is open, and nothing has come for {patience:g} s.",
                "Give the body as the last argument, or give - in its place to wait for the end of standard input.",
            )
        part = os.read(descriptor, MAX_BYTES + 1 - len(data))
        if not part:
            break
        data += part
    return data
