# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the token of the Git host.

The file contains only the token, one word of printable ASCII characters. White space, line ends, empty lines and a
byte order mark around it are ignored. This file uses only the standard library, because the role build_pat runs it on
a server and the credential helper of the clone imports it.

    python3 token_file.py FILE

prints the token. If there is none, it prints the reason and exits with 1; with 2 if the file is missing; with 3 if it
is not a regular file or cannot be read.
"""

from __future__ import annotations

import codecs
import os
import stat
import sys
from urllib.parse import urlsplit

MAX_SIZE = 4096
"""Bytes; a longer file is rejected."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


class NoToken(Exception):
    """A file contains no valid token.

    The text names the file and repeats nothing of its content.
    """

    exit_code = 1


class NoTokenFile(NoToken):
    """The file is missing."""

    exit_code = 2


class NotReadable(NoToken):
    """It is not a regular file, or this user cannot read it."""

    exit_code = 3


def read_token(path: str) -> str:
    """Read the token from a file.

    :raises NoToken: if the file does not contain exactly one valid token.
    """
    content = _read(path)
    if len(content) > MAX_SIZE:
        raise NoToken(f"{path} is longer than {MAX_SIZE} bytes, so it is not a token.")
    if content.startswith(_UTF_16):
        raise NoToken(f"{path} is UTF-16 text, but a token is plain ASCII text.")
    words = content.removeprefix(codecs.BOM_UTF8).split()
    if not words:
        raise NoToken(f"{path} is empty.")
    if len(words) > 1:
        raise NoToken(f"{path} contains {len(words)} words, but a token is one word.")
    if any(not 0x21 <= byte <= 0x7E for byte in words[0]):
        raise NoToken(f"{path} contains characters that are not printable ASCII characters.")
    return words[0].decode("ascii")


def credential(path: str) -> str:
    """Return the token as the answer of a credential helper (gitcredentials(7)).

    :raises NoToken: as :func:`read_token`.
    """
    return f"username=x-access-token\npassword={read_token(path)}\n"


def may_receive(protocol: str, host: str) -> bool:
    """Return whether the connection to a remote keeps the token secret: encrypted, or on this machine.

    :param host: the name of the host, with the port if the URL has one.
    """
    return protocol == "https" or (protocol == "http" and urlsplit(f"//{host}").hostname in _LOOPBACK)


def text_of(path: str) -> str:
    """Return the content of a token file, valid or not; empty if it is not readable."""
    try:
        content = _read(path)
    except NoToken:
        return ""
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8"
    return " ".join(content.removeprefix(codecs.BOM_UTF8).decode(encoding, "ignore").split())


def problems(path: str) -> list[str]:
    """Return the problems of an existing token file: its content, owner and mode."""
    found = []
    try:
        read_token(path)
    except NoTokenFile:
        return []
    except NotReadable as error:
        is_denied = isinstance(error.__cause__, PermissionError)
        return [f"{error} {'Run this as root, with sudo.' if is_denied else 'Put a file with the token there.'}"]
    except NoToken as error:
        found.append(f"{error} Write only the token to it, or rotate the token.")
    try:
        status = os.stat(path)
    except OSError:
        return found
    if stat.S_IMODE(status.st_mode) & 0o077:
        found.append(
            f"{path} is readable by other users (mode {stat.S_IMODE(status.st_mode):04o}). Run "
            f"'chmod 600 {path}', and rotate the token if another user may have read it."
        )
    if status.st_uid not in (0, os.geteuid()):
        found.append(f"{path} belongs to another user (uid {status.st_uid}). Run 'chown root:root {path}'.")
    return found


def _read(path: str) -> bytes:
    """Read a file, at most one byte more than ``MAX_SIZE``."""
    if not path:
        raise NoTokenFile("No token file is configured.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe must not block
    except FileNotFoundError:
        if os.path.islink(path):
            raise NotReadable(f"{path} is a link to {os.readlink(path)}, which does not exist.") from None
        raise NoTokenFile(f"{path} does not exist.") from None
    except (OSError, ValueError) as error:
        raise NotReadable(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(MAX_SIZE + 1)
    except OSError as error:
        raise NotReadable(f"{path} cannot be read ({error.strerror}).") from None
    finally:
        os.close(descriptor)


def _check_kind(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotReadable(f"{path} is {_KINDS.get(stat.S_IFMT(mode), 'a device')}, not a file with a token.")


def main(path: str, mode: str = "") -> int:
    """Print the token in a file, or the reason why there is none.

    :param mode: ``--text`` to print the content of the file instead, valid or not.
    :return: the exit code.
    """
    try:
        sys.stdout.write(f"{text_of(path) if mode else read_token(path)}\n")
    except NoToken as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:3]))
