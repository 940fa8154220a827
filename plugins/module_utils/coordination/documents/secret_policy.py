# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping secrets out of what is published, before it is written."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput, SecretFound
from ..secrets.scanner import OWN_TOKEN, find_in, redact_in
from ..secrets.token_file import text_of

REFUSE, REDACT, ALLOW = POLICIES = ("refuse", "redact", "allow")
"""What is done with a text that looks like a secret: not sent, as people want it; sent with a mark in its place, for
what machines write; or sent all the same, where it is none. This server's own token is never let through."""


def guarded(texts: dict[str, Any], pat_file: str, notes: list[str], policy: str = REFUSE) -> dict[str, Any]:
    """Texts, by their names, as they may be published.

    :param pat_file: the file that holds this server's token.
    :param notes: where it is noted that something was redacted.
    :param policy: one of ``POLICIES``.
    :raises SecretFound: naming the text and the kind of secret, and never the secret.
    """
    if policy not in POLICIES:
        raise InvalidInput(f"The option secrets cannot be {policy!r}.", f"Use one of {', '.join(POLICIES)}.")
    token = own_token(pat_file)
    if policy == REDACT:
        clean, names = redact_in(texts, token)
        if names:
            notes.append(f"Redacted before it was published: {', '.join(names)}.")
        return dict(clean)
    found = [(where, name) for where, name in find_in(texts, token) if policy == REFUSE or name == OWN_TOKEN]
    if found:
        what = ", ".join(f"{name} in {where}" for where, name in found)
        remedy = "Take it out, or have it replaced by a mark with --secrets redact (a module: secrets=redact)."
        if all(name != OWN_TOKEN for _where, name in found):
            remedy += " If it only looks like a secret, give --secrets allow (a module: secrets=allow)."
        raise SecretFound(f"Nothing was written: there is {what}.", remedy)
    return texts


def own_token(pat_file: str) -> str:
    """The token of this server, or what else its token file holds; empty when it has none."""
    return text_of(pat_file)
