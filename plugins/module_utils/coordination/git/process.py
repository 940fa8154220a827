# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git processes, all with the same safe settings."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
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
from ..secrets.token_file import NoToken, credential, may_receive
from .failures import PROXY_VARIABLES, Outcome, is_untrusted

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
    "protocol.version=0",
)
"""The settings of every command: no hooks, file system monitors, submodules or background maintenance.

With version 2 of the protocol, Git asks for the refs in a request of its own (gitprotocol-v2(5)).
"""

MAX_TRACE = 1_000_000
"""The maximum number of bytes of a trace that are read."""
END_TIMEOUT = 2
"""Seconds for a Git process to end after SIGTERM, and after SIGKILL."""
NETWORK = ("fetch", "push", "ls-remote")
"""The commands that may access a remote."""
_CREDENTIAL_HELPER = '!f() { test "$1" = get || exit 0; cat /proc/self/fd/%d; }; f'
"""Git reads the token from a file descriptor, so it is neither in a command line nor in a variable."""
_FIRST_REQUEST = "include.path=/proc/self/fd/%d"
"""A file with the token for the first request already. This saves the request that the remote would refuse."""
NO_HOME = "/dev/null"
"""The home directory of Git. The service cannot read the global configuration and .netrc, so nothing else uses them."""
_NO_FOLDER = "http.sslCAPath=/dev/null"
_NEEDS_FOLDER: set[str] = set()
"""The credential contexts of remotes whose certificate only the certificate folder of the system makes trusted."""


def require_git() -> None:
    """Check that Git is installed.

    :raises DependencyMissing: if it is not; the remedy names the Debian package.
    """
    if shutil.which("git") is None:
        raise DependencyMissing("Git is not installed on this host.", "Install it: apt-get install git")


def git_version() -> str:
    """Return the version of Git, for example ``2.39.5``.

    :raises DependencyMissing: if it is not installed.
    """
    require_git()
    printed = subprocess.run(["git", "--version"], env=git_environment(), capture_output=True, text=True, check=False)
    return printed.stdout.strip().removeprefix("git version ")


class GitCommand:
    """Git commands on one repository, with the safe settings and without the GIT_* variables of the caller.

    :param git_dir: the folder of the repository that contains HEAD.
    :param work_tree: its work tree; None for a bare repository.
    :param url: the URL of the remote, the only one that receives the token.
    :param pat_file: the path of the token file; a credential helper passes the token to Git.
    :param settings: more settings, each ``name=value``.
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
        self._environment = {**git_environment(), "HOME": NO_HOME}
        if any(setting.partition("=")[0].lower().endswith(".sslcapath") for setting in settings):
            _NEEDS_FOLDER.add(self._context)
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
        """Run ``git`` with arguments.

        :param timeout: seconds after which the process and its children are ended; None for no limit.
        :param meanwhile: a function to call while Git runs.
        """
        if not self._context or arguments[0] not in NETWORK:
            return self._run(arguments, {}, (), stdin, timeout, meanwhile)
        try:
            answer, no_token = credential(self._pat_file), ""
        except NoToken as error:
            answer, no_token = "", str(error)
        files = token, header, trace = [_in_memory(text) for text in (answer, _header(self._context, answer), "")]
        try:
            helper = f"credential.{self._context}.helper={_CREDENTIAL_HELPER % token}"
            credentials = ("-c", helper, "-c", _FIRST_REQUEST % header) if answer else ()
            words = ("-c", "credential.helper=", *credentials, *arguments)
            variables = {"GIT_TRACE_CURL": f"/proc/self/fd/{trace}", "GIT_TRACE_CURL_NO_DATA": "1"}
            outcome = self._connect(
                lambda trust: self._run((*trust, *words), variables, files, stdin, timeout, meanwhile)
            )
            headers = _last_headers(os.pread(trace, MAX_TRACE, 0).decode("utf-8", "replace"))
            return outcome._replace(headers=headers, pat_file=self._pat_file, no_token=no_token)
        finally:
            for file in files:
                os.close(file)

    def _connect(self, run: Callable[[Sequence[str]], Outcome]) -> Outcome:
        """Run a command without the certificate folder of the system, and with it if the remote is not trusted.

        GnuTLS reads all files of this folder for each connection, two thirds of the time of ``git ls-remote``.
        On Debian, its certificates are also in the bundle (update-ca-certificates(8)), which is always used.

        :param run: runs the command with more options of Git.
        """
        if self._context not in _NEEDS_FOLDER:
            outcome = run(("-c", _NO_FOLDER))
            if not is_untrusted(outcome):
                return outcome
            _NEEDS_FOLDER.add(self._context)
        return run(())

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


def affects_git(name: str) -> bool:
    """Return whether a variable affects Git: a variable of Git, of a proxy, or for the global configuration."""
    return name.startswith("GIT_") or name.lower() in (*PROXY_VARIABLES, "xdg_config_home")


def git_environment() -> dict[str, str]:
    """Return the environment for Git: that of this process without the variables that affect Git."""
    kept = {name: value for name, value in os.environ.items() if not affects_git(name)}
    return {**kept, "LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a Git process and its children: with SIGTERM, after which they remove their locks, then with SIGKILL.

    A child that has left the process group and keeps the output open does not block this function.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=END_TIMEOUT)
            return
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        with contextlib.suppress(OSError):
            pipe.close()
    process.wait()


def _context(url: str) -> str:
    """Return the credential context (gitcredentials(7)) for the token; empty if the network would be unencrypted."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if may_receive(parts.scheme, parts.netloc) else ""


def _header(context: str, answer: str) -> str:
    """Return a configuration file of Git that sends a credential with each request (RFC 7617).

    :param context: the credential context, to which alone it is sent.
    :param answer: the answer of a credential helper.
    """
    user_password = ":".join(line.partition("=")[2] for line in answer.splitlines())
    token = base64.b64encode(user_password.encode("ascii")).decode("ascii")
    return f"[http {json.dumps(context, ensure_ascii=False)}]\n\textraHeader = Authorization: Basic {token}\n"


def _in_memory(content: str) -> int:
    """Return the descriptor of a file in memory. It is above 2, because 0 to 2 are replaced in the child process."""
    file = os.memfd_create("acs-builders")
    try:
        os.write(file, content.encode("utf-8"))
        return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(file)


def _last_headers(trace: str) -> dict[str, str]:
    """Return the headers of the last HTTP response in a trace (git(1), GIT_TRACE_CURL)."""
    headers: dict[str, str] = {}
    for line in trace.splitlines():
        name, colon, value = line.partition("<= Recv header: ")[2].partition(":")
        if name.startswith("HTTP/"):
            headers = {}
        elif colon:
            headers[name.strip().lower()] = value.strip()
    return headers
