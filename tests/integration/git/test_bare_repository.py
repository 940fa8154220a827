"""Test a repository read and written with GitPython: with objects of others, and after interrupted writes."""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import GitFailed, RepositoryDamaged
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.bare_repository import BareRepository
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.clone_config import Remote
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.mirror import Mirror
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import git

REF = "refs/acs-builders/known/main"
MADE = "refs/acs-builders/made"
PERSON = ("-c", "user.name=x", "-c", "user.email=x@localhost")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[BareRepository]:
    bare = BareRepository(tmp_path / "bare.git", Remote("/nowhere"), "", StateDirectory(tmp_path / "state"))
    bare.make()
    yield bare
    bare.close()


def commit(repository: BareRepository, files: dict[str, bytes], parent: str | None = None) -> str:
    return repository.commit(parent, files, "a change", "build1", 1_700_000_000)


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def leftovers(repository: BareRepository) -> list[Path]:
    """Return the files that an interrupted write has left."""
    return [*repository.path.glob("objects/obj*"), *repository.path.rglob("*.lock")]


@contextmanager
def no_space() -> Iterator[None]:
    """Prevent files of this process from growing, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_git_reads_what_was_written(repository: BareRepository) -> None:
    first = commit(repository, {"a/b.json": b"1", "a/c.json": b"2", "d.json": b"3"})
    second = commit(repository, {"a/b.json": b"4"}, first)
    shown = git("log", "--format=%H %P|%an %ae %at %cn %ce %ct|%s", second, cwd=repository.path).splitlines()
    person = "build1 build1@localhost 1700000000"
    assert shown == [f"{second} {first}|{person} {person}|a change", f"{first} |{person} {person}|a change"]
    assert git("show", f"{second}:a/b.json", cwd=repository.path) == "4"
    git("fsck", "--strict", second, cwd=repository.path)
    assert repository.ref(MADE) == second
    assert [repository.read(second, path) for path in ("a/b.json", "a/c.json", "d.json")] == [b"4", b"2", b"3"]
    assert repository.names(second) == ["a", "d.json"] and repository.names(second, "a") == ["b.json", "c.json"]
    assert repository.read(second, "a") is repository.read(second, "a/x") is None


def test_a_write_keeps_what_others_have_in_the_same_folder(repository: BareRepository) -> None:
    blob = git("hash-object", "-w", "/dev/null", cwd=repository.path)
    gitlink = "1" * 40
    empty = git("mktree", "--missing", cwd=repository.path)
    listed = [
        f"100755 blob {blob}\tscript.json".encode(),
        f"120000 blob {blob}\tlink.json".encode(),
        f"120000 blob {blob}\tother-link".encode(),
        f"160000 commit {gitlink}\tmodule".encode(),
        f"040000 tree {empty}\tname".encode(),
        *(
            f"100644 blob {blob}\t".encode() + name
            for name in (b"name.x", b"name0", "é".encode(), b"\xff", b"\xee\x80\x80")
        ),
    ]
    made = git("mktree", "-z", cwd=repository.path, stdin=b"\0".join(listed) + b"\0")
    old = git(*PERSON, "commit-tree", "-m", "x", made, cwd=repository.path)
    new = commit(repository, {"script.json": b"1", "link.json": b"2", "name/new.json": b"3"}, old)
    changed = git("diff-tree", "-r", "--no-renames", "--raw", "--abbrev=4", old, new, cwd=repository.path).splitlines()
    assert [(line[1:14], line.split("\t")[1]) for line in changed] == [
        ("120000 100644", "link.json"),
        ("000000 100644", "name/new.json"),
        ("100755 100755", "script.json"),
    ]
    git("fsck", "--strict", new, cwd=repository.path)
    assert "module" not in repository.names(new) and repository.read(new, "module") is None


def test_a_write_starts_the_process_that_reads_and_no_other(
    repository: BareRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    popen = subprocess.Popen

    def start(command: list[str], *arguments: object, **options: object) -> object:
        started.append(" ".join(command))
        return popen(command, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr("git.cmd.Popen", start, raising=False)
    monkeypatch.setattr("git.cmd.safer_popen", start, raising=False)
    first = commit(repository, {"a.json": b"1"})
    second = commit(repository, {"a.json": b"2", "b/c.json": b"3"}, first)
    assert repository.read(second, "b/c.json") == b"3"
    assert started == ["git cat-file --batch"]


def test_an_object_after_one_that_is_too_large_is_read(repository: BareRepository) -> None:
    made = commit(repository, {"large.json": b"x" * 3_000_000, "small.json": b"1"})
    large = git("rev-parse", f"{made}:large.json", cwd=repository.path).strip()
    found = repository.find(large, 2_999_999)
    assert found is not None and (found.type, found.content) == ("blob", None)
    assert repository.read(made, "small.json") == b"1"
    assert repository.read(made, "large.json") == b"x" * 3_000_000


def test_what_is_fetched_after_the_repository_was_opened_is_found(repository: BareRepository, tmp_path: Path) -> None:
    assert not repository.holds("1" * 40)
    other = BareRepository(tmp_path / "other.git", Remote("/nowhere"), "", StateDirectory(tmp_path / "state"))
    other.make()
    new = commit(other, {f"{number}.json": b"%d" % number for number in range(3)})
    other.close()
    git("-c", "fetch.unpackLimit=1", "fetch", "--quiet", other.path, f"{new}:refs/heads/new", cwd=repository.path)
    assert list(repository.path.glob("objects/pack/*.pack"))
    assert repository.holds(new) and repository.read(new, "2.json") == b"2"
    assert repository.refs("refs/heads/") == {"refs/heads/new": new}


def test_no_process_and_no_descriptor_outlives_it(repository: BareRepository) -> None:
    gc.collect()  # closes descriptors of earlier tests
    before = children(), os.listdir("/proc/self/fd")
    for damage in (False, True):
        made = commit(repository, {"a.json": b"1"})
        assert repository.read(made, "a.json") == b"1"
        assert len(children() - before[0]) == 1
        if damage:
            for process in children() - before[0]:
                os.kill(int(process), signal.SIGKILL)
                os.waitid(os.P_PID, int(process), os.WEXITED | os.WNOWAIT)
            with pytest.raises(RepositoryDamaged):
                repository.read(made, "a.json")
        repository.close()
        assert (children(), os.listdir("/proc/self/fd")) == before
    assert repository.read(made, "a.json") == b"1"


@pytest.mark.parametrize("name", ["--upload-pack=touch ran", f"{'1' * 40}\n{'2' * 40}", "HEAD", "main", ""])
def test_what_is_no_name_of_a_commit_is_not_asked_for(repository: BareRepository, name: str) -> None:
    made = commit(repository, {"a.json": b"1"})
    git("update-ref", "refs/heads/main", made, cwd=repository.path)
    assert not repository.holds(name)
    assert repository.holds(made)


def test_a_write_without_room_leaves_no_lock_and_no_part(repository: BareRepository) -> None:
    made = commit(repository, {"a.json": b"1"})
    actions: list[Callable[[], object]] = [
        lambda: repository.set_ref(REF, made),
        lambda: commit(repository, {"b.json": b"2"}),
    ]
    for action in actions:
        with no_space(), pytest.raises(RepositoryDamaged):
            action()
        assert leftovers(repository) == []
        action()
    assert repository.ref(REF) == made


def test_a_ref_that_somebody_else_writes_is_left_alone(repository: BareRepository) -> None:
    made = commit(repository, {"a.json": b"1"})
    lock = repository.path / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(RepositoryDamaged):
        repository.set_ref(REF, made)
    assert lock.exists() and repository.ref(REF) is None
    assert repository.refs("refs/acs-builders/") == {MADE: made}


def test_a_write_that_is_killed_leaves_no_half_object_and_stops_nobody(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    repository = Mirror(state, Remote("/nowhere"), "main", "")
    repository.make()
    made = commit(repository, {"a.json": b"1"})
    repository.close()
    child = os.fork()
    if child == 0:
        try:
            loose = importlib.import_module("gitdb.db.loose")
            setattr(loose, "rename", lambda *_paths: os.kill(os.getpid(), signal.SIGKILL))  # noqa: B010
            commit(repository, {"a.json": os.urandom(100_000)}, made)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(leftovers(repository)) == 1
    git("fsck", "--strict", cwd=repository.path)
    new = commit(repository, {"a.json": b"2"}, made)
    assert repository.read(new, "a.json") == b"2"
    for number in range(16):
        put = repository.path / "objects" / f"{number:x}7"
        put.mkdir(exist_ok=True)
        (put / ("0" * 38)).write_bytes(b"0" * 600_000)
    repository.pack()
    repository.close()
    assert leftovers(repository) == []


def test_a_file_that_gitpython_refuses_is_named(repository: BareRepository) -> None:
    tree = git("mktree", "--missing", cwd=repository.path)
    content = b"40000 git~1\0" + bytes.fromhex(tree)
    made = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", cwd=repository.path, stdin=content)
    new = git(*PERSON, "commit-tree", "-m", "x", made, cwd=repository.path)
    try:
        assert repository.names(new) == ["git~1"]  # GitPython 3.1
    except GitFailed as error:
        assert "git~1" in str(error) and f"ls-tree {made}" in str(error)
