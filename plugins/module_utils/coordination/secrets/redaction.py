# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other programs say, without the secrets in it.

Git, ssh-keygen or dpkg may repeat what they were given. Their words pass :func:`harmless` where they enter, and so does
every error where it is made, before anything of it is shown, logged, stored or raised.
"""

from __future__ import annotations

from .scanner import redact
from .token_file import text_of

_token_files: dict[str, None] = {}
"""The token files of the hosts that this process has opened; tests open several."""


def guard_token_of(pat_file: str) -> None:
    """Take out of all words from now on what a token file holds at that time."""
    if pat_file:
        _token_files[pat_file] = None


def harmless(words: str) -> str:
    """Words with a mark in place of each secret: the tokens of this host, and what has the form of a secret."""
    if not words:
        return words
    return redact(words, " ".join(map(text_of, _token_files)))[0]
