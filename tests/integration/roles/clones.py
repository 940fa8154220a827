"""Clones with local work, and the script that repairs a clone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import TOP
from ansible_collections.acs.builders.tests.builders import Builders, git

FILES = TOP / "roles" / "build_repository" / "files"
TOKEN = "ghp_" + "T" * 36
UNCHANGED = {"changed": False, "notes": [], "exists": True}
"""The result of the script for a clone that needs no repair."""


def repair(clone: Path, url: str | Path, *options: str, helper: str = "") -> dict[str, Any]:
    """Run the script that repairs a clone, and return its result."""
    done = subprocess.run(
        [sys.executable, str(FILES / "repair-clone"), *options, str(clone), str(url), "main", helper],
        env={**os.environ, "GIT_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def without_time(note: str) -> str:
    """Return a note without the time in the name of a ref."""
    return re.sub(r"\d{8}T\d{6}Z", "TIME", note)


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 digests of all files of a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_and_commit(clone: Path, name: str, text: str) -> None:
    """Commit a file in a clone."""
    (clone / name).write_text(text)
    git("add", name, cwd=clone)
    git("commit", "--quiet", "--message", f"mine: {text}", cwd=clone)


def diverged(builders: Builders, clone: Path) -> None:
    """Commit a change to a file that the remote changes, too."""
    write_and_commit(clone, "shared", "my commit\n")
    builders.commit("shared", b"theirs\n")
    git("fetch", "--quiet", cwd=clone)


def rebasing(builders: Builders, clone: Path) -> None:
    """Leave an interrupted rebase, as the old scripts did after concurrent writes."""
    diverged(builders, clone)
    git("rebase", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/rebase-merge").is_dir()


def kept(clone: Path) -> set[str]:
    """Return the contents of all files of the kept commits."""
    revisions = git("rev-list", "--glob=refs/acs-builders", cwd=clone, check=False).split()
    trees = [git("ls-tree", "-r", revision, cwd=clone) for revision in revisions]
    blobs = {line.split()[2] for tree in trees for line in tree.splitlines()}
    return {git("cat-file", "blob", blob, cwd=clone, check=False) + "\n" for blob in blobs}
