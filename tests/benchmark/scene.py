"""The scene of measurements: a remote and servers that sign, a clone for the old way, and the installed command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Callable

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders

TOP = Path(__file__).resolve().parents[2]
OLD_WAY = Path(__file__).with_name("old_way.sh")
BODY = "A line of a message. " * 24
OLD_CLONE, OLD_REMOTE = "old", "Old.git"
"""The clone for the old way, and its remote: a copy, which has no other writers."""


def make_scene(folder: Path, ids: tuple[str, ...] = ("build1", "build2")) -> Builders:
    """Create a remote with the old scripts' files, servers that sign and have read once, and the old way's clone."""
    builders = make_builders(folder, ids, legacy=True)
    builders.trust()
    for server in ids:
        with builders.host(server) as host:
            host.repository.read(lambda snapshot: snapshot.commit)
    git("clone", "--quiet", "--bare", builders.remote, folder / OLD_REMOTE)
    clone = folder / OLD_CLONE
    git("clone", "--quiet", folder / OLD_REMOTE, clone)
    git("config", "user.name", "old", cwd=clone)
    git("config", "user.email", "old@localhost", cwd=clone)
    return builders


def at(moment: datetime) -> Callable[[], datetime]:
    """Return a clock that stands still."""
    return lambda: moment


def move_remotes(builders: Builders, host: str, certificate: Path) -> None:
    """Set the remote of all clones to a host that serves the same folder, and make them trust its certificate."""
    others = (builders.folder / OLD_CLONE, builders.folder / "floor.git")
    for clone in filter(Path.exists, (*map(builders.clone, builders.ids), *others)):
        git("config", f"http.{host}.sslCAInfo", certificate, cwd=clone)
    for clone in map(builders.clone, builders.ids):
        git("remote", "set-url", "origin", f"{host}/{builders.remote.name}", cwd=clone)
    git("remote", "set-url", "origin", f"{host}/{OLD_REMOTE}", cwd=builders.folder / OLD_CLONE)


def core_send(builders: Builders, server: str = "build1", to: str = "build2", **options: str) -> None:
    """Send a message through the core, as a module does in its process."""
    with builders.host(server, **options) as host:
        receipt = send(host, Draft("Measured", BODY), [to])
    assert receipt.delivery == "pushed", receipt


def old_send(builders: Builders) -> None:
    """Send a message the old way."""
    subprocess.run([OLD_WAY, builders.folder / OLD_CLONE, "build1", "build2", "Measured", BODY], check=True)


class Command:
    """The command builderctl of a server, as the set-up installs it: packed, and compiled by its first run.

    :param builders: its settings name the clone and the state directory of ``server``.

    ``package`` is the folder of its package, ``config`` its settings.
    """

    def __init__(self, builders: Builders, server: str = "build1") -> None:
        folder = self.package = builders.folder / f"installed-{server}"
        folder.mkdir(exist_ok=True)
        pack = TOP / "roles" / "build_heartbeat" / "files" / "pack"
        subprocess.run([sys.executable, pack, folder / "pack.tar.gz"], check=True, capture_output=True)
        with tarfile.open(folder / "pack.tar.gz") as archive:
            archive.extractall(folder)
        program = (pack.parent / "builderctl").read_text(encoding="utf-8")
        self._program = folder / "builderctl"
        self._program.write_text(program.replace("/usr/local/lib/acs-builders/current", str(folder)), encoding="utf-8")
        self.config = folder / "builderctl.json"
        places = {"repo": str(builders.clone(server)), "state_dir": str(builders.state(server))}
        settings = {**places, "pat_file": str(folder / "no-token"), "log_folder": str(folder)}
        self.config.write_text(json.dumps(settings), encoding="utf-8")

    def run(self, *arguments: str, path: str = "") -> None:
        """Run the command.

        :param path: a folder that comes first in PATH.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment["PATH"] = os.pathsep.join(filter(None, (path, environment["PATH"])))
        command = [sys.executable, "-I", str(self._program), "--config", str(self.config), *arguments]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    def configure(self, **settings: str) -> None:
        """Change settings."""
        given = json.loads(self.config.read_text(encoding="utf-8"))
        self.config.write_text(json.dumps({**given, **settings}), encoding="utf-8")

    def load(self) -> None:
        """Start Python, load the modules of the command, and exit."""
        program = f"import sys; sys.path.insert(0, {str(self.package)!r}); import acs_builders.builderctl.cli"
        subprocess.run([sys.executable, "-I", "-c", program], check=True)

    def send(self) -> None:
        """Send a message."""
        self.run("send", "Measured", BODY)


def count_children(command: Command, folder: Path, *arguments: str) -> list[str]:
    """Return the direct child processes of one call, each with its program and its subcommand.

    :param folder: a folder, to create, for the programs that record them.
    """
    folder.mkdir()
    programs, log = folder / "programs", folder / "children"
    programs.mkdir()
    log.touch()
    for name in ("git", "ssh-keygen"):
        real = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        parent = 'case "$(tr "\\\\0" " " < /proc/$PPID/cmdline)" in *builderctl*) '
        logged = f'printf "%s\\\\n" "{name} $*" >> {log};; esac'
        (programs / name).write_text(f'#!/bin/sh\n{parent}{logged}\nexec {real} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    command.run(*arguments, path=str(programs))
    return [_named(line) for line in log.read_text(encoding="utf-8").splitlines()]


def _named(line: str) -> str:
    """Return a child process without its options, as ``git push``."""
    program, *words = line.split()
    if program == "ssh-keygen":
        return " ".join([program, words[words.index("-Y") + 1]])
    plain = [word for place, word in enumerate(words) if not word.startswith("-") and words[place - 1] != "-c"]
    return f"{program} {plain[0]}"
