"""What Python does when it starts and this folder is in PYTHONPATH: give a module of Ansible to tests/module_server.py.

It loads as little as it can, for it is there to save time.
"""

from __future__ import annotations

import _socket
import os
import sys
from collections.abc import Iterable, Mapping


def ask(
    address: str, words: list[str], cwd: str, variables: Mapping[str, str], descriptors: Iterable[int]
) -> _socket.socket:
    """Ask a server to run Python with these words on its command line.

    :param descriptors: its standard input, output and error.
    :returns: a connection on which its process id comes, and then its exit code.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    connection.connect(address)
    request = "\0".join([cwd, str(len(words)), *words, *(f"{name}={value}" for name, value in variables.items())])
    passed = b"".join(descriptor.to_bytes(4, sys.byteorder) for descriptor in descriptors)
    connection.sendmsg([os.fsencode(request)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
    return connection


def _begin() -> None:
    words, variables = sys.orig_argv[1:], dict(os.environ)
    of_ansible = not words or (len(words) == 1 and os.path.basename(words[0]).startswith("AnsiballZ_"))
    if of_ansible and variables.pop("MODULE_SERVER_PYTHON", "") == sys.prefix:
        del variables["PYTHONPATH"]
        connection = ask(variables.pop("MODULE_SERVER"), words, os.getcwd(), variables, (0, 1, 2))
        connection.recv(100)
        os._exit(int(connection.recv(100) or 1))


_begin()
