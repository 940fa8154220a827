"""Token files, good and bad, and the messages about the bad ones."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.token_file import (
    MAX_SIZE,
    NoToken,
    read_token,
)

TOKEN = "own+a/token=of+this-server.of~an-odd_form"
GOOD = {
    "alone": TOKEN.encode(),
    "a line": f"{TOKEN}\n".encode(),
    "CRLF": f"{TOKEN}\r\n".encode(),
    "blanks": f" \t{TOKEN} \n".encode(),
    "an empty line first": f"\n{TOKEN}\n".encode(),
    "empty lines behind": f"{TOKEN}\n\n\r\n".encode(),
    "a byte order mark": b"\xef\xbb\xbf" + f"{TOKEN}\r\n".encode(),
}
BAD = {
    "empty": (b"", r"PAT is empty\."),
    "only lines": (b"\xef\xbb\xbf \n\r\n", r"PAT is empty\."),
    "two lines": (f"{TOKEN}\n{TOKEN}x\n".encode(), r"PAT contains 2 words, but a token is one word\."),
    "an assignment": (f"export PAT={TOKEN}\n".encode(), r"PAT contains 2 words"),
    "UTF-16": (TOKEN.encode("utf-16"), r"PAT is UTF-16 text"),
    "not ASCII": (f"{TOKEN}é\n".encode(), r"PAT contains characters that are not printable ASCII characters\."),
    "a control character": (
        f"{TOKEN}\x1b[0m\n".encode(),
        r"PAT contains characters that are not printable ASCII characters\.",
    ),
    "long": (TOKEN.encode() + b"x" * MAX_SIZE, r"PAT is longer than 4096 bytes"),
}
ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, r"PAT is a directory, not a file with a token\."),
    "pipe": (os.mkfifo, r"PAT is a named pipe, not a file with a token\."),
    "device": (lambda path: path.symlink_to("/dev/zero"), r"PAT is a device, not a file with a token\."),
    "link to nothing": (lambda path: path.symlink_to("gone"), r"PAT is a link to gone, which does not exist\."),
    "loop": (lambda path: path.symlink_to(path), r"PAT cannot be read \(Too many levels of symbolic links\)\."),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), r"PAT cannot be read \(No such device"),
}


def refusal(path: Path | str) -> str:
    """Return the message about a file that contains no valid token."""
    with pytest.raises(NoToken) as refused:
        read_token(str(path))
    assert TOKEN[:12] not in str(refused.value)
    return str(refused.value)
