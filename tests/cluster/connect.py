"""Connect to a port and pass the connection to ssh, as the option ProxyUseFdpass requires."""

from __future__ import annotations

import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    socket.send_fds(socket.socket(fileno=1), [b"\0"], [connection.fileno()])
