# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy for secrets in texts that are published."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput, SecretFound
from ..secrets.scanner import OWN_TOKEN, find_in, redact_in
from ..secrets.token_file import text_of

REFUSE, REDACT, ALLOW = POLICIES = ("refuse", "redact", "allow")
"""What to do with a text that looks like a secret: refuse to publish it, the default for people; replace it by a mark,
the default for output of programs; or publish it, if it is not a secret. The token of this server is never
published."""


def apply_secret_policy(texts: dict[str, Any], pat_file: str, notes: list[str], policy: str = REFUSE) -> dict[str, Any]:
    """Apply a policy to texts before they are published.

    :param texts: the texts by name.
    :param pat_file: the token file of this server.
    :param notes: the list to which a note about redacted texts is added.
    :param policy: one of ``POLICIES``.
    :return: the texts that may be published, by name.
    :raises InvalidInput: if the policy is unknown.
    :raises SecretFound: if a secret is refused. The error names the text and the kind of the secret, never the secret.
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
    """Return the content of the token file of this server, empty if there is none."""
    return text_of(pat_file)
