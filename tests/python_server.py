"""Python programs run in forks of a process that has loaded what they need: as isolated as processes, but faster.

The process is that of tests/python_forks.py. There is one for modules and one for Ansible.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.acs.builders.tests import python_forks
from ansible_collections.acs.builders.tests.python_forks import PLUGINS
from ansible_collections.acs.builders.tests.python_start import sitecustomize
from ansible_collections.acs.builders.tests.waiting import LIMIT

OF_MODULES = (
    "base64",
    "datetime",
    "shutil",
    "tempfile",
    "zipfile",
    "ansible.module_utils._internal._ansiballz._loader",
)
"""What the script in which Ansible wraps a module loads."""
MODULES = f"{PLUGINS}.modules"
COMMAND = f"{PLUGINS}.module_utils.builderctl.cli"
OF_GIT = ("concurrent.futures.thread", "git", "gitdb")
"""What a module of this collection loads when it uses Git."""
OF_ANSIBLE = (
    "ansible._internal",  # first, as in Ansible
    *("concurrent.futures.thread", "configparser", "curses", "difflib", "getpass", "http.client", "importlib.metadata"),
    *("multiprocessing.queues", "multiprocessing.shared_memory", "multiprocessing.synchronize", "pty", "ssl", "syslog"),
    *("tarfile", "tomllib", "urllib.request", "uuid", "xml.dom.minidom", "xml.etree.ElementTree", "zipfile"),
    *("jinja2.nativetypes", "jinja2.sandbox", "packaging.specifiers", "yaml"),
    *("cryptography.hazmat.backends.openssl.backend", "cryptography.hazmat.primitives.kdf.pbkdf2"),
    *("cryptography.hazmat.primitives.ciphers", "cryptography.hazmat.primitives.serialization"),
)
"""What Ansible loads, except what depends on its configuration."""


class PythonServer:
    """A process that runs Python programs in forks of itself. It ends with the process that started it."""

    def __init__(self, variables: Mapping[str, str], preloaded: Iterable[str], python: Path | None = None) -> None:
        """Start the process.

        :param variables: an environment in which it finds this module.
        :param preloaded: the modules that it loads.
        :param python: its Python, if not the one that runs the tests.
        """
        command = [str(python or sys.executable), "-m", python_forks.__name__, *preloaded]
        self._process = subprocess.Popen(
            command, cwd="/", env=dict(variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self.address, self._prefix = (self._process.stdout.readline().strip() for _line in range(2))
        atexit.register(self._process.communicate)

    @property
    def variables(self) -> dict[str, str]:
        """Variables with which Ansible runs the modules for the Python of this server in it."""
        start = str(Path(sitecustomize.__file__).parent)
        of_python = {"PYTHONPATH": start, sitecustomize.MODULES: self.address, sitecustomize.PREFIX: self._prefix}
        return {"ANSIBLE_PIPELINING": "1", **of_python}

    def run(
        self, *words: str, cwd: Path, variables: Mapping[str, str], stdin: str = "", limit: float = LIMIT
    ) -> tuple[int, str, str]:
        """Run Python with these words on its command line.

        :param limit: seconds after which it is killed.
        :returns: its exit code, its standard output and its standard error.
        :raises TimeoutError: if it did not end within the limit.
        """
        with ExitStack() as files:
            given = files.enter_context(tempfile.TemporaryFile())
            given.write(stdin.encode())
            given.seek(0)
            (stdout, to_stdout), (stderr, to_stderr) = os.pipe(), os.pipe()
            for reading in (stdout, stderr):
                files.callback(os.close, reading)
            try:
                descriptors = (given.fileno(), to_stdout, to_stderr)
                asked = sitecustomize.ask(self.address, list(words), str(cwd), variables, descriptors)
            finally:
                os.close(to_stdout)
                os.close(to_stderr)
            with socket.socket(fileno=asked.detach()) as connection:
                connection.settimeout(LIMIT)
                process = int(connection.recv(100))
                printed, errors = _read_to_the_end([stdout, stderr], process, limit)
                return int(connection.recv(100)), printed.decode(), errors.decode()


def modules_server(variables: Mapping[str, str]) -> PythonServer:
    """Start a server that has loaded what the modules of this collection and its command need."""
    found = pkgutil.iter_modules(importlib.import_module(MODULES).__path__)
    programs = (COMMAND, *(f"{MODULES}.{module.name}" for module in found))
    return PythonServer(variables, [*OF_MODULES, *OF_GIT, *programs])


def _read_to_the_end(pipes: list[int], process: int, limit: float) -> list[bytes]:
    """Return the data of pipes until all writers have closed them; after the limit, kill the process that writes."""
    deadline = time.monotonic() + limit
    got = dict.fromkeys(pipes, b"")
    reading = set(pipes)
    while reading:
        ready, _writable, _failed = select.select(reading, [], [], max(0, deadline - time.monotonic()))
        if not ready:
            os.kill(process, signal.SIGKILL)
            raise TimeoutError(f"the program has not ended within {limit} s")
        for pipe in ready:
            data = os.read(pipe, 65536)
            got[pipe] += data
            if not data:
                reading.remove(pipe)
    return list(got.values())
