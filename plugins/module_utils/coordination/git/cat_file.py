# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading objects of a repository through one Git process, which stays until it is closed."""

from __future__ import annotations

import contextlib
import subprocess
from typing import IO, NamedTuple, cast

from .process import GitCommand


class Unreadable(Exception):
    """An object that should be there is missing or damaged."""


class GitObject(NamedTuple):
    """An object: its name, its kind and its content, which is None when it is larger than asked for."""

    name: str
    kind: str
    content: bytes | None


class ObjectReader:
    """``git cat-file --batch`` on a repository. Close it in the end."""

    def __init__(self, command: GitCommand) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End the process, which may have ended by itself."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    cast(IO[bytes], pipe).close()

    def find(self, name: str, max_size: int | None = None) -> GitObject | None:
        """An object by its name, None when there is none.

        :param name: of the object, or as ``COMMIT^{commit}``.
        :param max_size: bytes; the content of a larger one is not read.
        :raises Unreadable: when Git cannot read it.
        """
        try:
            return self._find(name, max_size)
        except (OSError, ValueError) as error:
            self.close()
            raise Unreadable(f"{name} cannot be read ({error})") from error
        except BaseException:
            self.close()  # what it has not read yet would be taken for the next object
            raise

    def _find(self, name: str, max_size: int | None) -> GitObject | None:
        if self._process is None:
            self._process = self._command.start("cat-file", "--batch")
        requests, answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        requests.write(f"{name}\n".encode("ascii"))
        requests.flush()
        head = answers.readline().split()
        if len(head) == 2 and head[1] == b"missing":
            return None
        if len(head) != 3:
            raise ValueError("Git has ended")
        size = int(head[2])
        if max_size is not None and size > max_size:
            self.close()
            return GitObject(head[0].decode("ascii"), head[1].decode("ascii"), None)
        content = answers.read(size + 1)
        if len(content) != size + 1:
            raise ValueError("Git has ended")
        return GitObject(head[0].decode("ascii"), head[1].decode("ascii"), content[:-1])
