# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of failed Git commands, according to the messages of Git, curl and Git hosts."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import (
    CoordinationError,
    CredentialRejected,
    GitFailed,
    PushDeclined,
    RemoteBusy,
    RemoteMissing,
    RemoteUnreachable,
    sentence,
)

BUSY = 60
"""Seconds without requests to a remote that limits their rate and sends no Retry-After."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""Variables of curl, in lower or upper case. The service does not have the variables of a shell."""


class Outcome(NamedTuple):
    """The outcome of a Git command.

    :param status: the exit status; None if the command was ended after its timeout.
    :param stderr: the messages of Git, without secrets.
    :param headers: the headers of the last HTTP response, by their names in lower case.
    :param pat_file: the path of the token file; empty if the token is not for this remote.
    :param no_token: why that file has no token; empty if it has one.
    """

    status: int | None
    stdout: bytes
    stderr: str
    headers: Mapping[str, str] = {}
    pat_file: str = ""
    no_token: str = ""


class PushRejected(Exception):
    """The push was rejected because the branch of the remote is not at the expected commit."""


class ConnectionLost(Exception):
    """The connection was lost or the remote failed. Whether the remote accepted a push is unknown."""


class DiskFull(ConnectionLost):
    """The answer of the remote cannot be stored, because the disk of this host is full or read-only."""


_REJECTED = (
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old value"
    r"|reference already exists|remote ref updated since checkout"
)
_RETRIED = r"(?i)unpacker error|failed to write|internal server error|timed? ?out"
_CREDENTIAL = (
    r"Authentication failed|could not read (Username|Password)|Permission denied|returned error: 40[13]"
    r"|Invalid username or (password|token)|terminal prompts disabled|Permission to .* denied"
    r"|Host key verification failed"
)
_MISSING = r"does not appear to be a git repository|[Rr]epository .*not found|returned error: (404|410|451)"
_FOREIGN_OWNER = r"detected dubious ownership in repository at '([^']*)'"
"""Git suggests a global setting, but the global configuration is not used here."""
_REDIRECT = r"unable to update url base from redirection|returned error: 30[1278]"
_DISK_FULL = r"(?m)^(?!remote:|.*remote unpack).*(No space left on device|Disk quota exceeded|Read-only file system)$"
_CONNECTION_LOST = r"RPC failed|(Recv|Send) failure|send disconnect"
"""Messages about an open connection. curl may then repeat the request, and fail to connect."""
_UNREACHABLE = (
    r"Could not resolve|Name or service not known|Temporary failure in name resolution"
    r"|Connection refused|Failed to connect"
    r"|Couldn't connect|Network is unreachable|No route to host|Connection timed out|[Cc]onnection timed out after"
)
_CERTIFICATE = r"(?i)SSL (CA )?cert|server certificate|certificate verif|certificate subject name"
_ARCHIVED = r"(?m)^(remote|ERROR): .*\barchived\b"
"""GitHub: This repository was archived so it is read-only. Gitea: This repo is archived."""
_LIMITED = r"(?i)returned error: 429|rate limit|too many requests|retry later|abuse detection"
"""GitHub: You have exceeded a secondary rate limit. GitLab: Retry later."""
_DENIED = r"returned error: 403"
_FAILING = r"returned error: 5\d\d|(?i:temporarily read-only|try again later|temporarily unavailable)"
_HASH = r"mismatched algorithms|does not support this repository's hash algorithm"


def is_overloaded(outcome: Outcome) -> bool:
    """Return whether a remote limits the rate of requests: by its message, or by a denial with Retry-After."""
    words = outcome.stderr
    return bool(re.search(_LIMITED, words) or (re.search(_DENIED, words) and "retry-after" in outcome.headers))


def is_failing(outcome: Outcome) -> bool:
    """Return whether a remote reports an internal or temporary error."""
    return bool(re.search(_FAILING, outcome.stderr))


def is_untrusted(outcome: Outcome) -> bool:
    """Return whether the certificate of a remote is not trusted."""
    return bool(re.search(_CERTIFICATE, outcome.stderr))


def explain_failure(outcome: Outcome, url: str) -> Exception:
    """Return the error of a failed fetch or push: a final error of the remote, or :class:`ConnectionLost`."""
    words, said = outcome.stderr, shortened(outcome.stderr)
    if re.search(_ARCHIVED, words):
        return PushDeclined(
            f"The repository at {url} is archived, so nothing can be written to it: {said}",
            "Nothing was written. Unarchive it in its settings at the Git host, or set builders_remote_url to another "
            "repository and run the setup.",
        )
    if re.search(_DISK_FULL, words):
        return DiskFull(said)
    if re.search(_CONNECTION_LOST, words):
        return ConnectionLost(said)
    if is_overloaded(outcome):
        busy = RemoteBusy(
            f"The remote {url} limits the rate of requests: {said}", "No action is needed. The request is sent later."
        )
        busy.wait = BUSY
        return busy
    if is_failing(outcome):
        busy = RemoteBusy(
            f"The remote {url} has an internal error: {said}",
            "The request is sent again later. See the status page of the Git host.",
        )
        busy.wait = BUSY if "retry-after" in outcome.headers else 0
        return busy
    if re.search(_REDIRECT, words):
        return _redirected(outcome, url, said)
    return _refused(outcome, url, said) or ConnectionLost(said)


def _redirected(outcome: Outcome, url: str, said: str) -> CoordinationError:
    """Return the error for a remote that redirects, perhaps because its repository was renamed."""
    to = outcome.headers.get("location", "").partition("/info/refs")[0]
    where = f"redirects to another address, {to}" if to else "redirects to another address"
    return RemoteMissing(
        f"The remote {url} {where}: {said}",
        "If its repository was renamed or moved, set builders_remote_url to its new address and run the setup.",
    )


def _refused(outcome: Outcome, url: str, said: str) -> CoordinationError | None:
    """Return the error of a remote that is missing, rejects this host or is not trusted; None for other failures."""
    words = outcome.stderr
    if is_untrusted(outcome):
        return RemoteUnreachable(
            f"The certificate of {url} is not trusted on this host: {said}",
            "Nothing was sent. Check the clock, and whether the address matches the certificate. For your own "
            "certificate authority, put its certificate into /usr/local/share/ca-certificates and run "
            "update-ca-certificates.",
        )
    if re.search(_HASH, words):
        return RemoteMissing(
            f"The repository at {url} uses SHA-256 object names, which this release does not support: {said}",
            "Create one with SHA-1 (git init --object-format=sha1), set builders_remote_url to it and run the setup.",
        )
    if re.search(_CREDENTIAL, words):
        what = sentence(f"The remote {url} rejected the credential: {said}")
        return CredentialRejected(f"{what} {outcome.no_token}".rstrip(), _credential_remedy(outcome, url))
    if re.search(_UNREACHABLE, words):
        remedy = "Try again later, or check the address and the network."
        return RemoteUnreachable(f"The remote {url} cannot be reached: {said}", f"{remedy}{_proxy_advice()}")
    foreign_owner = re.search(_FOREIGN_OWNER, words)
    if foreign_owner:
        return RemoteMissing(
            f"The repository at {url} belongs to another user, so Git refuses to read it.",
            "Run on the machine with that repository (global settings are not used): git config --system --add "
            f"safe.directory {shlex.quote(foreign_owner[1])}",
        )
    if re.search(_MISSING, words):
        return RemoteMissing(
            f"There is no usable Git repository at {url}: {said}",
            "Check that the token or this user may read it. If its address has changed, set builders_remote_url to "
            "the new address and run the setup.",
        )
    return None


def _credential_remedy(outcome: Outcome, url: str) -> str:
    """Return the remedy for a rejected credential. The token is sent only over HTTPS, or to this machine."""
    scheme = urlsplit(url).scheme
    if outcome.pat_file or scheme == "https":
        return (
            f"Check that the token file ({outcome.pat_file or '/PAT'}, option pat_file) contains a valid token that "
            "may write to this repository."
        )
    if scheme == "http":
        return (
            "No token was sent, because plain http does not encrypt it: set builders_remote_url to the https address "
            "and run the setup."
        )
    if url.startswith("/") or scheme == "file":
        return "Check that this user may read and write that folder."
    return (
        "Check that this user has an SSH key that may write to this repository, and that ~/.ssh/known_hosts contains "
        "the key of the host."
    )


def _proxy_advice() -> str:
    found = sorted(name for name in os.environ if name.lower() in PROXY_VARIABLES[:3])
    if not found:
        return ""
    return (
        f" The variable {found[0]} of this process is not used, because the service does not have it: set the proxy in "
        "the clone (git config http.proxy ADDRESS)."
    )


def explain_push(outcome: Outcome, url: str) -> Exception:
    """Return the error of a failed push: :class:`PushRejected`, or as :func:`explain_failure`."""
    for line in outcome.stdout.decode("utf-8", "replace").splitlines():
        flag, _tab, status = line.partition("\t")
        if flag != "!":
            continue
        reason = status.partition("\t[")[2]
        if re.search(_REJECTED, reason):
            return PushRejected(reason)
        if "remote rejected" in reason and not re.search(_RETRIED, reason):
            return PushDeclined(
                f"The remote {url} declined the push: {reason.partition('] ')[2]} {shortened(outcome.stderr)}".rstrip(),
                "Nothing was written. Follow the rule, or ask the owner of the remote to allow pushes to this branch.",
            )
    return explain_failure(outcome, url)


def local_failure(words: str, doing: str) -> GitFailed:
    """Return the error of a Git command that does not access a remote.

    :param words: the messages of Git.
    :param doing: what the command does, for the message.
    """
    return GitFailed(f"Git failed while {doing}: {shortened(words)}", "Correct what the message of Git names.")


def shortened(words: str, limit: int = 400) -> str:
    """Return messages of Git as one printable line."""
    lines = [line.strip() for line in words.splitlines() if line.strip() and not line.startswith("hint:")]
    text = "; ".join(re.sub(r"^(fatal|error): ", "", line) for line in lines)
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= limit else printable[:limit] + "…"
