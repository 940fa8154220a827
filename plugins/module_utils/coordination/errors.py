# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the coordination package, each with a remedy."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

from .secrets.redaction import redacted


def sentence(text: str) -> str:
    """End a text with a full stop, unless it has one.

    The output of other programs often has none.
    """
    whole = text.rstrip()
    return whole if whole.endswith((".", "!", "?", "…")) else f"{whole}."


class CoordinationError(Exception):
    """An error that the user can correct. Its text contains no secret.

    :param what: what happened, in one sentence.
    :param remedy: what to do next. A command at its end is not followed by a full stop, so that it can be pasted.
    """

    kind = "error"
    """A stable name of the class for programs: the return value ``reason`` of modules."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = sentence(redacted(what)), redacted(remedy)
        super().__init__(f"{self.what} {self.remedy}")

    def add_detail(self, detail: str) -> None:
        """Add a sentence about what happened, before the remedy."""
        self.what = f"{self.what} {redacted(detail)}"
        self.args = (f"{self.what} {self.remedy}",)


class InvalidInput(CoordinationError):
    """An argument of the caller is invalid."""

    kind = "invalid_input"


class UnknownServer(CoordinationError):
    """A server id is not in the fleet file."""

    kind = "unknown_server"


class IdentityMismatch(CoordinationError):
    """This host is another server than the caller expects, or its id is unknown."""

    kind = "identity"


class UnknownMessage(CoordinationError):
    """A message id is neither in the mailbox nor in the archives."""

    kind = "unknown_message"


class KeyConflict(CoordinationError):
    """An idempotency key or a message id was used before for another content."""

    kind = "key_conflict"


class ThreadLoops(InvalidInput):
    """An answer would continue a loop of messages without content, and is not sent."""

    kind = "loop"


class NeedsOperator(InvalidInput):
    """A message that only the operator may answer is not answered by another member of the fleet."""

    kind = "needs_operator"


class NoAnswer(CoordinationError):
    """The message that the caller waits for did not arrive within the time limit."""

    kind = "no_answer"


class RepositoryDamaged(Exception):
    """A bare repository of this server is damaged. The caller replaces it and repeats the operation.

    :param what: what happened.
    :param remedy: what to do if that does not help.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.error = GitFailed(what, remedy)
        super().__init__(self.error.what)


class DocumentDamaged(CoordinationError):
    """A document of the Build repository cannot be parsed. It is never overwritten.

    :param path: the path of the document in the repository.
    :param line: the line of the error.
    :param reason: the error, without a full stop.
    :param commit: the commit in which the document was read; empty if it is not known.
    :param good_commit: the newest commit in which the document can be parsed; empty if none is known.
    """

    kind = "document_damaged"

    def __init__(self, path: str, line: int, reason: str, commit: str = "", good_commit: str = "") -> None:
        where = f"{path}, line {line}" + (f", at commit {commit}" if commit else "")
        remedy = "Correct the file in the Build repository with an ordinary commit."
        if good_commit:
            remedy = (
                f"It is valid in commit {good_commit}, which is the newest such commit. In a clone, run "
                f"'git checkout {good_commit} -- {path}', commit and push."
            )
        elif commit:
            remedy = f"No commit was found in which it is valid. {remedy}"
        super().__init__(f"{where}: {reason}.", remedy)
        self.path = path
        self.line = line
        self.reason = redacted(reason)
        self.commit = commit
        self.good_commit = good_commit


class DependencyMissing(CoordinationError):
    """A required program or library is not installed."""

    kind = "dependency"


class StateUnusable(CoordinationError):
    """A file of this host cannot be read, written or locked."""

    kind = "state"


def unusable(error: OSError, path: Path | None = None) -> StateUnusable:
    """Convert an error of the operating system about a file to an error with a remedy.

    :param path: the file; needed where ``error`` names a temporary file.
    """
    reason, name = error.strerror or type(error).__name__, path or error.filename
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Free disk space on that file system ('df -h' lists the file systems)."
    elif error.errno == errno.EROFS:
        remedy = "Make that file system writable, or use a folder on another one."
    else:
        remedy = permission_remedy(error, "Correct that, and try again.")
    return StateUnusable(f"{name}: {reason}" if name else reason, remedy)


class OutboxFull(CoordinationError):
    """The outbox of this server has reached its maximum size."""

    kind = "outbox_full"


class Locked(StateUnusable):
    """Another process of this host holds a lock."""


class CloneInvalid(CoordinationError):
    """The clone is missing, or has no usable remote."""

    kind = "clone"


class SigningFailed(CoordinationError):
    """This server cannot sign a document, or cannot check signatures."""

    kind = "signing"


class NotActionable(CoordinationError):
    """A message must not be acted upon."""

    kind = "not_actionable"


class SecretFound(InvalidInput):
    """A text has a secret, or the form of a secret, and is not published."""

    kind = "secret"


class GitFailed(CoordinationError):
    """Git failed for a reason that no other class describes."""

    kind = "git"


class ObservationFailed(CoordinationError):
    """The installed packages of this machine cannot be determined."""

    kind = "observation"


class RemoteError(CoordinationError):
    """A fetch or a push failed."""

    kind = "remote"


class RemoteUnreachable(RemoteError):
    """The remote cannot be reached. Nothing was sent."""

    kind = "unreachable"


class RemoteBusy(RemoteUnreachable):
    """The remote has an internal error, or limits the rate of requests."""

    wait = 0.0
    """Seconds until the next request to the remote."""


class LookFailed(RemoteError):
    """A wait for messages could not look whether they came."""

    kind = "look_failed"


class CredentialRejected(RemoteError):
    """The remote rejected the credential."""

    kind = "credential"


class RemoteMissing(RemoteError):
    """The remote has no such repository or branch."""

    kind = "remote_missing"


class PushDeclined(RemoteError):
    """A hook or a rule of the remote declined the push."""

    kind = "declined"


class DeadlineReached(RemoteError):
    """The remote did not accept the write within the time limit."""

    kind = "deadline"


class DuplicateIdentity(RemoteError):
    """Another host publishes heartbeats with the id of this server."""

    kind = "duplicate_identity"


def permission_remedy(error: OSError, otherwise: str) -> str:
    """Return the remedy for a file that cannot be read or written.

    :param otherwise: the remedy for an error other than a missing permission.
    """
    if not isinstance(error, PermissionError):
        return otherwise
    if os.geteuid() != 0:
        return "This user does not have the permission. Run the command as root, with sudo."
    return f"Root does not have the permission either, so make root its owner: chown root:root {error.filename}"


def explain(error: Exception) -> str:
    """Return the text of an error; for an unexpected one with its place in the source."""
    if isinstance(error, (CoordinationError, OSError)):
        return redacted(str(unusable(error) if isinstance(error, OSError) else error))
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}, line {where.lineno}"
    return f"Unexpected error {type(error).__name__}: {redacted(str(error))} ({place}). Report it to the authors."
