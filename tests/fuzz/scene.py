"""The server that is fuzzed: build1, with its own files in a temporary folder, and a remote in memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.builderctl import arguments, cli, service
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import facts
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import fleet, host
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host, open_host
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import merge_signers
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring import heartbeat_refs
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import polling, wait
from ansible_collections.acs.builders.tests.builders import make_key
from ansible_collections.acs.builders.tests.contract.memory_heartbeats import MemoryHeartbeats
from ansible_collections.acs.builders.tests.contract.memory_repository import MemoryRepository
from ansible_collections.acs.builders.tests.fuzz import kept
from ansible_collections.acs.builders.tests.fuzz.failure import Violation
from ansible_collections.acs.builders.tests.fuzz.memory import Remote

DEEP = "a/b/c/d/e/f/g/h/i/j/k/l"
"""The working directory of the process: so deep that paths with .. stay in the folder of the scene."""
STATE, LOGS, CONFIG = "state", "logs", "builderctl.json"
PROGRAMS = ("ssh-keygen", "jq")
"""The programs that examples may start."""
CONFIGURATION: dict[str, Any] = {
    **{"repo": "Build", "remote": "origin", "branch": "main", "pat_file": "PAT", "state_dir": STATE, "timeout": 30},
    **{"interval": 60, "push_budget": 6, "publish": "both", "reply_deadline": 3600, "log_folder": LOGS},
}
MEMBERS = [
    {"id": "build1", "hostname": "host-build1", "ip": "192.0.2.1", "manager": "Codex", "partner": "build2"},
    {"id": "build2", "hostname": "host-build2", "ip": "192.0.2.2", "manager": "Claude", "partner": "build1"},
    {"id": "build3", "hostname": "host-build3", "ip": "192.0.2.3", "manager": "nobody", "partner": ""},
]
FLEET: dict[str, Any] = {"servers": MEMBERS, "remote": "https://git.example.com/Build"}


class Scene:
    """A server and its remote. Paths are relative to the working directory of the process."""

    def __init__(self) -> None:
        self.remote = Remote()
        self.state = Path(STATE)
        self.keys: dict[str, bytes] = {}
        self.signers = b""
        self.verdicts = b"{}"

    def reset(self, *commits: dict[str, bytes], trusted: bool = False) -> None:
        """Restore the initial state, with these commits on the remote.

        :param trusted: whether trust is set up.
        """
        self.remote.reset(*commits, trusted=trusted)
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir()
        self.write("server_id", b"build1\n")
        self.write("fleet.json", json.dumps(FLEET).encode())
        self.write("archiving.json", b'{"announced_at": "2020-01-01T00:00:00Z"}')
        if trusted:
            self.trust("build1")

    def write(self, name: str, data: bytes) -> None:
        """Write one of this server's own files."""
        (self.state / name).write_bytes(data)

    def trust(self, server: str) -> None:
        """Set up trust, with the key of a server."""
        if not self.keys:
            self._make_keys()
        self.write("signers.json", self.signers)
        self.write("verdicts.json", self.verdicts)
        self.write("signing_key", self.keys[server])
        (self.state / "signing_key").chmod(0o600)

    def check_own_files(self, but: str = "") -> None:
        """Check that this server's own files can be read.

        :param but: the one that could not be read before.
        :raises Violation: if one cannot be read.
        """
        for path in self.state.glob("*.json"):
            if path.name != but and not kept.is_readable(path.read_bytes()):
                raise Violation(f"the text written to {path} is not JSON")

    @contextmanager
    def host(self, server: str = "build1", **options: Any) -> Iterator[Host]:
        """Open a server as a module does."""
        self.write("server_id", f"{server}\n".encode())
        opened = open_host("Build", STATE, "origin", "main", "PAT", 30, **options)
        yield opened

    def _make_keys(self) -> None:
        collected = {}
        for server in ("build1", "build2"):
            make_key(Path(f"key-{server}"), server)
            self.keys[server] = Path(f"key-{server}").read_bytes()
            collected[server] = {"key": Path(f"key-{server}.pub").read_text(), "made": 1_700_000_000}
        now = datetime.now(timezone.utc)
        self.signers = json.dumps(merge_signers(None, collected, collected, now - timedelta(days=1))).encode()


class _FastTime:
    """A time module whose clock advances with each sleep, so that no example waits."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        """Return the seconds."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self._now += max(seconds, 0.001)


class _Popen(subprocess.Popen):  # type: ignore[type-arg]
    def __init__(self, command: Any, *arguments: Any, **options: Any) -> None:
        if not isinstance(command, (list, tuple)) or command[0] not in PROGRAMS:
            raise FileNotFoundError(f"the fuzzer does not start {command!r}")
        super().__init__(command, *arguments, **options)


def _answer(command: Any, _patience: float, **_more: str) -> subprocess.CompletedProcess[str]:
    """Return fixed facts of the machine, without running a command."""
    package = "jq\t1.6-2.1\tinstall ok installed\tamd64"
    if "${Provides}" in command[-1]:
        package += "\tlibssl-dev (= 3.0.11)"
    output = "0123456789abcdef refs/heads/main" if command[0] == "git" else f"{package}\n"
    return subprocess.CompletedProcess(command, 0, output, "")


def _raise(error: Exception) -> str:
    """Raise an unexpected error, which builderctl otherwise explains in a message."""
    raise error


@contextmanager
def scene() -> Iterator[Scene]:
    """Create a scene, and remove it. Inside the context nothing is fetched, and nothing waits for time or a disk."""
    made = Scene()
    before = os.getcwd()
    run_service = service.run
    time = _FastTime()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, ExitStack() as patches:
        work = Path(folder, DEEP)
        work.mkdir(parents=True)
        os.chdir(work)
        patches.callback(os.chdir, before)
        Path(LOGS).mkdir()
        Path(CONFIG).write_text(json.dumps(CONFIGURATION))
        for where, name, new in (
            (host, "Repository", partial(MemoryRepository, lambda _clone: made.remote)),
            (heartbeat_refs, "BareRepository", partial(MemoryHeartbeats, lambda _url: made.remote)),
            (arguments, "make_parser", cache(arguments.make_parser)),
            (cli, "explain", _raise),
            (service, "run", lambda config, once=False: run_service(config, once=True)),
            (polling, "time", time),
            (wait, "time", time),
            (fleet, "SYSTEM_FLEET_FILE", "none/fleet.json"),
            (fleet, "SYSTEM_ID_FILE", "none/id"),
            (fleet, "DEFAULT_STATE_DIR", STATE),
            (facts, "_run", _answer),
            (subprocess, "Popen", _Popen),
            (os, "fsync", lambda _descriptor: None),
            (module_support, "load_config", lambda: Config(**CONFIGURATION)),
        ):
            patches.enter_context(patch.object(where, name, new))
        yield made
