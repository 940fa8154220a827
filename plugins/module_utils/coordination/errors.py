# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the coordination package, each with what the user can do about it."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

from .secrets.redaction import harmless


def sentence(text: str) -> str:
    """A text that another sentence can follow: what another program says has often no full stop."""
    whole = text.rstrip()
    return whole if whole.endswith((".", "!", "?", "…")) else f"{whole}."


class CoordinationError(Exception):
    """Something the user can understand and act upon.

    ``what`` says in one sentence what happened, ``remedy`` what to do next; neither holds a secret. A command at its
    end has no full stop behind it, so that it can be pasted.
    ``kind`` is a stable name for programs.
    """

    kind = "error"

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = sentence(harmless(what)), harmless(remedy)
        super().__init__(f"{self.what} {self.remedy}")

    def tell(self, more: str) -> None:
        """Say more of what happened, before what to do next."""
        self.what = f"{self.what} {harmless(more)}"
        self.args = (f"{self.what} {self.remedy}",)


class InvalidInput(CoordinationError):
    """A value that the caller gave cannot be used."""

    kind = "invalid_input"


class UnknownServer(CoordinationError):
    """A server id that the fleet does not know."""

    kind = "unknown_server"


class IdentityMismatch(CoordinationError):
    """This host is not, or is not known to be, the server it should speak for."""

    kind = "identity"


class UnknownMessage(CoordinationError):
    """A message id that is neither in the mailbox nor in the archives."""

    kind = "unknown_message"


class KeyConflict(CoordinationError):
    """An idempotency key, or a message id, that was used before with other content."""

    kind = "key_conflict"


class NoAnswer(CoordinationError):
    """Nothing that was waited for came in time."""

    kind = "no_answer"


class DocumentDamaged(CoordinationError):
    """A document of the Build repository that cannot be parsed; it is never overwritten."""

    kind = "document_damaged"

    def __init__(self, path: str, line: int, reason: str, commit: str = "", good_commit: str = "") -> None:
        where = f"{path}, line {line}" + (f", at commit {commit}" if commit else "")
        remedy = "Correct the file in the Build repository with an ordinary commit."
        if good_commit:
            remedy = (
                f"The newest commit in which it can be read is {good_commit}: in a clone, run "
                f"'git checkout {good_commit} -- {path}', commit and push."
            )
        elif commit:
            remedy = f"No commit was found in which it can be read. {remedy}"
        super().__init__(f"{where}: {reason}.", remedy)
        self.path = path
        self.line = line
        self.reason = harmless(reason)
        self.commit = commit
        self.good_commit = good_commit


class DependencyMissing(CoordinationError):
    """A program or library that is needed is not installed."""

    kind = "dependency"


class StateUnusable(CoordinationError):
    """This host's state directory cannot be read, written or locked."""

    kind = "state"


def unusable(error: OSError, path: Path | None = None) -> StateUnusable:
    """What to say when the system does not let a file be read or written.

    :param path: the file, where the error may name a temporary one.
    """
    told, name = error.strerror or type(error).__name__, path or error.filename
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Make room on that file system ('df -h' shows them all)."
    elif error.errno == errno.EROFS:
        remedy = "Make that file system writable, or give a folder on another one."
    else:
        remedy = reading_remedy(error, "See what it says and mend that first.")
    return StateUnusable(f"{name}: {told}" if name else told, remedy)


class OutboxFull(CoordinationError):
    """So much waits in this host's outbox that no more is accepted."""

    kind = "outbox_full"


class Locked(StateUnusable):
    """Another process of this host holds a lock for too long."""


class CloneInvalid(CoordinationError):
    """The clone does not tell where the Build repository is."""

    kind = "clone"


class SigningFailed(CoordinationError):
    """This server cannot sign what it sends, or check what others have signed."""

    kind = "signing"


class NotActionable(CoordinationError):
    """A message that must not be acted upon."""

    kind = "not_actionable"


class SecretFound(InvalidInput):
    """A text that is to be published holds a secret, or what looks like one."""

    kind = "secret"


class GitFailed(CoordinationError):
    """Git failed for a reason that nothing above explains."""

    kind = "git"


class ObservationFailed(CoordinationError):
    """This machine does not tell what is on it."""

    kind = "observation"


class RemoteError(CoordinationError):
    """The remote did not do what was asked."""

    kind = "remote"


class RemoteUnreachable(RemoteError):
    """No connection to the remote; nothing was sent."""

    kind = "unreachable"


class RemoteBusy(RemoteUnreachable):
    """The remote fails, or asks to be asked less often; ``wait`` is how many seconds it is left alone."""

    wait = 0.0


class CredentialRejected(RemoteError):
    """The remote does not accept the credential."""

    kind = "credential"


class RemoteMissing(RemoteError):
    """There is no such repository or branch at the remote."""

    kind = "remote_missing"


class PushDeclined(RemoteError):
    """The remote refuses this push by a hook or a rule."""

    kind = "declined"


class DeadlineReached(RemoteError):
    """The write was not accepted in time."""

    kind = "deadline"


class DuplicateIdentity(RemoteError):
    """Another host beats as the same server."""

    kind = "duplicate_identity"


def reading_remedy(error: OSError, otherwise: str) -> str:
    """What to do about a file that cannot be read or written: another user has to, or what helps ``otherwise``."""
    if not isinstance(error, PermissionError):
        return otherwise
    if os.geteuid() != 0:
        return "This user may not do that. Run it as root, with sudo."
    return f"Give it to root, who has no more rights here than an owner has: chown root:root {error.filename}"


def explain(error: Exception) -> str:
    """Why something failed, in a sentence; with the place in this program where nobody foresaw it."""
    if isinstance(error, (CoordinationError, OSError)):
        return harmless(str(unusable(error) if isinstance(error, OSError) else error))
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}, line {where.lineno}"
    words = harmless(str(error))
    return f"This should not happen: {type(error).__name__}: {words} ({place}). Report it to the authors."
