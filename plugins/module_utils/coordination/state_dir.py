# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host's own files: small JSON documents written atomically, and locks."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, TypeVar

from .errors import Locked, StateUnusable, unusable

T = TypeVar("T")
_Version = tuple[int, int, int, int]

_COMMIT = re.compile(r"(?:[0-9a-f]{40}(?:[0-9a-f]{24})?)?")
LOCK_TIMEOUT = 10
"""Seconds to wait for a lock that is held only while a file is written."""
LOCK_POLL = 0.02
"""Seconds between two tries to take a lock that another process holds."""


def commit_name(value: Any) -> str:
    """The name of a commit as one of this host's own files has it; empty where it names none.

    :raises ValueError: when it cannot be one: Git would be asked for it.
    """
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise ValueError(f"{value!r} is no commit")
    return value


class StateDirectory:
    """The folder in which a server keeps what is its own (mode 0700, made when first written to).

    :param path: the folder, ``/var/lib/acs-builders`` on a server.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._kept: dict[str, tuple[_Version, Any]] = {}

    def make(self, name: str = "") -> Path:
        """Return the folder ``name`` inside the state directory, made when missing.

        :raises StateUnusable: when it cannot be made.
        """
        folder = self.path / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(error, folder) from error
        return folder

    def read_json(self, name: str) -> Any:
        """Return the content of the JSON file ``name``, None when there is none. Nobody changes it.

        A file that is as it was when this object read or wrote it is not read again.

        :raises StateUnusable: when it cannot be read or is not JSON.
        """
        path = self.path / name
        try:
            version = _version(path.stat())
            if self._kept.get(name, (None,))[0] != version:
                self._kept[name] = (version, _decode(path.read_text(encoding="utf-8")))
            return self._kept[name][1]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(error, path) from error
        except (ValueError, RecursionError) as error:
            raise StateUnusable(
                f"{path} is not JSON ({error}).", "Restore it, or remove it to have it made anew."
            ) from error

    def read(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """Return what ``parse`` makes of the JSON file ``name``, None when there is none.

        :raises StateUnusable: as :meth:`read_json`, and when ``parse`` can make nothing of it.
        """
        value = self.read_json(name)
        try:
            return None if value is None else parse(value)
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise StateUnusable(
                f"{self.path / name} does not hold what it should ({error}).",
                "Restore it, or remove it to have it made anew.",
            ) from error

    def write_json(self, name: str, value: Any) -> None:
        """Write ``value`` to the JSON file ``name``: whole and on disk, or not at all.

        :raises StateUnusable: when it cannot be written.
        """
        path = self.make() / name
        text = json.dumps(value, indent=2)
        try:
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                    stream.write(f"{text}\n")
                    stream.flush()
                    os.fsync(stream.fileno())
                    version = _version(os.fstat(stream.fileno()))
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
            _sync_folder(path.parent)
        except OSError as error:
            raise unusable(error, path) from error
        self._kept[name] = (version, _decode(text))

    @contextlib.contextmanager
    def lock(self, name: str, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Hold the lock file ``name``; the kernel releases it when the process ends, however it ends.

        :param timeout: seconds to wait for another process.
        :raises Locked: when the lock is not free in time.
        :raises StateUnusable: when the lock file cannot be made.
        """
        path = self.make(os.path.dirname(name)) / os.path.basename(name)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(error, path) from error
        try:
            deadline = time.monotonic() + timeout
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise Locked(
                            f"Another process of this host has held {path} for {timeout:.0f} s.",
                            f"See which one with 'fuser -v {path}', and try again when it is done.",
                        ) from None
                    time.sleep(LOCK_POLL)
            yield
        finally:
            os.close(descriptor)


def _decode(text: str) -> Any:
    return json.loads(text, parse_constant=_number, parse_float=_number)


def _version(status: os.stat_result) -> _Version:
    """What tells a file from the one that stood there before: each write replaces it."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _number(text: str) -> float:
    """A number with a fraction or an exponent; NaN and what is infinite are none, as RFC 8259 has it."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
