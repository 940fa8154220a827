# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running Git: the same safe settings for every call."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

from ..errors import DependencyMissing
from ..secrets.redaction import redacted
from ..secrets.token_file import NoToken, read_token
from .failures import PROXY_VARIABLES, Outcome

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

MAX_TRACE = 1_000_000
"""Bytes of a trace that are looked at."""
PATIENCE = 2
"""Seconds that a Git process has to end when it is told to."""
NETWORK = ("fetch", "push", "ls-remote")
"""The commands that may ask a remote."""
_CREDENTIAL_HELPER = '!f() { test "$1" = get || exit 0; cat /proc/self/fd/%d; }; f'
"""Git gets the token from a descriptor: it stands neither in a command line nor in a variable."""
NOWHERE = "/dev/null"
"""The home folder of Git: a person's settings and .netrc are none of the service, and count for nobody else either."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def require_git() -> None:
    """Check that Git is there.

    :raises DependencyMissing: naming the Debian package to install.
    """
    if shutil.which("git") is None:
        raise DependencyMissing("Git is not installed on this host.", "Install it: apt-get install git")


class GitCommand:
    """Git, run on one repository with the settings above, and without the caller's GIT_* variables.

    :param git_dir: the folder of the repository that holds HEAD.
    :param work_tree: its work tree; None for a bare repository.
    :param url: the remote's URL, to which alone the token is given.
    :param pat_file: the file that holds the token; Git asks for it through a credential helper.
    :param settings: further settings, each ``name=value``.
    """

    def __init__(
        self,
        git_dir: Path,
        work_tree: Path | None = None,
        url: str = "",
        pat_file: str = "",
        settings: Sequence[str] = (),
    ) -> None:
        self._folder = work_tree or git_dir.parent
        self._context = _context(url)
        self._pat_file = pat_file
        self._environment = {**neutral_environment(), "HOME": NOWHERE}
        self._options = [f"--git-dir={git_dir}"] + ([f"--work-tree={work_tree}"] if work_tree else [])
        for setting in (*settings, *SAFE_CONFIG):
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
        if not self._context or arguments[0] not in NETWORK:
            return self._run(arguments, {}, (), stdin, timeout, meanwhile)
        try:
            credential, no_token = f"username=x-access-token\npassword={read_token(self._pat_file)}\n", ""
        except NoToken as error:
            credential, no_token = "", str(error)
        token, trace = _in_memory(credential.encode("ascii")), _in_memory(b"")
        try:
            helper = f"credential.{self._context}.helper={_CREDENTIAL_HELPER % token}"
            words = ("-c", "credential.helper=", *(("-c", helper) if credential else ()), *arguments)
            variables = {"GIT_TRACE_CURL": f"/proc/self/fd/{trace}", "GIT_TRACE_CURL_NO_DATA": "1"}
            outcome = self._run(words, variables, (token, trace), stdin, timeout, meanwhile)
            headers = _last_headers(os.pread(trace, MAX_TRACE, 0).decode("utf-8", "replace"))
            return outcome._replace(headers=headers, pat_file=self._pat_file, no_token=no_token)
        finally:
            os.close(token)
            os.close(trace)

    def _run(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        descriptors: Sequence[int],
        stdin: bytes,
        timeout: float | None,
        meanwhile: Callable[[], object] | None,
    ) -> Outcome:
        process = subprocess.Popen(
            ["git", *self._options, *arguments],
            cwd=self._folder,
            env={**self._environment, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=descriptors,
        )
        started = time.monotonic()
        try:
            if meanwhile:
                meanwhile()
            left = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
            stdout, stderr = process.communicate(stdin, left)
            return Outcome(process.returncode, stdout, redacted(stderr.decode("utf-8", "replace")))
        except subprocess.TimeoutExpired:
            return Outcome(None, b"", f"no answer within {timeout:.0f} s")
        finally:
            if process.returncode is None:
                _end(process)


def steers(name: str) -> bool:
    """Whether a variable of this process would steer Git: one of its own, or of a proxy, or of a person's settings."""
    return name.startswith("GIT_") or name.lower() in (*PROXY_VARIABLES, "xdg_config_home")


def neutral_environment() -> dict[str, str]:
    """The variables of this process for Git, without those that steer it."""
    kept = {name: value for name, value in os.environ.items() if not steers(name)}
    return {**kept, "LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}


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


def _context(url: str) -> str:
    """The scheme and host to which alone the token is given; empty when it would go unencrypted over a network."""
    parts = urlsplit(url)
    trusted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return f"{parts.scheme}://{parts.netloc}" if trusted else ""


def _in_memory(content: bytes) -> int:
    """A descriptor of a file that is on no disk; never one of the three that Git gets anew."""
    made = os.memfd_create("acs-builders")
    try:
        os.write(made, content)
        return fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(made)


def _last_headers(trace: str) -> dict[str, str]:
    """The headers of the last answer, from what Git traces of HTTP (git(1), GIT_TRACE_CURL)."""
    headers: dict[str, str] = {}
    for line in trace.splitlines():
        name, colon, value = line.partition("<= Recv header: ")[2].partition(":")
        if name.startswith("HTTP/"):
            headers = {}
        elif colon:
            headers[name.strip().lower()] = value.strip()
    return headers
