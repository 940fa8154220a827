"""A distant Git host: https with a password, and a delay of 20 ms each way, as a separate process.

    python tests/benchmark/far_host.py FOLDER CERTIFICATE TOKEN [DELAY]

serves a folder of bare repositories, and prints its port. It answers each line on standard input with its counts as a
JSON object, and stops when standard input ends.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.git_server import GitHost, GitRequest
from ansible_collections.acs.builders.tests.waiting import LIMIT

TOKEN = "a-token-for-tests"
DELAY = 0.02
"""Seconds of delay in each direction."""
CHUNK = 65536


class FarHost:
    """A client of the host process, which it starts. Use it as a context manager.

    :param root: the folder whose repositories are served.
    :param folder: the folder for its certificate and the settings of its clients: ``home/.gitconfig`` and ``pat``.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.certificate = certificate = make_certificate(folder)
        self.pat_file = folder / "pat"
        self.pat_file.write_text(f"{TOKEN}\n", encoding="ascii")
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__), root, certificate, TOKEN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        helper = f'!f() {{ echo username=x-access-token; echo "password=$(cat {self.pat_file})"; }}; f'
        settings = f"""[credential "https://localhost:{self.port}"]
\thelper = {json.dumps(helper)}
"""
        (folder / "home" / ".gitconfig").write_text(settings, encoding="utf-8")

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"https://localhost:{self.port}"

    def counts(self) -> Counter[str]:
        """Return the counts since its start: of ``connections``, and of requests such as ``POST git-receive-pack``."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Counter(json.loads(self._process.stdout.readline()))

    def __enter__(self) -> FarHost:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(LIMIT)
        self._process.stdout.close()


def make_certificate(folder: Path) -> Path:
    """Create a self-signed certificate for localhost, with its key in the same file."""
    path = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"), "-out", str(path)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "key.pem").read_text())
    return path


class TlsHost(GitHost):
    """The Git host behind the relay; it counts requests and keeps connections alive."""

    def __init__(self, root: Path, token: str, certificate: str, counts: Counter[str]) -> None:
        super().__init__(root, token, None)
        self.counts = counts
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.RequestHandlerClass = _Request

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Start TLS in the thread of the connection, because it takes round trips."""
        with suppress(OSError):
            super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Write nothing about a client that has disconnected."""


class _Request(GitRequest):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: TlsHost

    def parse_request(self) -> bool:
        """Count a request by its method and its service."""
        is_one = super().parse_request()
        if is_one:
            parts = urlsplit(self.path)
            service = parse_qs(parts.query).get("service", [parts.path.rpartition("/")[2]])[0]
            authorized = base64.b64encode(f"x-access-token:{self.server.token}".encode()).decode()
            refused = "" if authorized in self.headers.get("Authorization", "") else " refused"
            self.server.counts[f"{self.command} {service}{refused}"] += 1
        return is_one


async def relay(port: int, delay: float, counts: Counter[str]) -> None:
    """Forward connections to a port with a delay, until standard input ends."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        in_transit: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            with suppress(OSError):
                while True:
                    when, data = await in_transit.get()
                    await asyncio.sleep(max(0, when - loop.time()))
                    if not data:
                        break
                    writer.write(data)
                    await writer.drain()
            writer.close()

        arriving = asyncio.create_task(arrive())
        data = b"-"
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            in_transit.put_nowait((loop.time() + delay, data))
        await arriving

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts["connections"] += 1
        await asyncio.sleep(2 * delay)  # the TCP handshake
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(forward(reader, forth), forward(back, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    async with server:
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(counts), flush=True)


def main(root: str, certificate: str, token: str, delay: str = str(DELAY)) -> None:
    """Serve until standard input ends."""
    counts: Counter[str] = Counter()
    host: ThreadingHTTPServer = TlsHost(Path(root), token, certificate, counts)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    asyncio.run(relay(host.server_port, float(delay), counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
