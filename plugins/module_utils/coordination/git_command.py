# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running Git: the same safe settings for every call, and what Git's words mean."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, NamedTuple
from urllib.parse import urlsplit

from .errors import (
    CoordinationError,
    CredentialRejected,
    DependencyMissing,
    GitFailed,
    PushDeclined,
    RemoteMissing,
    RemoteUnreachable,
)

SAFE_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "merge.autoStash=false",
    "push.gpgSign=false",
    "commit.gpgSign=false",
    "http.followRedirects=false",
    "core.askPass=",
)
"""Settings of every call: nobody's hook or monitor runs, no submodule, no collection in the background."""

PATIENCE = 2
"""Seconds that a Git process has to end when it is told to."""
_CREDENTIAL_HELPER = (
    '!f() { test "$1" = get || exit 0; '
    'printf "username=x-access-token\\npassword=%s\\n" "$(cat "$ACS_BUILDERS_PAT_FILE")"; }; f'
)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def require_git() -> None:
    """Check that Git is there.

    :raises DependencyMissing: naming the Debian package to install.
    """
    if shutil.which("git") is None:
        raise DependencyMissing("Git is not installed on this host.", "Install it: apt-get install git")


class Outcome(NamedTuple):
    """How a Git call ended; ``status`` is None when it was ended because its time was over."""

    status: int | None
    stdout: bytes
    stderr: str


class GitCommand:
    """Git, run on one repository with the settings above, and without the caller's GIT_* variables.

    :param git_dir: the folder of the repository that holds HEAD.
    :param work_tree: its work tree; None for a bare repository.
    :param url: the remote's URL, to which alone the token is given.
    :param pat_file: the file that holds the token; Git asks for it through a credential helper.
    """

    def __init__(self, git_dir: Path, work_tree: Path | None = None, url: str = "", pat_file: str = "") -> None:
        self._folder = work_tree or git_dir.parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            **{"LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""},
            "ACS_BUILDERS_PAT_FILE": pat_file,
        }
        self._options = [f"--git-dir={git_dir}"] + ([f"--work-tree={work_tree}"] if work_tree else [])
        for setting in (*SAFE_CONFIG, *_credential_config(url, pat_file)):
            self._options += ["-c", setting]

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        timeout: float | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Outcome:
        """Run ``git`` with these arguments; it and its children are ended after ``timeout`` seconds.

        :param meanwhile: what is done while it runs.
        """
        process = self.start(*arguments, stderr=subprocess.PIPE)
        started = time.monotonic()
        try:
            if meanwhile:
                meanwhile()
            left = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
            stdout, stderr = process.communicate(stdin, left)
            return Outcome(process.returncode, stdout, stderr.decode("utf-8", "replace"))
        except subprocess.TimeoutExpired:
            return Outcome(None, b"", f"no answer within {timeout:.0f} s")
        finally:
            if process.returncode is None:
                _end(process)

    def start(self, *arguments: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start ``git`` with these arguments, with pipes to its input and from its output."""
        return subprocess.Popen(
            ["git", *self._options, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a Git process and its children: first so that they remove their locks, then in any case.

    One that has left their group and keeps their output open is not waited for.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=PATIENCE)
            return
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        with contextlib.suppress(OSError):
            pipe.close()
    process.wait()


def _credential_config(url: str, pat_file: str) -> list[str]:
    parts = urlsplit(url)
    trusted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not (trusted and pat_file and os.path.exists(pat_file)):
        return []
    return ["credential.helper=", f"credential.{parts.scheme}://{parts.netloc}.helper={_CREDENTIAL_HELPER}"]


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
_MISSING = (
    r"does not appear to be a git repository|dubious ownership"
    r"|[Rr]epository .*not found|returned error: 404"
)
_REDIRECT = r"unable to update url base from redirection|returned error: 30[1278]"
_MOVED_AWAY = (
    "When it was moved or renamed, change builders_remote_url in the inventory and run the set-up (ansible-playbook "
    "setup.yml); on a server that no set-up has made, run git remote set-url in the clone."
)
_BROKEN_OFF = r"RPC failed|(Recv|Send) failure|send disconnect"
"""Said when a connection was there: curl may try a request again on a new one, and that one may fail to connect."""
_UNREACHABLE = (
    r"Could not resolve|Name or service not known|Temporary failure in name resolution"
    r"|Connection refused|Failed to connect"
    r"|Couldn't connect|Network is unreachable|No route to host|Connection timed out|[Cc]onnection timed out after"
    r"|SSL certificate|server certificate|certificate verif"
)


def explain_failure(outcome: Outcome, url: str) -> Exception:
    """What a failed fetch or push means: an error of the remote, which is final, or :class:`Interrupted`."""
    words = outcome.stderr
    said = _shortened(words)
    remedy = "Try again later, or see whether the address and the network are right."
    if re.search(_CREDENTIAL, words):
        return CredentialRejected(
            f"The remote {url} does not accept the credential: {said}",
            "Check that the token file (/PAT, option pat_file) holds a valid token that may write to this repository.",
        )
    if re.search(_REDIRECT, words):
        return RemoteMissing(f"The remote {url} points to another address: {said}", _MOVED_AWAY)
    if re.search(_BROKEN_OFF, words):
        return Interrupted(said)
    if re.search(_UNREACHABLE, words):
        return RemoteUnreachable(f"The remote {url} cannot be reached: {said}", remedy)
    if re.search(_MISSING, words):
        return RemoteMissing(
            f"There is no Git repository at {url} that can be used: {said}",
            f"Check that the token and this user may see it. {_MOVED_AWAY}",
        )
    return Interrupted(said)


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
                f"The remote {url} refuses the push: {reason.partition('] ')[2]} {_shortened(outcome.stderr)}".rstrip(),
                "Nothing was written. Ask whoever keeps the remote to allow pushes to this branch, or follow its rule.",
            )
    return explain_failure(outcome, url)


def local_failure(outcome: Outcome, doing: str) -> CoordinationError:
    """The error for a Git call that touches no remote and failed for good."""
    return GitFailed(f"Git failed while {doing}: {_shortened(outcome.stderr)}", "See what it says and mend that first.")


def _shortened(words: str, limit: int = 400) -> str:
    """What Git said, on one printable line."""
    lines = [line.strip() for line in words.splitlines() if line.strip() and not line.startswith("hint:")]
    text = "; ".join(lines).replace("fatal: ", "").replace("error: ", "")
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= limit else printable[:limit] + "…"
