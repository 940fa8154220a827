"""Modules run in forks of a process that has loaded what they need: each as separate as a process, and quicker.

The process is none of pytest's: a fork inherits no thread, no lock, no open file and nothing that a test replaced.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.acs.builders.tests.waiting import LIMIT

MODULES = "ansible_collections.acs.builders.plugins.modules"


class ModuleServer:
    """A process that runs modules in forks of itself. It ends with the process that started it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Start it.

        :param variables: the environment in which it finds the modules.
        """
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=dict(variables), pass_fds=[theirs.fileno()])
        atexit.register(self._end)

    def _end(self) -> None:
        self._connection.close()
        self._process.wait()

    def run(self, module: str, arguments: str, cwd: Path, variables: Mapping[str, str]) -> tuple[int, str, str]:
        """Run a module to its end.

        :param arguments: what it reads from its standard input.
        :returns: its exit code, and what came on its standard output and on its standard error.
        :raises TimeoutError: when it did not end within the limit; it is killed.
        """
        request = json.dumps({"module": f"{MODULES}.{module}", "cwd": str(cwd), "variables": dict(variables)})
        with ExitStack() as files:
            stdin = files.enter_context(tempfile.TemporaryFile())
            stdin.write(arguments.encode())
            stdin.seek(0)
            reading, writing = zip(*(os.pipe() for _number in range(3)))
            for descriptor in reading:
                files.callback(os.close, descriptor)
            try:
                socket.send_fds(self._connection, [request.encode()], [stdin.fileno(), *writing])
            finally:
                for descriptor in writing:
                    os.close(descriptor)
            status, stdout, stderr = _read_to_the_end(reading)
        _pid, *code = status.split()
        assert code, f"{module} ended without an exit code: {stderr.decode()}"
        return int(code[0]), stdout.decode(), stderr.decode()


def _read_to_the_end(pipes: tuple[int, ...]) -> list[bytes]:
    """What comes from pipes until the last writer has closed them; the first tells first which process to kill."""
    deadline = time.monotonic() + LIMIT
    got = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready and time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(int(got[pipes[0]].split()[0]), signal.SIGKILL)
                raise TimeoutError(f"the module has not ended within {LIMIT} s")
            for key, _events in ready:
                data = os.read(key.fd, 65536)
                got[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
    return list(got.values())


def _serve(connection: socket.socket) -> None:
    """Run the modules that are asked for until whoever asks has gone."""
    for module in pkgutil.iter_modules(importlib.import_module(MODULES).__path__):
        importlib.import_module(f"{MODULES}.{module.name}")
        del sys.modules[f"{MODULES}.{module.name}"]  # so that a fork runs it as its main program
    while True:
        request, descriptors, _flags, _address = socket.recv_fds(connection, 1 << 20, 4)
        if not request:
            return
        if os.fork() == 0:
            connection.close()
            _become(json.loads(request), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _become(request: dict[str, Any], stdin: int, status: int, stdout: int, stderr: int) -> NoReturn:
    """Run a module as the main program of this process, to the end of both."""
    os.write(status, f"{os.getpid()} ".encode())
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["variables"])
    time.tzset()
    del sys.argv[1:]
    code = 1
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(status, str(code).encode())
    os._exit(code)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _serve(socket.socket(fileno=int(sys.argv[1])))
