"""Objects and refs that are written as files: Git reads them, and a write that fails leaves nothing in its way."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.object_files import (
    read_ref,
    write_object,
    write_ref,
)
from ansible_collections.acs.builders.tests.builders import git

REF = "refs/remotes/origin/main"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git("init", "--quiet", "--bare", tmp_path)
    return tmp_path


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_git_reads_what_was_written(repository: Path) -> None:
    tree = write_object(repository, "tree", b"")
    person = "nobody <nobody@localhost> 0 +0000"
    commit = write_object(repository, "commit", f"tree {tree}\nauthor {person}\ncommitter {person}\n\nempty".encode())
    write_ref(repository, REF, commit)
    assert git("rev-parse", REF, cwd=repository) == commit == read_ref(repository, REF)
    assert git("log", "--format=%an %s", REF, cwd=repository) == "nobody empty"
    git("fsck", "--strict", cwd=repository)


def test_a_write_without_room_leaves_no_lock_and_no_part(repository: Path) -> None:
    commit = "1" * 40
    with no_room(), pytest.raises(OSError):
        write_ref(repository, REF, commit)
    with no_room(), pytest.raises(OSError):
        write_object(repository, "blob", b"text")
    assert [path for path in repository.rglob("*") if path.suffix == ".lock" or path.name.startswith("tmp_")] == []
    write_ref(repository, REF, commit)
    assert read_ref(repository, REF) == commit


def test_a_ref_that_somebody_else_writes_is_left_alone(repository: Path) -> None:
    lock = repository / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(FileExistsError):
        write_ref(repository, REF, "1" * 40)
    assert lock.exists() and read_ref(repository, REF) is None
