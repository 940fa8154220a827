# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit codes of builderctl."""

from __future__ import annotations

EXIT_CODES: dict[int, tuple[str, tuple[str, ...]]] = {
    0: ("done", ()),
    1: ("not healthy (only of 'health')", ()),
    2: (
        "wrong usage: an invalid option, id or name",
        (
            "invalid_input",
            "unknown_server",
            "unknown_message",
            "key_conflict",
            "identity",
            "secret",
            "loop",
            "needs_operator",
        ),
    ),
    3: (
        "the remote cannot be reached, or did not accept the write in time: try again later",
        ("unreachable", "deadline", "no_answer"),
    ),
    4: (
        "the remote rejects it: the credential, a hook or rule, a missing repository, or another host with this id",
        ("credential", "declined", "remote_missing", "duplicate_identity", "remote", "look_failed"),
    ),
    5: (
        "a file or program of this host, or a document in the repository, cannot be used",
        (
            "state",
            "document_damaged",
            "clone",
            "dependency",
            "git",
            "observation",
            "signing",
            "outbox_full",
            "not_actionable",
            "error",
        ),
    ),
    130: ("interrupted", ()),
}
"""The meaning of each exit code, and the kinds of errors (``CoordinationError.kind``) that it stands for."""

WAIT_CODES = {
    0: "a message came",
    3: "no such message came in time",
    4: "it could not look whether one came: the remote cannot be reached, or rejects it",
}
"""What some exit codes mean for the command ``wait``."""


def exit_code(kind: str) -> int:
    """Return the exit code of a kind of error."""
    return next((code for code, (_meaning, kinds) in EXIT_CODES.items() if kind in kinds), 5)
