"""Run Ansible and its modules in the server of tests/python_server.py, in place of this process.

Python imports this module at its start if its folder is in PYTHONPATH. It loads as little as possible, to save time.
"""

from __future__ import annotations

import _socket
import os
import sys
from collections.abc import Iterable, Mapping

ANSIBLE, MODULES, PREFIX = "PYTHON_SERVER_ANSIBLE", "PYTHON_SERVER_MODULES", "PYTHON_SERVER_PREFIX"
"""Environment variables: the servers for Ansible and for its modules, and the prefix of their Python environment."""


def ask(
    address: str, words: list[str], cwd: str, variables: Mapping[str, str], descriptors: Iterable[int]
) -> _socket.socket:
    """Ask a server to run Python with these words on its command line.

    :param descriptors: its standard input, output and error.
    :returns: a connection from which its process id can be read, and then its exit code.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    connection.connect(address)
    request = "\0".join([cwd, str(len(words)), *words, *(f"{name}={value}" for name, value in variables.items())])
    passed = b"".join(descriptor.to_bytes(4, sys.byteorder) for descriptor in descriptors)
    connection.sendmsg([os.fsencode(request)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
    return connection


def _begin() -> None:
    words, variables = sys.orig_argv[1:], dict(os.environ)
    name = os.path.basename(words[0]) if words else ""
    if name in ("ansible", "ansible-playbook"):
        address = variables.get(ANSIBLE)
    elif not words or (len(words) == 1 and name.startswith("AnsiballZ_")):
        address = variables.pop(MODULES, None)
    else:
        address = None
    if address and variables[PREFIX] == os.path.realpath(sys.prefix):
        if name not in ("ansible", "ansible-playbook"):
            for name in ("PYTHONPATH", ANSIBLE, PREFIX):
                variables.pop(name, None)
        try:
            connection = ask(address, words, os.getcwd(), variables, (0, 1, 2))
            connection.recv(100)
            os._exit(int(connection.recv(100) or 1))
        except OSError as error:
            raise SystemExit(f"no server: {error}") from error


_begin()
