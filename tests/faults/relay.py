"""A relay before a Git host: it forwards connections, with a delay if set, or breaks them, and counts the requests.

It is a separate process, so that no lock of the tests slows it down. Started as a program it relays to a port of the
loopback interface, reads one JSON object a line from its standard input, and answers each with its counts:

    python tests/faults/relay.py 8080 0
    {"mode": "cut", "bytes": 700, "direction": "down", "times": 1}

The second number is the port to listen on, 0 for any free one; an address may follow it. It stops when its input ends.
The host behind it must close a connection after each answer (HTTP/1.0, as tests/git_server.py does), so that each
request is a connection.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PASS, REFUSE, HANG, CUT, SWALLOW = "pass", "refuse", "hang", "cut", "swallow"
UP, DOWN = "up", "down"
CHUNK = 65536
REQUEST = re.compile(rb"(?:GET|POST) (\S+) HTTP/1\.[01]\r\n")


@dataclass(frozen=True)
class Mode:
    """The mode of the relay.

    :param mode: ``pass``; ``refuse`` connections; ``hang``: accept them without an answer; ``cut`` them after some
        bytes; ``swallow``: break them when the host has accepted a push, before its answer.
    :param delay: milliseconds of delay, in each direction and in every mode.
    :param bytes: the number of bytes that ``cut`` forwards.
    :param direction: the bytes that it counts: those going ``up`` to the host, or ``down`` to the client.
    :param times: how many connections are broken before the rest pass again; None for all.
    """

    mode: str = PASS
    delay: float = 0
    bytes: int = 0
    direction: str = UP
    times: int | None = None


class Relay:
    """The process of the relay. Use it as a context manager.

    :param port: the port of the Git host on the loopback interface.
    """

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__), str(port), "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._answer()["port"])

    @property
    def url(self) -> str:
        """The URL of the Git host for clients."""
        return f"http://127.0.0.1:{self.port}"

    def set(self, mode: Mode) -> dict[str, int]:
        """Change the mode at once, and return the counts.

        They are ``connections``, those ``broken``, and requests by their last words, as ``POST git-receive-pack``.
        Existing connections keep their mode; those that hang are broken.
        """
        return self._ask(asdict(mode))

    def counts(self) -> dict[str, int]:
        """Return the counts since its start, as :meth:`set` does."""
        return self._ask({})

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, int]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return dict(self._answer()["counts"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Connection:
    """A connection of a client, and the corresponding one to the host."""

    def __init__(self, mode: Mode, counts: Counter[str], writers: list[asyncio.StreamWriter]) -> None:
        self._mode = mode
        self._counts = counts
        self._writers = writers
        self._pushes = False
        self._held = b""
        self.broken = False

    async def forward(self, up: asyncio.StreamReader, down: asyncio.StreamReader) -> None:
        """Forward bytes both ways until one side ends, or the connection has to be broken."""
        client, host = self._writers
        handshake = 2 * self._mode.delay / 1000
        ways = [
            asyncio.create_task(self._forward(up, host, UP, handshake)),
            asyncio.create_task(self._forward(down, client, DOWN, 0)),
        ]
        try:
            await ways[1]
        finally:
            ways[0].cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await ways[0]

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, way: str, wait: float) -> None:
        late = Late(target, self._mode.delay / 1000, wait)
        try:
            await self._forward_late(source, late, way)
            await late.end()
        finally:
            late.close()
        if way == UP:
            target.write_eof()

    async def _forward_late(self, source: asyncio.StreamReader, late: Late, way: str) -> None:
        left = self._mode.bytes if self._mode.mode == CUT and self._mode.direction == way else None
        while data := await source.read(CHUNK):
            if way == UP:
                self._look(data)
            if left is not None:
                data, left = data[:left], left - len(data)
            if way == DOWN and self._mode.mode == SWALLOW and self._pushes:
                self._held += data
            else:
                late.write(data)
            if left is not None and left <= 0:
                await late.end()
                self._break()
        if b"unpack ok" in self._held:
            self._break()
        late.write(self._held)

    def _look(self, data: bytes) -> None:
        found = REQUEST.match(data)
        if found:
            path, _mark, query = found.group(1).decode("latin-1").partition("?")
            words = f"{data.split()[0].decode()} {path.rpartition('/')[2]} {query.partition('=')[2]}".strip()
            self._counts[words] += 1
            self._pushes = words == "POST git-receive-pack"

    def _break(self) -> None:
        self._counts["broken"] += 1
        self.broken = True
        for writer in self._writers:
            writer.transport.abort()
        raise ConnectionAbortedError


class Late:
    """A writer that delays data without reducing the throughput."""

    def __init__(self, target: asyncio.StreamWriter, delay: float, wait: float) -> None:
        self._target = target
        self._delay = delay
        self._wait = wait
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    def write(self, data: bytes) -> None:
        """Queue bytes to write."""
        if data:
            self._put(data)

    def _put(self, data: bytes) -> None:
        self._queue.put_nowait((asyncio.get_running_loop().time() + self._delay + self._wait, data))

    async def end(self) -> None:
        """Wait until all bytes are written."""
        self._put(b"")
        await self._task

    def close(self) -> None:
        """Stop writing."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            due, data = await self._queue.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if not data:
                return
            self._target.write(data)
            await self._target.drain()


class Server:
    """The relay itself.

    :param upstream: the port of the Git host.
    :param port: the port to listen on.
    :param address: the address to listen on.
    """

    def __init__(self, upstream: int, port: int, address: str) -> None:
        self._upstream = upstream
        self._address = address
        self._guard = _bound(address, port)
        self.port = int(self._guard.getsockname()[1])
        self._server: asyncio.AbstractServer | None = None
        self._mode = Mode()
        self._left: int | None = None
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self.counts: Counter[str] = Counter()

    async def set(self, mode: Mode) -> None:
        """Change the mode."""
        self._mode, self._left = mode, mode.times
        self._ended.set()
        self._ended = asyncio.Event()
        if mode.mode == REFUSE and self._server:
            self._server.close()
            self._server = None
        elif mode.mode != REFUSE and not self._server:
            self._server = await asyncio.start_server(self._serve, sock=_bound(self._address, self.port), backlog=200)

    async def _serve(self, up: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.counts["connections"] += 1
        task = asyncio.current_task()
        self._tasks.add(task)  # asyncio itself keeps only a weak reference
        try:
            await self._relay(up, client, self._next())
        finally:
            self._tasks.discard(task)

    async def _relay(self, up: asyncio.StreamReader, client: asyncio.StreamWriter, mode: Mode) -> None:
        writers = [client]
        with suppress(ConnectionError):
            if mode.mode == HANG:
                self.counts["broken"] += 1
                await self._ended.wait()
                client.transport.abort()
                return
            down, host = await asyncio.open_connection("127.0.0.1", self._upstream)
            writers.append(host)
            connection = Connection(mode, self.counts, writers)
            with suppress(ConnectionError):
                await connection.forward(up, down)
            if self._left is not None and connection.broken:
                self._left -= 1
        for writer in writers:
            writer.close()

    def _next(self) -> Mode:
        if self._left is not None and self._left <= 0:
            return Mode(delay=self._mode.delay)
        return self._mode


def _bound(address: str, port: int) -> socket.socket:
    """Return a socket bound to a port. Without listening, it reserves the port while connections are refused."""
    bound = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):  # connections of a former listener may be in TIME_WAIT
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    bound.bind((address, port))
    return bound


async def serve(upstream: int, port: int, address: str = "127.0.0.1") -> None:
    """Relay to a port, with the modes of the lines on standard input, until it ends."""
    server = Server(upstream, port, address)
    await server.set(Mode())
    print(json.dumps({"port": server.port}), flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        if order:
            await server.set(Mode(**order))
        print(json.dumps({"counts": server.counts}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
