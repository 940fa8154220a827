# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit codes of builderctl."""

from __future__ import annotations

EXIT_CODES: dict[int, tuple[str, tuple[str, ...]]] = {
    0: ("done", ()),
    1: ("not healthy ('health' alone says so)", ("no_answer",)),
    2: (
        "wrong usage: an option, an id or a name that cannot be used",
        ("invalid_input", "unknown_server", "unknown_message", "key_conflict", "identity", "secret"),
    ),
    3: ("the remote cannot be reached or did not take it in time: try again later", ("unreachable", "deadline")),
    4: (
        "the remote says no: the credential, a hook or rule, no such repository, or another host with this identity",
        ("credential", "declined", "remote_missing", "duplicate_identity", "remote"),
    ),
    5: (
        "something on this host, or a document in the repository, cannot be used",
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
"""What each exit code means, and the kinds of error that end with it."""


def exit_code(kind: str) -> int:
    """The exit code of a kind of error."""
    return next((code for code, (_meaning, kinds) in EXIT_CODES.items() if kind in kinds), 5)
