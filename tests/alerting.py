"""A fleet that sends alerts, by ways that record what they get."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.ansible_runner import module_variables
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.python_server import COMMAND
from ansible_collections.acs.builders.tests.running_service import Service, config, service

LONG_AGO = timedelta(hours=2)
RECORD = "cat >> {0}.txt; printf '\\0' >> {0}.txt"
"""A command that appends its standard input and a null character to a file."""


@dataclass
class Chat:
    """A server for webhooks. ``answer`` is the status of its answers, and ``location`` the target of its redirects."""

    url: str
    posts: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answer: int = 200
    location: str = ""


@dataclass
class Fleet:
    """The servers build1, build2 and build3; build3 has no service, and tests publish its heartbeats."""

    builders: Builders
    chat: Chat

    def way(self, server: str, name: str = "command", script: str = RECORD, **settings: Any) -> dict[str, Any]:
        """Return a way that runs a shell script, in which ``{0}`` stands for a file of the server."""
        path = self.builders.folder / server / name
        return {"name": name, "command": ["/bin/sh", "-c", script.format(path)], **settings}

    def mail_way(self, server: str) -> dict[str, Any]:
        """Return a way that sends mail with a program that records the mail and its options."""
        path = self.builders.folder / server / "sendmail"
        path.write_text(f'#!/bin/sh\necho "$*" >> {path}.options\n{RECORD.format(path)}\n')
        path.chmod(0o755)
        addresses = ["ops@example.com", "boss@example.com"]
        return {"name": "mail", "mail": addresses, "sendmail": str(path), "kinds": ["server"]}

    def chat_way(self) -> dict[str, Any]:
        """Return a way that posts alerts about servers that do not beat."""
        return {"name": "chat", "webhook": self.chat.url, "kinds": ["server"]}

    def ways(self, server: str, *ways: dict[str, Any]) -> str:
        """Configure the ways of a server, and return the path of the file."""
        path = self.builders.folder / server / "alerts.json"
        path.write_text(json.dumps({"ways": ways}))
        return str(path)

    @contextmanager
    def service(self, server: str, *ways: dict[str, Any], **settings: Any) -> Iterator[Service]:
        """Run the service of a server with these ways."""
        path = self.ways(server, *(ways or (self.way(server),)))
        with service(self.builders, server, alerts=path, **settings) as running:
            yield running

    def written(self, server: str, name: str = "command") -> list[str]:
        """Return the inputs that a program of a server got so far."""
        path = self.builders.folder / server / f"{name}.txt"
        return path.read_text().split("\0")[:-1] if path.exists() else []

    def alert_texts(self, server: str, name: str = "command") -> list[str]:
        """Return the texts of the alerts that the command of a server got so far.

        Alerts about problems are left out: a clock seems to be wrong after :meth:`silence`, and a disk may be full.
        """
        texts = [json.loads(given)["text"] for given in self.written(server, name)]
        return [text for text in texts if not re.search(r" has (a problem|\d+ problems)$", text)]

    def mails(self, server: str) -> list[Any]:
        """Return the mails that a server has sent so far."""
        return [message_from_bytes(text.encode(), policy=policy.default) for text in self.written(server, "sendmail")]

    def deliver(self, server: str, code: int = 0) -> str:
        """Do what build-alerts.service does, and return its standard error."""
        return self.builderctl(server, "alerts", "--deliver", code=code).stderr

    def builderctl(self, server: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run builderctl with the configuration of a server."""
        path = self.builders.folder / server / "builderctl.json"
        command = [sys.executable, "-m", COMMAND, "--config", str(path), *words]
        variables = module_variables(self.builders)
        done = subprocess.run(command, env=variables, capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == code, done.stderr
        return done

    def configure(self, server: str, *ways: dict[str, Any]) -> None:
        """Write the configuration of a server whose service does not run."""
        config(self.builders, server, alerts=self.ways(server, *ways))

    def cycle(self, running: Service, server: str = "build1") -> dict[str, Any]:
        """Run a cycle of a service, which must publish a heartbeat, deliver its alerts, and return the heartbeat."""
        found = running.next_beat()
        self.deliver(server)
        return found

    def beat(self, server: str = "build3", **changes: Any) -> None:
        """Publish a heartbeat of a server, with an interval of a second."""
        with self.builders.host(server) as host:
            beat(host, interval=1, **changes)

    def silence(self, reader: str, server: str = "build3") -> None:
        """Make the last heartbeat of a server old in the records of another server."""
        path = self.builders.state(reader) / "watch.json"
        record = json.loads(path.read_text())
        record["servers"][server]["first_seen"] = utc_text(datetime.now(timezone.utc) - LONG_AGO)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(record))
        new.replace(path)  # the service may read it at any time


@contextmanager
def chat() -> Iterator[Chat]:
    """Run a server for webhooks; afterwards nothing listens at its address."""

    class Request(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            room.paths.append(self.path)
            if room.answer == 200:
                room.posts.append(json.loads(body))
            self.send_response(room.answer)
            if room.location:
                self.send_header("Location", room.location)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_arguments: Any) -> None:
            """Write nothing to standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    room = Chat(f"http://127.0.0.1:{server.server_port}/hooks/secret")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield room
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
