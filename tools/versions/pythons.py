"""The Pythons of this machine, and virtual environments with them."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acs-builders" / "matrix"
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


@cache
def find_python(minor: int) -> str | None:
    """Return the executable of Python 3 with a minor version, from PATH or pyenv; None if there is none."""
    named = shutil.which(f"python3.{minor}")
    candidates = [*([named] if named else []), *map(str, sorted(PYENV.glob(f"3.{minor}.*/bin/python3")))]
    for program in candidates:
        if (
            subprocess.run([program, "-c", "import ensurepip, ssl, venv"], capture_output=True, check=False).returncode
            == 0
        ):
            return program
    return None


class Environment:
    """A virtual environment in the cache.

    :param name: its name, to which the version of Python is added.
    :param minor: the minor version of Python 3.
    :param requirements: arguments of ``pip install``.
    :param is_fresh: whether to upgrade what is installed.
    """

    def __init__(self, name: str, minor: int, requirements: Sequence[str], is_fresh: bool) -> None:
        self._folder = CACHE / f"{name}-python3.{minor}"
        self.python = str(self._folder / "bin" / "python")
        CACHE.mkdir(parents=True, exist_ok=True)
        with open(CACHE / f"{self._folder.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            record = self._folder / "requirements"
            wanted = "\n".join(requirements)
            if record.exists() and record.read_text(encoding="utf-8") == wanted and not is_fresh:
                return
            if not record.exists():
                shutil.rmtree(self._folder, ignore_errors=True)
                subprocess.run([str(find_python(minor)), "-m", "venv", self._folder], check=True)
            install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade")
            subprocess.run([self.python, *install, *requirements], check=True)
            record.write_text(wanted, encoding="utf-8")

    def version(self, distribution: str) -> str:
        """Return the version of a distribution that is installed in it."""
        script = f"from importlib.metadata import version; print(version({distribution!r}))"
        return subprocess.run([self.python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
