"""Faults that a review has found: what people do in their clone, what others push, and what fails after a push."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CloneInvalid, CoordinationError
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.process import GitCommand
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change
from ansible_collections.acs.builders.tests.builders import Builders, git, put_loose_objects
from ansible_collections.acs.builders.tests.outage import time_over
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

NOTES = "coordination/notes.txt"


def write(builders: Builders, content: str, path: str = NOTES, **options: float) -> list[str]:
    """Write a file as build1, and return the notes."""
    with builders.host("build1", **options) as host:
        change = Change(None, {path: content.encode()}, "build1: a file")
        assert host.write(lambda _snapshot: change).commit
        return host.repository.notes


def make_object(builders: Builders, kind: str, content: bytes) -> str:
    """Put an object into the remote that Git itself would not make, and return its name."""
    command = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
    made = subprocess.run(command, cwd=builders.remote, input=content, capture_output=True, check=True)
    return made.stdout.decode().strip()


def test_an_address_that_looks_like_an_option_runs_nothing(builders: Builders) -> None:
    git("config", "remote.origin.url", "--upload-pack=touch ran;:", cwd=builders.clone("build1"))
    with pytest.raises(CloneInvalid, match="begins with a dash"), builders.host("build1"):
        pass
    assert not list(builders.folder.rglob("ran*"))


def test_the_lock_of_a_command_of_somebody_who_works_in_the_clone_stays(builders: Builders, tmp_path: Path) -> None:
    write(builders, "one")
    clone, done = builders.clone("build1"), tmp_path / "done"
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\nwhile ! test -e {done}; do sleep 0.1; done\necho "my work" > "$1"\n')
    editor.chmod(0o755)
    (clone / "coordination/messages.json").write_text("mine")
    person = subprocess.Popen(
        ["git", "commit", "--quiet", "-a"], cwd=clone, env={**os.environ, "GIT_EDITOR": str(editor)}
    )
    try:
        until((clone / ".git/index.lock").exists, "the lock")
        for content in ("two", "three"):
            assert "index.lock" in " ".join(write(builders, content))
            assert (clone / ".git/index.lock").exists()
    finally:
        done.touch()
        assert person.wait(LIMIT) == 0
    assert git("log", "-1", "--format=%s", cwd=clone) == "my work"


def test_a_clone_whose_files_are_elsewhere_is_left_alone(builders: Builders, tmp_path: Path) -> None:
    write(builders, "one")
    clone = builders.clone("build1")
    git("config", "core.worktree", tmp_path, cwd=clone)
    head = git("rev-parse", "HEAD", cwd=clone)
    assert "is another folder" in " ".join(write(builders, "two"))
    assert git("rev-parse", "HEAD", cwd=clone) == head
    git("config", "core.worktree", clone, cwd=clone)
    assert write(builders, "three") == []
    assert (clone / NOTES).read_text() == "three"


def test_settings_for_merges_do_not_leave_the_clone_half_way(builders: Builders) -> None:
    clone = builders.clone("build1")
    git("config", "branch.main.mergeOptions", "--squash", cwd=clone)
    assert write(builders, "one") == []
    assert git("status", "--short", cwd=clone) == ""


def test_what_fails_after_a_push_is_a_note(builders: Builders) -> None:
    write(builders, "one")
    (lock,) = (builders.state("build1") / "repos").glob("*.fetch.lock")
    hook = builders.remote / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nrm -f {lock}; mkdir -p {lock}\n")
    hook.chmod(0o755)
    with builders.host("build1") as host:
        receipt = send(host, Draft("Once", "Hi"), offline="fail")
        assert any("The write was taken" in note for note in host.repository.notes)
    assert receipt.delivery == "pushed"
    assert [message["subject"] for message in builders.messages()] == ["Once"]


def test_a_folder_with_a_padded_mode_is_one(builders: Builders) -> None:
    write(builders, "one")
    write(builders, "other", "coordination/other.txt")
    show = ["git", "cat-file", "tree", "main^{tree}"]
    tree = subprocess.run(show, cwd=builders.remote, capture_output=True, check=True).stdout
    padded = make_object(builders, "tree", tree.replace(b"40000 coordination", b"040000 coordination"))
    commit = git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit-tree", "-m", "x", "-p", "main", padded,
                 cwd=builders.remote)  # fmt: skip
    git("update-ref", "refs/heads/main", commit, cwd=builders.remote)
    write(builders, "two")
    names = git("ls-tree", "-r", "--name-only", "main", cwd=builders.remote).split()
    assert {NOTES, "coordination/other.txt"} <= set(names)


def test_a_commit_with_a_date_without_end_stops_nobody(builders: Builders) -> None:
    write(builders, "one")
    write(builders, "two")
    tip, tree = git("rev-parse", "main", "main^{tree}", cwd=builders.remote).split()
    dated = f"tree {tree}\nparent {tip}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> {'9' * 5000} +0000\n\nx\n"
    git("update-ref", "refs/heads/main", make_object(builders, "commit", dated.encode()), cwd=builders.remote)
    write(builders, "three")
    assert builders.show(NOTES) == b"three"


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_object_of_a_write_that_failed_is_made_anew(
    builders: Builders, tmp_path: Path, damage: bytes
) -> None:
    write(builders, "one")
    away = builders.remote.with_name("away")
    builders.remote.rename(away)
    with pytest.raises(CoordinationError):
        write(builders, "two")
    (tmp_path / "two").write_bytes(b"two")
    name = git("hash-object", tmp_path / "two")
    blob = builders.private("build1") / "objects" / name[:2] / name[2:]
    blob.chmod(0o644)
    blob.write_bytes(damage)
    away.rename(builders.remote)
    write(builders, "two")
    assert builders.show(NOTES) == b"two"


def test_a_private_repository_whose_packing_was_killed_is_packed(builders: Builders) -> None:
    write(builders, "one")
    private = builders.private("build1")
    for lock in ("packed-refs.lock", "gc.pid.lock"):
        (private / lock).touch()
    put_loose_objects(private)
    write(builders, "two")
    assert int(git("count-objects", cwd=private).split()[0]) < 50


def test_a_process_that_keeps_the_output_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh, told = tmp_path / "ssh", tmp_path / "told"
    keeps = f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep {LIMIT}"
    ssh.write_text(f"#!/bin/sh\nsetsid sh -c '{keeps}' </dev/null >/dev/null &\nsleep {LIMIT}\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    git("init", "--quiet", "--bare", tmp_path / "own.git")
    with time_over("ls-remote", told.exists):
        assert GitCommand(tmp_path / "own.git").run("ls-remote", "ssh://host/x", timeout=LIMIT).status is None
    os.kill(int(told.read_text()), 9)  # which fails where it was waited for
