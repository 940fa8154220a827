"""A Git host for tests: serves a folder of bare repositories over HTTP on the loopback interface."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitHost(ThreadingHTTPServer):
    """The server; ``passwords`` collects the passwords of clients, ``requests`` their requests.

    With ``answer``, ``words`` are the text of that answer, which Git prints, and ``headers`` are sent with it.

    :param root: the folder whose repositories are served.
    :param token: the required password; None if none is required.
    :param answer: the status of the answer to every request; None to serve the repositories.
    """

    daemon_threads = True

    def __init__(self, root: Path, token: str | None, answer: int | None) -> None:
        super().__init__(("127.0.0.1", 0), GitRequest)
        self.root = root
        self.token = token
        self.answer = answer
        self.passwords: list[str] = []
        self.requests: list[str] = []
        self.words = ""
        self.headers: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Stop the server. Inside the context its port is reserved and refuses connections."""
        self.shutdown()
        self.server_close()
        with socket.socket() as reserved:
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.bind(self.server_address)
            yield


@contextmanager
def git_host(root: Path, token: str | None = None, answer: int | None = None) -> Iterator[GitHost]:
    """Run a server. Afterwards its port is free."""
    host = GitHost(root, token, answer)
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        thread.join()
        host.server_close()


class GitRequest(BaseHTTPRequestHandler):
    """One request of a client: refs, a fetch or a push."""

    server: GitHost

    def do_GET(self) -> None:
        """Answer a request for refs."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a fetch or a push."""
        self._serve()

    def _serve(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        password = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode().partition(":")[2]
        if password:
            self.server.passwords.append(password)
        if self.server.answer:
            self._refuse(self.server.answer)
        elif self.server.token not in (None, password):
            self._refuse(401)
        else:
            self._backend(body)

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="Git"')
        words = self.server.words.encode()
        for name, value in {**({"Content-Type": "text/plain"} if words else {}), **self.server.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def _backend(self, body: bytes) -> None:
        path, _mark, query = self.path.partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "tester",
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(
            ["git", "http-backend"], input=body, env=variables, capture_output=True, check=False
        ).stdout
        head, _blank, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Write nothing to standard error."""
