"""A bare Build repository and servers with a clone each, in one folder, with real Git."""

from __future__ import annotations

import atexit
import functools
import io
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host, open_host
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import merge_signers
from ansible_collections.acs.builders.tests.waiting import LIMIT
from git import Git

LEGACY_REPO = Path(__file__).parent / "fixtures" / "legacy-repo"
MESSAGES = "coordination/messages.json"


def git(
    *arguments: str | Path, cwd: Path | None = None, check: bool = True, stdin: bytes = b"", **environment: str
) -> str:
    """Run Git as a person would, and return what it prints.

    Automatic maintenance is off: new versions leave it running in the background after many commands.
    """
    command = ["git", "-c", "maintenance.auto=false", *map(str, arguments)]
    with tempfile.TemporaryFile() if stdin else nullcontext() as source:
        if source:
            source.write(stdin)
            source.seek(0)
        return str(Git(cwd).execute(command, istream=source, env=environment, with_exceptions=check)).strip()


def put_loose_objects(repository: Path, number: int = 700) -> list[str]:
    """Add unreferenced objects of 25 kB to a repository, and return their names."""
    chosen = random.Random(number)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, str(index)) for index in range(number)]
        for file in files:
            file.write_bytes(chosen.randbytes(25_000))
        return git("hash-object", "-w", *files, cwd=repository).splitlines()


def make_key(path: Path, comment: str = "", kind: str = "ed25519") -> None:
    """Create a signing key, and its public key beside it."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Builders:
    """A Build repository with its servers, under one folder."""

    folder: Path
    ids: tuple[str, ...]

    @property
    def remote(self) -> Path:
        """The bare repository."""
        return self.folder / "Build.git"

    def clone(self, server: str) -> Path:
        """Return the clone in which the users of a server work."""
        return self.folder / server / "Build"

    def state(self, server: str) -> Path:
        """Return a server's state directory."""
        return self.folder / server / "state"

    def private(self, server: str) -> Path:
        """Return a server's private repository."""
        return next((self.state(server) / "repos").glob("*.git"))

    @contextmanager
    def host(self, server: str, **options: Any) -> Iterator[Host]:
        """Open a server as a module does."""
        host = open_host(str(self.clone(server)), str(self.state(server)), **{"timeout": LIMIT, **options})
        try:
            yield host
        finally:
            host.repository.close()

    def copy_to(self, folder: Path) -> Builders:
        """Copy the folder to another one; the remote of the new clones is the new repository."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        copied = Builders(folder, self.ids)
        for clone in map(copied.clone, self.ids):
            config = clone / ".git" / "config"
            config.write_text(config.read_text().replace(str(self.remote), str(copied.remote)))
            if (clone / ".git" / "index").exists():
                git("update-index", "--refresh", cwd=clone)  # the index refers to the files of the original
        return copied

    def add_server(self, server: str) -> None:
        """Clone the repository for a server and create its state directory."""
        git("clone", "--quiet", self.remote, self.clone(server))
        git("config", "user.name", server, cwd=self.clone(server))
        git("config", "user.email", f"{server}@localhost", cwd=self.clone(server))
        self.create_state(server)

    def create_state(self, server: str) -> None:
        """Create a server's state directory, with its id and the members of the fleet."""
        self.state(server).mkdir(parents=True)
        (self.state(server) / "server_id").write_text(f"{server}\n")
        (self.state(server) / "fleet.json").write_text(json.dumps({"servers": [self._member(s) for s in self.ids]}))

    def trust(self, *servers: str) -> None:
        """Create new signing keys for servers, by default for all, and record them on every server, as Ansible does."""
        keys = {server: self._new_key(server) for server in servers or self.ids}
        record = merge_signers(self.record(), keys, self.ids, datetime.now(timezone.utc))
        for server in self.ids:
            (self.state(server) / "signers.json").write_text(json.dumps(record))

    def record(self) -> dict[str, Any] | None:
        """Return the trusted keys that the first server has on record."""
        path = self.state(self.ids[0]) / "signers.json"
        return json.loads(path.read_text()) if path.exists() else None

    def _new_key(self, server: str) -> dict[str, Any]:
        key = self.state(server) / "signing_key"
        key.unlink(missing_ok=True)
        self.make_key(key, server)
        return {"key": key.with_suffix(".pub").read_text(), "made": key.stat().st_mtime}

    def make_key(self, path: Path, server: str) -> None:
        """Create a signing key of a server."""
        make_key(path, server)

    def announce_archiving(self, *servers: str) -> None:
        """Let the servers archive at once, as if they had announced it long ago."""
        for server in servers:
            (self.state(server) / "archiving.json").write_text('{"announced_at": "2020-01-01T00:00:00Z"}')

    def commit(self, path: str, content: bytes, message: str = "an old script was here") -> str:
        """Commit a file to the remote as a person with another clone would, and return the commit."""
        person = self.folder / "person"
        if not person.exists():
            git("clone", "--quiet", self.remote, person)
            git("config", "user.name", "person", cwd=person)
            git("config", "user.email", "person@localhost", cwd=person)
        git("pull", "--quiet", "--rebase", "origin", "main", cwd=person, check=False)
        (person / path).parent.mkdir(parents=True, exist_ok=True)
        (person / path).write_bytes(content)
        git("add", path, cwd=person)
        git("commit", "--quiet", "--message", message, cwd=person)
        git("push", "--quiet", "origin", "HEAD:main", cwd=person)
        return git("rev-parse", "HEAD", cwd=person)

    def show(self, path: str, revision: str = "main") -> bytes:
        """Return the content of a file on the remote."""
        content = io.BytesIO()
        Git(self.remote).execute(["git", "show", f"{revision}:{path}"], output_stream=content)
        return content.getvalue()

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages on the remote."""
        entries: list[dict[str, Any]] = json.loads(self.show(MESSAGES))["messages"]
        return entries

    def commits(self) -> int:
        """Return the number of commits on the branch of the remote."""
        return int(git("rev-list", "--count", "main", cwd=self.remote))

    def _member(self, server: str) -> dict[str, str]:
        if server == "operator":
            return {"id": server, "kind": server}
        others = [other for other in self.ids if other not in (server, "operator")]
        partner = others[0] if len(others) == 1 else ""
        return {"id": server, "hostname": f"host-{server}", "ip": "192.0.2.1", "manager": "tester", "partner": partner}


def make_builders(folder: Path, ids: tuple[str, ...] = ("build1", "build2"), legacy: bool = False) -> Builders:
    """Create a remote and its servers.

    :param legacy: whether the remote begins with the files of the old scripts; else it is empty.
    """
    return _template(ids, legacy).copy_to(folder)


@functools.cache
def _template(ids: tuple[str, ...], legacy: bool) -> Builders:
    """Create a remote and its servers, to copy, in a folder that is removed when this process ends."""
    scratch = tempfile.TemporaryDirectory(prefix="builders-")
    atexit.register(scratch.cleanup)
    builders = Builders(Path(scratch.name).resolve(), ids)
    git("init", "--quiet", "--bare", "--initial-branch=main", builders.remote)
    git("config", "receive.autogc", "false", cwd=builders.remote)
    if legacy:
        first = builders.folder / "first"
        git("clone", "--quiet", builders.remote, first)
        shutil.copytree(LEGACY_REPO, first, symlinks=True, dirs_exist_ok=True)
        git("add", "--all", cwd=first)
        identity = ("-c", "user.name=old", "-c", "user.email=old@localhost")
        git(*identity, "commit", "--quiet", "--message", "what the old scripts left", cwd=first)
        git("push", "--quiet", "origin", "HEAD:main", cwd=first)
        shutil.rmtree(first)
    for server in ids:
        builders.add_server(server)
    for sample in builders.folder.rglob("hooks/*.sample"):
        sample.unlink()
    return builders
