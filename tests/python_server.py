"""Python programs run in forks of a process that has loaded what they need: each as separate as a process, and quicker.

The process is none of pytest's: a fork inherits no thread, no lock, no open file and nothing that a test replaced.
There is one for modules and one for Ansible. A command gets both with:
python -m ansible_collections.acs.builders.tests.python_server run COMMAND [ARGUMENT...]
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from ansible_collections.acs.builders.tests.python_start import sitecustomize
from ansible_collections.acs.builders.tests.waiting import LIMIT

MODULES = "ansible_collections.acs.builders.plugins.modules"
OF_MODULES = (
    "base64",
    "datetime",
    "shutil",
    "tempfile",
    "zipfile",
    "ansible.module_utils._internal._ansiballz._loader",
)
"""What the script loads in which Ansible wraps a module."""
OF_ANSIBLE = (
    "ansible._internal",  # comes first in Ansible, too
    *("concurrent.futures.thread", "configparser", "curses", "difflib", "getpass", "http.client", "importlib.metadata"),
    *("multiprocessing.queues", "multiprocessing.shared_memory", "multiprocessing.synchronize", "pty", "ssl", "syslog"),
    *("tarfile", "tomllib", "urllib.request", "uuid", "xml.dom.minidom", "xml.etree.ElementTree", "zipfile"),
    *("jinja2.nativetypes", "jinja2.sandbox", "packaging.specifiers", "yaml"),
    *("cryptography.hazmat.backends.openssl.backend", "cryptography.hazmat.primitives.kdf.pbkdf2"),
    *("cryptography.hazmat.primitives.ciphers", "cryptography.hazmat.primitives.serialization"),
)
"""What Ansible loads, but for all that depends on its configuration."""


class PythonServer:
    """A process that runs Python programs in forks of itself. It ends with the process that started it."""

    def __init__(self, variables: Mapping[str, str], preloaded: Iterable[str], python: Path | None = None) -> None:
        """Start it.

        :param variables: the environment in which it finds this module.
        :param preloaded: what it loads.
        :param python: what runs it instead of the Python that runs the tests.
        """
        command = [str(python or sys.executable), "-m", f"{__package__}.{Path(__file__).stem}", "serve", *preloaded]
        self._process = subprocess.Popen(
            command, cwd="/", env=dict(variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self.address, self._prefix = (self._process.stdout.readline().strip() for _line in range(2))
        atexit.register(self._process.communicate)

    @property
    def variables(self) -> dict[str, str]:
        """Variables with which Ansible runs its modules here, where they are for the Python of this server."""
        start = str(Path(sitecustomize.__file__).parent)
        of_python = {"PYTHONPATH": start, sitecustomize.MODULES: self.address, sitecustomize.PREFIX: self._prefix}
        return {"ANSIBLE_PIPELINING": "1", **of_python}

    def run(
        self, *words: str, cwd: Path, variables: Mapping[str, str], stdin: str = "", limit: float = LIMIT
    ) -> tuple[int, str, str]:
        """Run what Python would with these words on its command line, to its end.

        :param limit: seconds after which it is killed.
        :returns: its exit code, and what came on its standard output and on its standard error.
        :raises TimeoutError: when it did not end within the limit.
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
    """Start a server that has loaded what the modules of this collection need."""
    found = pkgutil.iter_modules(importlib.import_module(MODULES).__path__)
    return PythonServer(variables, [*OF_MODULES, *(f"{MODULES}.{module.name}" for module in found)])


def _read_to_the_end(pipes: list[int], process: int, limit: float) -> list[bytes]:
    """What comes from pipes until nobody can write to them; the process that does is killed after the limit."""
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


def _serve(preloaded: list[str]) -> None:
    """Print an address and run what is asked for there until whoever started this has gone."""
    for name in preloaded:
        importlib.import_module(name)
    modules = [name for name in preloaded if name.startswith(MODULES)]
    if not modules:  # then Ansible brings the collection along
        sys.path.remove(str(Path(__file__).parents[4]))
    for name in modules or [name for name in sys.modules if name.startswith("ansible_collections")]:
        del sys.modules[name]  # so that a module runs as the main program
    sys.meta_path.append(_Sent)
    gc.freeze()
    folder = tempfile.mkdtemp()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(f"{folder}/socket")
            listener.listen(100)
            print(listener.getsockname(), os.path.realpath(sys.prefix), sep="\n", flush=True)
            while select.select([listener, sys.stdin], [], [])[0] == [listener]:
                _accept(listener)
    finally:
        shutil.rmtree(folder)


class _Sent:
    """Finds what is in no package that is loaded, in the part of the package that Ansible has sent along."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Look for a module in all folders of the path."""
        folder = name.rpartition(".")[0].replace(".", "/")
        return PathFinder.find_spec(name, [f"{entry}/{folder}" for entry in sys.path])


def _accept(listener: socket.socket) -> None:
    """Let a fork run what is asked for next, and bury those that have ended."""
    connection, _address = listener.accept()
    if os.fork() == 0:
        try:
            listener.close()
            _become(connection)
        finally:
            os._exit(1)
    connection.close()
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(connection: socket.socket) -> NoReturn:
    """Run what is asked for as the main program of this process, to the end of both."""
    request, descriptors, _flags, _address = socket.recv_fds(connection, 1 << 20, 3)
    connection.send(str(os.getpid()).encode())
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.dup2(descriptors[number], number)
        os.close(descriptors[number])
        old, line = getattr(sys, name), 1 if name == "stderr" else -1
        new = open(number, old.mode, line, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
    cwd, count, *rest = os.fsdecode(request).split("\0")
    words, variables = rest[: int(count)], rest[int(count) :]
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(dict(variable.split("=", 1) for variable in variables))
    time.tzset()
    code = 1
    try:
        _run(words)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(str(code).encode())
    os._exit(code)


def _run(words: list[str]) -> None:
    """Run what Python would with these words: a module, a script, or what comes on standard input."""
    sys.argv[:] = words[1:] if words[:1] == ["-m"] else words or [""]
    if words[:1] == ["-m"]:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words:
        runpy.run_path(words[0], run_name="__main__")
    else:
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec"), main.__dict__)


def _with_servers(command: list[str]) -> int:
    """Run a command for which there are servers."""
    variables = modules_server(os.environ).variables
    variables[sitecustomize.ANSIBLE] = PythonServer(os.environ, OF_ANSIBLE).address
    return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        if sys.argv[1] == "run":
            sys.exit(_with_servers(sys.argv[2:]))
        _serve(sys.argv[2:])
