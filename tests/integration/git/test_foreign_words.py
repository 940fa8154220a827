"""Test that output of Git is shown, logged, stored and raised without secrets."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import (
    ad_hoc,
    ansible,
    call,
    module_variables,
    serve,
)
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.running_service import COMMAND, config

TOKEN = "own+" + "Token0fThisServer" * 2
FOREIGN = "ghp" + "_" + "Xk3" * 12
URL = "http://127.0.0.1:1/Build.git"
SHAPES = (
    *(TOKEN, quote(TOKEN, safe=""), FOREIGN),
    *(base64.b64encode(f"{user}:{TOKEN}".encode()).decode()[8:-4] for user in ("x-access-token", "a", "me", "you")),
)
"""The forms of the token: plain, in a URL, and in the Authorization header of any user; and another token."""
WORDS = (
    f"warning: invalid credential line: {TOKEN}",
    f"remote: you have sent Authorization: Basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}",
    *(f"remote: or {base64.b64encode(f'{user}:{TOKEN}'.encode()).decode()}" for user in ("a", "me", "you")),
    f"remote: or https://x:{quote(TOKEN, safe='')}@git.example/ or {FOREIGN}",
    "fatal: Authentication failed for 'x'",
)


@pytest.fixture
def leaking_git(builders: Builders) -> Iterator[Path]:
    """Return a folder with a `git` that prints the token when it contacts a remote."""
    folder = builders.folder / "talkative"
    folder.mkdir()
    (folder / "words").write_text("\n".join(WORDS) + "\n")
    (folder / "git").write_text(
        "#!/bin/sh\nfor word; do case $word in fetch | push | ls-remote | clone)\n"
        f"cat '{folder}/words' >&2; exit 128;; esac; done\nexec '{shutil.which('git')}' \"$@\"\n"
    )
    (folder / "git").chmod(0o755)
    (builders.folder / "PAT").write_text(f"{TOKEN}\n")
    git("remote", "set-url", "origin", URL, cwd=builders.clone("build1"))
    yield folder
    shutil.rmtree(folder)


def path_of(leaking_git: Path) -> str:
    """Return a PATH that begins with this folder."""
    return f"{leaking_git}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def play(builders: Builders, leaking_git: Path) -> str:
    """Set up two servers with -vvvv, one with a clone and one without, and return the output."""
    inventory, playbook = builders.folder / "inventory.json", builders.folder / "play.yml"
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "builders_remote_url": URL,
        "builders_repo": f"{builders.folder}/{{{{ inventory_hostname }}}}/Build",
        "builders_state_dir": f"{builders.folder}/{{{{ inventory_hostname }}}}/state",
        "builders_pat_file": f"{builders.folder}/PAT",
        "build_repository_packages": [],
        "build_repository_library": f"{builders.folder}/library",
    }
    inventory.write_text(json.dumps({"builders": {"hosts": {"build1": {}, "build3": {}}, "vars": common}}))
    roles = ["acs.builders.build_repository"]
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": roles}]))
    done = ansible(
        *("playbook", playbook, "-vvvv", "--diff"),
        folder=builders.folder,
        inventory=inventory,
        PATH=path_of(leaking_git),
    )
    assert done.code != 0
    assert "with an earlier fetch, since the remote could not be read" in done.stdout
    assert "could not be cloned" in done.stdout
    return done.output


def test_no_word_of_git_shows_a_token(builders: Builders, leaking_git: Path) -> None:
    variables = module_variables(builders, PATH=path_of(leaking_git), COLUMNS="1000")
    builderctl = ("-m", COMMAND, "--config", str(config(builders, "build1")))
    shown = {
        " ".join(words): serve(*builderctl, *words, cwd=builders.folder, variables=variables).output
        for words in (
            *(("read",), ("read", "--json"), ("health",), ("status",), ("send", "Hello", "Hello.")),
            *(("heartbeat", "--once"), ("outbox",), ("recover",)),
        )
    }
    shown["module"] = call(builders, "build1", variables={"PATH": path_of(leaking_git)}).output
    given = {"pat_file": f"{builders.folder}/PAT"}
    shown["ansible"] = ad_hoc(
        builders.folder, "build1", "build_message", "-vvvv", options=given, PATH=path_of(leaking_git)
    ).output
    for command in ("read", "read --json", "health", "send Hello Hello.", "heartbeat --once", "module", "ansible"):
        assert "[redacted: " in shown[command], (command, shown[command])
    summary = json.loads((builders.state("build1") / "summary.json").read_text())
    log = builders.folder / "build1" / "log" / "heartbeat-build1.log"
    assert "[redacted: " in summary["failure"] and "[redacted: " in log.read_text()
    shown["summary at login"] = serve(
        *builderctl, "health", "--summary", cwd=builders.folder, variables=variables
    ).output
    assert "[redacted: " in shown["summary at login"]
    shown["set-up"] = play(builders, leaking_git)
    assert "[redacted: " in shown["set-up"]
    for where, text in shown.items():
        assert [shape for shape in SHAPES if shape in text] == [], where
    kept = [path for path in builders.folder.rglob("*") if path.is_file() and path.name not in ("PAT", "words")]
    assert [path for path in kept if any(shape in path.read_bytes().decode("latin-1") for shape in SHAPES)] == []
