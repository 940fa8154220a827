"""A process that runs Python programs in forks of itself, for tests/python_server.py.

It is separate from pytest: a fork inherits no thread, no lock, no open file and nothing that a test replaced.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import os
import runpy
import select
import shutil
import socket
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, NoReturn

from ansible_collections.acs.builders.tests import configured_ansible

PLUGINS = "ansible_collections.acs.builders.plugins"


class Request(NamedTuple):
    """A request to run a program.

    :param connection: receives its process id, and then its exit code.
    :param descriptors: its standard input, output and error.
    :param message: its folder, words and variables, as they were received.
    """

    connection: socket.socket
    descriptors: list[int]
    message: bytes

    @property
    def parts(self) -> tuple[str, list[str], dict[str, str]]:
        """The folder in which it runs, the words on the command line of Python, and the environment."""
        cwd, count, *rest = os.fsdecode(self.message).split("\0")
        return cwd, rest[: int(count)], dict(variable.split("=", 1) for variable in rest[int(count) :])

    def close(self) -> None:
        """Close the connection and the descriptors, which another process has now."""
        self.connection.close()
        for descriptor in self.descriptors:
            os.close(descriptor)


class Configured:
    """Processes that have loaded Ansible, one for each configuration.

    :param folder: a folder for the files that their runs share.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._channels: dict[Hashable, socket.socket | None] = {}

    def take(self, request: Request) -> bool:
        """Let one of the processes run a request, and return whether one does."""
        key = configured_ansible.configuration(*request.parts, request.descriptors)
        if key is None:
            return False
        if key not in self._channels:
            self._channels[key] = self._start(request)
        channel = self._channels[key]
        if channel:
            socket.send_fds(channel, [request.message], [request.connection.fileno(), *request.descriptors])
        return channel is not None

    def forget(self) -> None:
        """Close the connections to them, in a fork."""
        for channel in filter(None, self._channels.values()):
            channel.close()

    def _start(self, request: Request) -> socket.socket | None:
        """Start a process that ends with this one; return None if Ansible cannot be loaded with this configuration."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                ours.close()
                self.forget()
                cwd, _words, variables = request.parts
                request.close()
                _stay(theirs, cwd, variables, self._folder / str(len(self._channels)))
            except SystemExit:
                pass  # Ansible has printed why, and will again
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        theirs.close()
        if ours.recv(1):
            return ours
        ours.close()
        return None


def _stay(channel: socket.socket, cwd: str, variables: Mapping[str, str], cache: Path) -> None:
    """Load Ansible and run the requests of a channel in forks."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    _enter(cwd, variables)
    configured_ansible.load(cache)
    gc.freeze()
    channel.send(b"1")
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(channel, 1 << 20, 4)
        if not message:
            return
        request = Request(socket.socket(fileno=descriptors[0]), descriptors[1:], message)
        _fork(request, channel.close, lambda: configured_ansible.begin(cache))
        request.close()


def serve(preloaded: list[str]) -> None:
    """Print the address of a socket, and run the requests that arrive there until standard input is closed."""
    for name in preloaded:
        importlib.import_module(name)
    programs = [name for name in preloaded if name.startswith(PLUGINS)]
    if not programs:  # Ansible sends the collection along
        sys.path.remove(str(Path(__file__).parents[4]))
    for name in programs or [name for name in sys.modules if name.startswith("ansible_collections")]:
        del sys.modules[name]  # so that it runs as the main program
    sys.meta_path.append(_Sent)
    gc.freeze()
    folder = Path(tempfile.mkdtemp())
    configured = Configured(folder)

    def forget() -> None:
        listener.close()
        configured.forget()

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(f"{folder}/socket")
            listener.listen(100)
            print(listener.getsockname(), os.path.realpath(sys.prefix), sep="\n", flush=True)
            while select.select([listener, sys.stdin], [], [])[0] == [listener]:
                connection, _address = listener.accept()
                message, descriptors, _flags, _address = socket.recv_fds(connection, 1 << 20, 3)
                request = Request(connection, descriptors, message)
                if message and (programs or not configured.take(request)):
                    _fork(request, forget)
                request.close()
    finally:
        shutil.rmtree(folder)


class _Sent:
    """Finds modules that no loaded package contains, in the part of the package that Ansible has sent along."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Look for a module in all folders of the path."""
        folder = name.rpartition(".")[0].replace(".", "/")
        return PathFinder.find_spec(name, [f"{entry}/{folder}" for entry in sys.path])


def _fork(request: Request, forget: Callable[[], None], begin: Callable[[], None] = lambda: None) -> None:
    """Run a request in a fork, and reap the forks that have ended.

    :param forget: closes in the fork what only its parent uses.
    :param begin: is called in the fork before it runs the program.
    """
    if os.fork() == 0:
        try:
            forget()
            _become(request, begin)
        finally:
            os._exit(1)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: Request, begin: Callable[[], None]) -> NoReturn:
    """Run the requested program as the main program of this process, and exit."""
    request.connection.send(str(os.getpid()).encode())
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.dup2(request.descriptors[number], number)
        os.close(request.descriptors[number])
        old, line = getattr(sys, name), 1 if name == "stderr" else -1
        new = open(number, old.mode, line, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
    cwd, words, variables = request.parts
    _join(request.connection)
    _enter(cwd, variables)
    begin()
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
    request.connection.send(str(code).encode())
    os._exit(code)


def _join(connection: socket.socket) -> None:
    """Join the mount namespace of the client, to see the same files (mount_namespaces(7))."""
    (client, *_user) = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    theirs, own = f"/proc/{client}/ns/mnt", "/proc/self/ns/mnt"
    if os.readlink(theirs) != os.readlink(own):
        with open(theirs, "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "the mount namespace cannot be joined")


def _enter(cwd: str, variables: Mapping[str, str]) -> None:
    """Change to a folder, and set the environment to these variables."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()


def _run(words: list[str]) -> None:
    """Run what Python would with these words: a module, a script, or the code on standard input."""
    sys.argv[:] = words[1:] if words[:1] == ["-m"] else words or [""]
    if words[:1] == ["-m"]:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words:
        runpy.run_path(words[0], run_name="__main__")
    else:
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec"), main.__dict__)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(sys.argv[1:])
