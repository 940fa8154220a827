# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed Git call means, by what Git, curl and the Git hosts say."""

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
"""Seconds for which a remote is left alone that was asked too often and does not say for how long."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""Variables that curl heeds, in small or capital letters. A service does not have those of a shell."""


class Outcome(NamedTuple):
    """How a Git call ended; ``status`` is None when it was ended because its time was over.

    :param stderr: what Git said, without secrets.
    :param headers: those of the last answer of a remote that is asked over HTTP, by their names in small letters.
    :param pat_file: the file that Git should have got the token from.
    :param no_token: why that file gave none; empty when it did.
    """

    status: int | None
    stdout: bytes
    stderr: str
    headers: Mapping[str, str] = {}
    pat_file: str = ""
    no_token: str = ""


class Moved(Exception):
    """The push was rejected because the branch is not where it was thought to be."""


class Interrupted(Exception):
    """The connection broke or the server failed: whether it took the push is not known."""


_MOVED = (
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
_OF_OTHERS = r"detected dubious ownership in repository at '([^']*)'"
"""Git advises to trust it with a setting of the person, and none of those counts here."""
_REDIRECT = r"unable to update url base from redirection|returned error: 30[1278]"
_BROKEN_OFF = r"RPC failed|(Recv|Send) failure|send disconnect"
"""Said when a connection was there: curl may try a request again on a new one, and that one may fail to connect."""
_UNREACHABLE = (
    r"Could not resolve|Name or service not known|Temporary failure in name resolution"
    r"|Connection refused|Failed to connect"
    r"|Couldn't connect|Network is unreachable|No route to host|Connection timed out|[Cc]onnection timed out after"
)
_CERTIFICATE = r"(?i)SSL certificate|server certificate|certificate verif|certificate subject name"
_ARCHIVED = r"(?m)^(remote|ERROR): .*\barchived\b"
"""GitHub: This repository was archived so it is read-only. Gitea: This repo is archived."""
_LIMITED = r"(?i)returned error: 429|rate limit|too many requests|retry later|abuse detection"
"""GitHub: You have exceeded a secondary rate limit. GitLab: Retry later."""
_DENIED = r"returned error: 403"
_FAILING = r"returned error: 5\d\d|(?i:temporarily read-only|try again later|temporarily unavailable)"
_HASH = r"mismatched algorithms|does not support this repository's hash algorithm"


def is_overloaded(outcome: Outcome) -> bool:
    """Whether a remote asks to be asked less often, in words or, where it denies a request, with Retry-After alone."""
    words = outcome.stderr
    return bool(re.search(_LIMITED, words) or (re.search(_DENIED, words) and "retry-after" in outcome.headers))


def is_failing(outcome: Outcome) -> bool:
    """Whether a remote has failed for a reason of its own, that may pass."""
    return bool(re.search(_FAILING, outcome.stderr))


def explain_failure(outcome: Outcome, url: str) -> Exception:
    """What a failed fetch or push means: an error of the remote, which is final, or :class:`Interrupted`."""
    words, said = outcome.stderr, shortened(outcome.stderr)
    if re.search(_ARCHIVED, words):
        return PushDeclined(
            f"The repository at {url} is archived, so nothing can be written to it: {said}",
            "Nothing was written. Unarchive it in its settings at the Git host, or set builders_remote_url to another "
            "one and run the set-up.",
        )
    if re.search(_BROKEN_OFF, words):
        return Interrupted(said)
    if is_overloaded(outcome):
        busy = RemoteBusy(
            f"The remote {url} was asked more often than it allows: {said}", "Nothing is to be done: it is asked later."
        )
        busy.wait = BUSY
        return busy
    if is_failing(outcome):
        busy = RemoteBusy(
            f"The remote {url} fails for a reason of its own: {said}",
            "It is asked again later. See what the Git host says of its state.",
        )
        busy.wait = BUSY if "retry-after" in outcome.headers else 0
        return busy
    if re.search(_REDIRECT, words):
        return _moved_away(outcome, url, said)
    return _refused(outcome, url, said) or Interrupted(said)


def _moved_away(outcome: Outcome, url: str, said: str) -> CoordinationError:
    """The error for a remote that has another address, perhaps since its repository was renamed."""
    to = outcome.headers.get("location", "").partition("/info/refs")[0]
    where = f"points to another address, {to}" if to else "points to another address"
    return RemoteMissing(
        f"The remote {url} {where}: {said}",
        "Where its repository was renamed or moved, set builders_remote_url to its new address and run the set-up.",
    )


def _refused(outcome: Outcome, url: str, said: str) -> CoordinationError | None:
    """The error for a remote that is not there, does not trust this host or is not trusted; None for anything else."""
    words = outcome.stderr
    if re.search(_CERTIFICATE, words):
        return RemoteUnreachable(
            f"The certificate of {url} is not trusted on this host: {said}",
            "Nothing was sent. See whether the clock is right and the address is that of the certificate. For an "
            "authority of your own, put its certificate into /usr/local/share/ca-certificates and run "
            "update-ca-certificates.",
        )
    if re.search(_HASH, words):
        return RemoteMissing(
            f"The repository at {url} names its objects by SHA-256, which this release cannot use: {said}",
            "Make one with SHA-1 (git init --object-format=sha1), set builders_remote_url to it and run the set-up.",
        )
    if re.search(_CREDENTIAL, words):
        what = sentence(f"The remote {url} does not accept the credential: {said}")
        return CredentialRejected(f"{what} {outcome.no_token}".rstrip(), _credential_remedy(outcome, url))
    if re.search(_UNREACHABLE, words):
        remedy = "Try again later, or see whether the address and the network are right."
        return RemoteUnreachable(f"The remote {url} cannot be reached: {said}", f"{remedy}{_proxy_advice()}")
    of_others = re.search(_OF_OTHERS, words)
    if of_others:
        return RemoteMissing(
            f"The repository at {url} belongs to another user, so Git does not read it.",
            "Trust it on the machine where it is; a setting of a person does not count: git config --system --add "
            f"safe.directory {shlex.quote(of_others[1])}",
        )
    if re.search(_MISSING, words):
        return RemoteMissing(
            f"There is no Git repository at {url} that can be used: {said}",
            "Check that the token and this user may see it. Where its address has changed, set builders_remote_url to "
            "the new one and run the set-up.",
        )
    return None


def _credential_remedy(outcome: Outcome, url: str) -> str:
    """What to do about a credential: only a remote that is asked over HTTPS, or on this machine, gets the token."""
    scheme = urlsplit(url).scheme
    if outcome.pat_file or scheme == "https":
        return (
            f"Check that the token file ({outcome.pat_file or '/PAT'}, option pat_file) holds a valid token that may "
            "write to this repository."
        )
    if scheme == "http":
        return (
            "No token was sent, since plain http shows it to others: set builders_remote_url to the https address and "
            "run the set-up."
        )
    if url.startswith("/") or scheme == "file":
        return "See that this user may read that folder and write to it."
    return (
        "Check that this user has an SSH key that may write to this repository, and the right key of the host in "
        "~/.ssh/known_hosts."
    )


def _proxy_advice() -> str:
    found = sorted(name for name in os.environ if name.lower() in PROXY_VARIABLES[:3])
    if not found:
        return ""
    return (
        f" The variable {found[0]} of this process is not used, for the service does not have it: set the proxy in the "
        "clone (git config http.proxy ADDRESS)."
    )


def explain_push(outcome: Outcome, url: str) -> Exception:
    """What a failed push means: :class:`Moved`, or as :func:`explain_failure`."""
    for line in outcome.stdout.decode("utf-8", "replace").splitlines():
        flag, _tab, status = line.partition("\t")
        if flag != "!":
            continue
        reason = status.partition("\t[")[2]
        if re.search(_MOVED, reason):
            return Moved(reason)
        if "remote rejected" in reason and not re.search(_RETRIED, reason):
            return PushDeclined(
                f"The remote {url} refuses the push: {reason.partition('] ')[2]} {shortened(outcome.stderr)}".rstrip(),
                "Nothing was written. Ask whoever keeps the remote to allow pushes to this branch, or follow its rule.",
            )
    return explain_failure(outcome, url)


def local_failure(outcome: Outcome, doing: str) -> CoordinationError:
    """The error for a Git call that touches no remote and failed for good."""
    return GitFailed(f"Git failed while {doing}: {shortened(outcome.stderr)}", "See what it says and mend that first.")


def shortened(words: str, limit: int = 400) -> str:
    """What Git said, on one printable line."""
    lines = [line.strip() for line in words.splitlines() if line.strip() and not line.startswith("hint:")]
    text = "; ".join(re.sub(r"^(fatal|error): ", "", line) for line in lines)
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= limit else printable[:limit] + "…"
