# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the token of the Git host, and the one way to read it.

The token stands alone in it: one word of printable ASCII characters. White space, line ends, empty lines and a byte
order mark around it make no difference. This needs nothing but Python: the role build_pat runs it on a server, and
Git's credential helper in the clone imports it.

    python3 token_file.py FILE

prints the token, or says why there is none and ends with 1; with 2 where there is no such file; with 3 where it is a
folder, a pipe or the like, or cannot be read.
"""

from __future__ import annotations

import codecs
import os
import stat
import sys

MAX_SIZE = 4096
"""Bytes; a longer file holds no token."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


class NoToken(Exception):
    """Why a file gives no token: a sentence that names the file and tells nothing of what is in it."""

    exit_code = 1


class NoTokenFile(NoToken):
    """There is no such file."""

    exit_code = 2


class NotReadable(NoToken):
    """It is no plain file, or this user may not read it."""

    exit_code = 3


def read_token(path: str) -> str:
    """The token that a file holds.

    :raises NoToken: when it holds none, or something else.
    """
    content = _read(path)
    if len(content) > MAX_SIZE:
        raise NoToken(f"{path} is longer than {MAX_SIZE} bytes, and no token is.")
    if content.startswith(_UTF_16):
        raise NoToken(f"{path} is UTF-16 text, and a token is plain ASCII text.")
    words = content.removeprefix(codecs.BOM_UTF8).split()
    if not words:
        raise NoToken(f"{path} is empty.")
    if len(words) > 1:
        raise NoToken(f"{path} holds {len(words)} words, and a token is one word that stands alone.")
    if any(not 0x21 <= byte <= 0x7E for byte in words[0]):
        raise NoToken(f"{path} holds characters that no token has.")
    return words[0].decode("ascii")


def text_of(path: str) -> str:
    """What a token file holds, whatever that is, to look for it in other texts; empty when it cannot be read."""
    try:
        content = _read(path)
    except NoToken:
        return ""
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8"
    return " ".join(content.removeprefix(codecs.BOM_UTF8).decode(encoding, "ignore").split())


def problems(path: str) -> list[str]:
    """What is wrong with a token file that is there: it holds no token, or others can read or change it."""
    wrong = []
    try:
        read_token(path)
    except NoTokenFile:
        return []
    except NotReadable as error:
        is_denied = isinstance(error.__cause__, PermissionError)
        return [f"{error} {'Run this as root, with sudo.' if is_denied else 'Put a file with the token there.'}"]
    except NoToken as error:
        wrong.append(f"{error} Write the token alone to it, or rotate the token.")
    try:
        found = os.stat(path)
    except OSError:
        return wrong
    if stat.S_IMODE(found.st_mode) & 0o077:
        wrong.append(
            f"{path} can be read by others than its owner (mode {stat.S_IMODE(found.st_mode):04o}). Run "
            f"'chmod 600 {path}', and rotate the token if somebody may have read it."
        )
    if found.st_uid not in (0, os.geteuid()):
        wrong.append(f"{path} belongs to another user (uid {found.st_uid}). Run 'chown root:root {path}'.")
    return wrong


def _read(path: str) -> bytes:
    """The first bytes of a file, more of them than a token has where there are more."""
    if not path:
        raise NoTokenFile("No token file is named.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # nobody may ever write to a pipe
    except FileNotFoundError:
        if os.path.islink(path):
            raise NotReadable(f"{path} is a link to {os.readlink(path)}, and there is no such file.") from None
        raise NoTokenFile(f"There is no file {path}.") from None
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
        raise NotReadable(f"{path} is {_KINDS.get(stat.S_IFMT(mode), 'a device')}, and not a file with a token.")


def main(path: str, mode: str = "") -> int:
    """Print the token of a file, or say why there is none, and return the exit code.

    :param mode: ``--text`` to print what the file holds instead, whatever that is.
    """
    try:
        sys.stdout.write(f"{text_of(path) if mode else read_token(path)}\n")
    except NoToken as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:3]))
