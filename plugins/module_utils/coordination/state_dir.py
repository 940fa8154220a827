# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory of this server: JSON files, written atomically, and locks."""

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
from .json_errors import json_reason

T = TypeVar("T")
Version = tuple[int, int, int, int]
"""What identifies a version of a file. Each write replaces the file."""

_COMMIT = re.compile(r"(?:[0-9a-f]{40}(?:[0-9a-f]{24})?)?")
LOCK_TIMEOUT = 10
"""Seconds to wait for a lock that is only held while a file is written."""
PATIENCE = 3
"""Seconds to wait for a delivery by another process of this host. A normal push takes less time. If a push hangs, the
write is queued after this time."""
LOCK_POLL = 0.02
"""Seconds between two attempts to acquire a lock that another process holds."""


def commit_name(value: Any) -> str:
    """Validate the name of a commit in a state file before it is passed to Git.

    :return: the name, an SHA-1 or SHA-256 in hexadecimal digits, or an empty text.
    :raises ValueError: if it is neither.
    """
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise ValueError(f"{value!r} is not a commit")
    return value


class StateDirectory:
    """The folder with the state of this server.

    The first write creates it with mode 0700.

    :param path: the folder, by default ``/var/lib/acs-builders``.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._kept: dict[str, tuple[Version, Any]] = {}

    def make(self, name: str = "") -> Path:
        """Create the folder ``name`` if it is missing, and return its path.

        :raises StateUnusable: if it cannot be created.
        """
        folder = self.path / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(error, folder) from error
        return folder

    def version(self, name: str) -> Version | None:
        """Return what identifies the version of the file ``name``, None if it is missing.

        :raises StateUnusable: if the folder cannot be read.
        """
        path = self.path / name
        try:
            return _version(path.stat())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(error, path) from error

    def read_json(self, name: str) -> Any:
        """Return the content of the JSON file ``name``, None if it is missing.

        A file that was not replaced since this object read or wrote it is not read again. The caller must not change
        the content.

        :raises StateUnusable: if it cannot be read or is not JSON.
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
                f"{path} is not JSON ({json_reason(error)}).", "Restore it, or remove it; then a new one is created."
            ) from error

    def read(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """Return the JSON file ``name`` as parsed by ``parse``, None if it is missing.

        :raises StateUnusable: as :meth:`read_json`, and if ``parse`` fails.
        """
        value = self.read_json(name)
        try:
            return None if value is None else parse(value)
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise StateUnusable(
                f"{self.path / name} has unexpected content ({error}).",
                "Restore it, or remove it; then a new one is created.",
            ) from error

    def write_json(self, name: str, value: Any) -> None:
        """Write ``value`` to the JSON file ``name`` atomically and durably.

        :raises StateUnusable: if it cannot be written.
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
    def lock(self, name: str, timeout: float = LOCK_TIMEOUT, shared: bool = False) -> Iterator[None]:
        """Hold the lock file ``name`` (flock(2)).

        The kernel releases it when the process ends.

        :param timeout: seconds to wait for another process.
        :param shared: whether other processes may hold it at the same time, also shared.
        :raises Locked: if another process holds the lock for longer.
        :raises StateUnusable: if the lock file cannot be created.
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
                    fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise Locked(
                            f"Another process of this host has held the lock {path} for {timeout:.0f} s.",
                            f"Find it with 'fuser -v {path}', and try again when it has ended.",
                        ) from None
                    time.sleep(LOCK_POLL)
            yield
        finally:
            os.close(descriptor)


def _decode(text: str) -> Any:
    return json.loads(text, parse_constant=_number, parse_float=_number)


def _version(status: os.stat_result) -> Version:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _number(text: str) -> float:
    """Parse a number with a fraction or an exponent.

    RFC 8259 has neither NaN nor infinity.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number")
    return number


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
