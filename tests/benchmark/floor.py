"""The floor: prepared commits, each of which only has to be pushed."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.acs.builders.tests.builders import MESSAGES, git

FLOOR_REMOTE = "Floor.git"
PERSON = ("-c", "user.name=floor", "-c", "user.email=floor@localhost")


class Floor:
    """A clone with prepared commits of one message each, and its own remote.

    :param remote: the repository that both copy.
    :param ready: the number of commits.

    ``url`` is the URL to which it pushes.
    """

    def __init__(self, remote: Path, ready: int) -> None:
        self._clone = remote.with_name("floor.git")
        self.url = str(remote.with_name(FLOOR_REMOTE))
        for copy in (self._clone, self.url):
            git("clone", "--quiet", "--bare", remote, copy)
        tip = git("rev-parse", "main", cwd=self._clone)
        self._commits = iter(list(itertools.islice(self._made(tip), ready)))

    def push(self) -> None:
        """Push the next commit."""
        commit = next(self._commits)
        push = ["git", "-C", str(self._clone), "push", "--quiet", self.url, f"{commit}:refs/heads/main"]
        subprocess.run(push, check=True)

    def fetch_and_push(self) -> None:
        """Push the next commit after a fetch, as a writer must if others have pushed. The fetch transfers nothing."""
        fetch = ["git", "-C", str(self._clone), "fetch", "--quiet", "--no-write-fetch-head", self.url, "main"]
        subprocess.run(fetch, check=True)
        self.push()

    def _made(self, tip: str) -> Iterator[str]:
        """Yield commits, each a child of the one before, with one more message."""
        document = json.loads(git("show", f"{tip}:{MESSAGES}", cwd=self._clone))
        for number in itertools.count():
            document["messages"].append({"id": f"floor_{number}", "from": "floor", "to": "all", "body": "x" * 500})
            tip = self._commit(tip, json.dumps(document, indent=2))
            yield tip

    def _commit(self, parent: str, mailbox: str) -> str:
        """Create a commit with a new mailbox and otherwise the files of its parent, without a work tree."""
        index = str(self._clone / "floor.index")
        git("read-tree", parent, cwd=self._clone, GIT_INDEX_FILE=index)
        blob = subprocess.run(
            ["git", "-C", str(self._clone), "hash-object", "-w", "--stdin"],
            input=mailbox.encode(),
            capture_output=True,
            check=True,
        ).stdout.decode()
        git("update-index", "--cacheinfo", f"100644,{blob.strip()},{MESSAGES}", cwd=self._clone, GIT_INDEX_FILE=index)
        tree = git("write-tree", cwd=self._clone, GIT_INDEX_FILE=index)
        return git(*PERSON, "commit-tree", tree, "-p", parent, "-m", "floor", cwd=self._clone)
