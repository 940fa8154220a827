# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction of the output of other programs, and of the texts of errors.

Git, ssh-keygen or dpkg may repeat their input. Their output passes :func:`redacted` where it is read, and every error
where it is created, before any of it is printed, logged, stored or raised.
"""

from __future__ import annotations

from .scanner import redact
from .token_file import text_of

_token_files: dict[str, None] = {}
"""The token files of the hosts that this process has opened; tests open several."""


def register_token_file(path: str) -> None:
    """Redact the content of a token file from all texts from now on.

    The file is read again for each text.
    """
    if path:
        _token_files[path] = None


def redacted(text: str) -> str:
    """Return a text with a mark in place of each secret.

    Secrets are the tokens of this host, and texts in the form of a secret.
    """
    if not text:
        return text
    return redact(text, " ".join(map(text_of, _token_files)))[0]
