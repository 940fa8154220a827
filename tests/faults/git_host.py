"""The Git host of the rig, as a separate process: tests/git_server.py with a folder of bare repositories.

    python tests/faults/git_host.py FOLDER

prints its port, and stops when its standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.waiting import LIMIT


class GitHostProcess:
    """The process of the Git host. Use it as a context manager.

    :param folder: the folder whose repositories are served, at any depth.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it reports every broken connection
            text=True,
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> GitHostProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(LIMIT)
        self._process.stdout.close()


def main(folder: str) -> None:
    """Serve a folder until standard input ends."""
    with git_host(Path(folder)) as host:
        print(host.server_port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
