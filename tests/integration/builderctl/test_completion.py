"""Test completion in real shells that have loaded the installed files."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import record_shown
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.ansible_runner import TOP
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.integration.builderctl.test_command import ID, Shell, Terminal
from ansible_collections.acs.builders.tests.waiting import until

FILES = TOP / "roles" / "build_heartbeat" / "files"
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"source {FILES}/completion.bash"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; autoload -Uz _builderctl",
    ),
}


@pytest.fixture
def server(builders: Builders) -> Shell:
    """Return a server with builderctl, which has shown a message. The command records its arguments."""
    shell = Shell(builders)
    folder = shell.install("build1")
    record_shown(StateDirectory(builders.state("build1")), [ID])
    (builders.state("build1") / "fleet.json").write_text('{"servers": [{"id": "build1"}, {"id": "build2"}]}')
    (folder / "builderctl").rename(folder / "real")
    recorder = folder / "builderctl"
    record = f"printf '<%s>' \"$@\" > {builders.folder}/new; mv {builders.folder}/new {builders.folder}/words"
    recorder.write_text(f'#!/bin/sh\ntest "$1" != complete || exec {folder}/real "$@"\n{record}\n')
    recorder.chmod(0o755)
    shutil.copy(FILES / "completion.zsh", builders.folder / "_builderctl")
    return shell


def called(server: Shell, name: str, typed: str) -> str:
    """Type a line and a tab into a shell, and return how the command is called."""
    command, load = SHELLS[name]
    master, slave = pty.openpty()
    terminal = Terminal(master, slave)
    words = server.builders.folder / "words"
    variables = {"TERM": "dumb", "PS1": "> ", "INPUTRC": "/dev/null", "HOME": str(server.builders.folder)}
    with subprocess.Popen(
        command,
        env=server.environment("build1", **variables),
        cwd=server.builders.folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        printed = ""

        def is_loaded() -> bool:
            nonlocal printed
            printed += terminal.read()
            return "load ed" in printed

        try:
            os.write(master, f"{load}; echo load' 'ed\n".encode())
            until(is_loaded, "no completion")
            os.write(master, f"{typed}\t\n".encode())
            until(words.exists, "no call")
        finally:
            process.kill()
            os.close(master)
            os.close(slave)
    return words.read_text()


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("builderctl healt", "<health>"),
        (f"builderctl reply {ID[:8]}", f"<reply><{ID}>"),
        (f"builderctl reply {ID[-16:-10]}", f"<reply><{ID}>"),
        ("builderctl status --server=build2 --jso", "<status><--server=build2><--json>"),
        ("builderctl send --to=build2", "<send><--to=build2>"),
        ("builderctl send --to=al", "<send><--to=all>"),
        ("builderctl send 'Two words' --require", "<send><Two words><--require-ack>"),
    ],
)
def test_a_line_is_completed(server: Shell, name: str, typed: str, words: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    assert called(server, name, typed) == words
