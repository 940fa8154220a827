"""Repositories with a long history: many commits, or many messages that all recipients have read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import archive
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git

TWO_YEARS = timedelta(days=730)
BODY = "A line of an old message. " * 15


def add_commits(remote: Path, number: int) -> None:
    """Add commits to the branch of a bare repository, each with a new text in one file, and pack it."""
    tip = git("rev-parse", "main", cwd=remote)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=remote, stdin=subprocess.PIPE) as process:
        assert process.stdin
        for chunk in _stream(number, tip):
            process.stdin.write(chunk)
    assert process.returncode == 0
    git("gc", "--quiet", cwd=remote)


def _stream(number: int, tip: str) -> Iterator[bytes]:
    """Yield the commits as git-fast-import(1) reads them."""
    when = int(datetime.now(timezone.utc).timestamp()) - number
    for place in range(number):
        text = f"counted {place}\n"
        lines = f"commit refs/heads/main\ncommitter old <old@localhost> {when + place} +0000\ndata 3\nold\n"
        parent = "" if place else f"from {tip}\n"
        yield f"{lines}{parent}M 100644 inline build1/count.txt\ndata {len(text)}\n{text}\n".encode()


def add_past_messages(builders: Builders, number: int) -> None:
    """Commit messages to the mailbox that their recipients have read, the newest of them a month old."""
    newest = datetime.now(timezone.utc) - timedelta(days=31)
    entries = []
    for place in range(number):
        sender, to = builders.ids[place % 2], builders.ids[1 - place % 2]
        when = utc_text(newest - TWO_YEARS * (number - place) / number)
        entries.append(
            {
                **{"id": f"msg_past_{place}", "from": sender, "to": to, "type": "info", "priority": "normal"},
                **{"subject": f"Past {place}", "body": BODY, "timestamp": when, "read": True, "read_by": [to]},
            }
        )
    builders.commit(MESSAGES, json.dumps({"messages": entries}, indent=2).encode(), "the past")


def archive_all(builders: Builders) -> None:
    """Let each server archive until there is nothing left to archive."""
    for server in builders.ids:
        with builders.host(server) as host:
            host.repository.read(lambda snapshot: snapshot.commit)
            while archive(host).result:
                pass


def renew_clones(builders: Builders) -> None:
    """Replace the clone of each server by a new one, as the set-up creates it."""
    for server in builders.ids:
        clone = builders.clone(server)
        subprocess.run(["rm", "-rf", clone], check=True)
        git("clone", "--quiet", "--depth=1000", "--no-single-branch", f"file://{builders.remote}", clone)
