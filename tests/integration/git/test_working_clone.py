"""Test that in any state of the working clone a send succeeds, no hook runs, and no local work is lost."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.repack import MAX_PACKS
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git, put_loose_objects
from ansible_collections.acs.builders.tests.integration.roles.clones import repair
from ansible_collections.acs.builders.tests.waiting import LIMIT, until
from ansible_collections.acs.builders.tests.writes import NOTES, write

HOOKS = [
    "applypatch-msg",
    "commit-msg",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
]


def hook(folder: Path, name: str, ran: Path) -> None:
    """Put a hook into a folder that records that it ran, and fails."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {name} >> '{ran}'\nexit 1\n")
    (folder / name).chmod(0o755)


def tree(clone: Path) -> dict[str, bytes]:
    """Return the content of every file of the work tree."""
    files = (path for path in clone.rglob("*") if path.is_file() and ".git" not in path.relative_to(clone).parts)
    return {str(path.relative_to(clone)): path.read_bytes() for path in files}


def conflicted_rebase(builders: Builders, clone: Path) -> None:
    (clone / "notes.txt").write_text("mine\n")
    git("add", "notes.txt", cwd=clone)
    git("commit", "--quiet", "-m", "mine", cwd=clone)
    builders.commit("notes.txt", b"theirs\n")
    git("pull", "--rebase", "origin", "main", cwd=clone, check=False)
    assert (clone / ".git/rebase-merge").exists()


def stale_locks(_builders: Builders, clone: Path) -> None:
    (clone / ".git/index.lock").touch()
    (clone / ".git/refs/remotes/origin/main.lock").touch()


def corrupt_index(_builders: Builders, clone: Path) -> None:
    (clone / ".git/index").write_bytes(b"DIRC garbage")


def empty_head(_builders: Builders, clone: Path) -> None:
    (clone / ".git/HEAD").write_bytes(b"")


def local_changes(_builders: Builders, clone: Path) -> None:
    (clone / "coordination/messages.json").write_text("half written by hand")
    (clone / "new.txt").write_text("not added yet\n")


def staged_changes(_builders: Builders, clone: Path) -> None:
    (clone / "coordination/messages.json").write_text("half written by hand")
    git("add", "coordination/messages.json", cwd=clone)


def unpushed_commits(_builders: Builders, clone: Path) -> None:
    (clone / "work.txt").write_text("a day's work\n")
    git("add", "work.txt", cwd=clone)
    git("commit", "--quiet", "-m", "a day's work", cwd=clone)


def detached_head(_builders: Builders, clone: Path) -> None:
    git("checkout", "--quiet", "--detach", cwd=clone)


def another_branch(_builders: Builders, clone: Path) -> None:
    git("checkout", "--quiet", "-b", "experiment", cwd=clone)


def missing_objects(_builders: Builders, clone: Path) -> None:
    for path in (clone / ".git/objects").rglob("*"):
        if path.is_file():
            path.unlink()  # a hard link; the file of the remote stays intact
            path.touch()


def shallow_clone(builders: Builders, clone: Path) -> None:
    git("fetch", "--quiet", "--depth=1", f"file://{builders.remote}", "main", cwd=clone)


@pytest.mark.parametrize(
    "damage",
    [
        conflicted_rebase,
        stale_locks,
        corrupt_index,
        empty_head,
        local_changes,
        staged_changes,
        unpushed_commits,
        detached_head,
        another_branch,
        missing_objects,
        shallow_clone,
    ],
)
def test_a_send_succeeds_and_local_work_stays(
    legacy: Builders, tmp_path: Path, damage: Callable[[Builders, Path], None]
) -> None:
    clone = legacy.clone("build1")
    damage(legacy, clone)
    ran = tmp_path / "ran"
    for name in HOOKS:
        hook(clone / ".git/hooks", name, ran)
    before = tree(clone)
    head = (clone / ".git/HEAD").read_bytes()
    tip = (clone / ".git/refs/heads/main").read_bytes()
    with legacy.host("build1") as host:
        receipt = send(host, Draft("Ready", "build1 is ready."), ["build2"])
        notes = host.repository.notes
    assert receipt.commit
    assert [message["subject"] for message in legacy.messages()].count("Ready") == 1
    assert not ran.exists()
    if damage is shallow_clone:
        return
    (note,) = notes
    assert note.startswith(f"The clone {clone} was not updated: ")
    command = f"git -C {clone} switch main" if damage is another_branch else "playbooks/recover.yml -l build1"
    assert note.endswith(command)
    assert tree(clone) == before
    assert (clone / ".git/HEAD").read_bytes() == head
    assert (clone / ".git/refs/heads/main").read_bytes() == tip


def test_a_clean_clone_shows_what_was_sent_and_keeps_untracked_files(legacy: Builders) -> None:
    clone = legacy.clone("build1")
    (clone / "notes.txt").write_text("mine\n")
    legacy.commit("news.txt", b"of others\n")
    with legacy.host("build1") as host:
        receipt = send(host, Draft("Ready", "build1 is ready."), ["build2"])
        assert host.repository.notes == []
    assert git("rev-parse", "HEAD", cwd=clone) == receipt.commit == git("rev-parse", "origin/main", cwd=clone)
    assert (clone / "news.txt").read_text() == "of others\n"
    assert git("status", "--porcelain", cwd=clone) == "?? notes.txt"
    with legacy.host("build1") as host:
        receipt = send(host, Draft("Again", "build1 is ready."), ["build2"])  # the clone has the commit before this one
        assert host.repository.notes == []
    assert git("rev-parse", "HEAD", cwd=clone) == receipt.commit == git("rev-parse", "origin/main", cwd=clone)
    assert git("status", "--porcelain", cwd=clone) == "?? notes.txt"
    git("fsck", "--strict", cwd=clone)


def test_a_clone_that_is_far_behind_catches_up(legacy: Builders) -> None:
    for number in range(3):
        legacy.commit("news.txt", b"%d\n" % number)
    with legacy.host("build1") as host:
        receipt = send(host, Draft("Ready", "build1 is ready."), ["build2"])
        assert host.repository.notes == []
    clone = legacy.clone("build1")
    assert git("rev-parse", "HEAD", cwd=clone) == receipt.commit
    assert not (clone / ".git/shallow").exists()


def test_no_hook_of_the_work_tree_runs_that_the_remote_has_put_there(legacy: Builders, tmp_path: Path) -> None:
    clone, ran = legacy.clone("build1"), tmp_path / "ran"
    git("config", "core.hooksPath", "scripts/hooks", cwd=clone)
    for name in HOOKS:
        hook(tmp_path / "hooks", name, ran)
        legacy.commit(f"scripts/hooks/{name}", (tmp_path / "hooks" / name).read_bytes())
        hook(clone / "scripts/hooks", name, ran)
    with legacy.host("build1") as host:
        send(host, Draft("Ready", "build1 is ready."), ["build2"])
    assert not ran.exists()
    git("commit", "--allow-empty", "-m", "shows that the hooks are active", cwd=clone, check=False)
    assert "pre-commit" in ran.read_text()


def test_variables_of_the_caller_do_not_lead_git_astray(
    legacy: Builders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    with legacy.host("build1") as host:
        send(host, Draft("Ready", "build1 is ready."), ["build2"])
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "objects").exists()
    monkeypatch.undo()
    assert legacy.messages()[-1]["subject"] == "Ready"


def test_a_clone_that_is_half_updated_on_a_full_disk_is_repaired_by_the_role(
    legacy: Builders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone, programs = legacy.clone("build1"), tmp_path / "programs"
    programs.mkdir()
    fail = ": > coordination/messages.json; echo 'error: unable to write file coordination/messages.json' >&2; exit 1"
    (programs / "git").write_text(
        f'#!/bin/sh\ncase " $* " in *" merge "*) {fail};; esac\nexec {shutil.which("git")} "$@"\n'
    )
    (programs / "git").chmod(0o755)
    with monkeypatch.context() as context, legacy.host("build1") as host:
        context.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        assert send(host, Draft("one", "1"), ["build2"]).delivery == "pushed"
        assert "unable to write file" in " ".join(host.repository.notes)
    assert (clone / "coordination/messages.json").read_bytes() == b""
    assert repair(clone, legacy.remote)["changed"]
    with legacy.host("build1") as host:
        receipt = send(host, Draft("two", "2"), ["build2"])
        assert host.repository.notes == []
    assert git("rev-parse", "HEAD", cwd=clone) == receipt.commit


def test_a_clone_without_room_for_objects_is_named_and_nothing_else_fails(builders: Builders) -> None:
    clone = builders.clone("build1")
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    git("repack", "--quiet", "-a", "-d", cwd=clone)
    for number in range(256):
        (clone / ".git/objects" / f"{number:02x}").touch()  # where the folder of an object would be
    with builders.host("build1") as host:
        assert send(host, Draft("two", "2")).delivery == "pushed"
        (note,) = host.repository.notes
    assert note.startswith(f"The clone {clone} was not updated: ")
    assert not list((builders.state("build1") / "repos").glob("*.damaged-*"))
    assert [message["subject"] for message in builders.messages()] == ["one", "two"]


def size_of_loose(clone: Path) -> int:
    """Return the kilobytes of loose objects."""
    counts = dict(line.split(": ") for line in git("count-objects", "-v", cwd=clone).splitlines())
    return int(counts["size"])


def test_the_clone_is_packed_when_its_objects_take_much_room(builders: Builders) -> None:
    clone = builders.clone("build1")
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    chosen = random.Random(700)
    for name in range(700):
        (clone / f"{name}.bin").write_bytes(chosen.randbytes(25_000))
    git("add", "--all", cwd=clone)
    git("commit", "--quiet", "--message", "large files", cwd=clone)
    git("push", "--quiet", "origin", "HEAD:main", cwd=clone)
    assert size_of_loose(clone) > 16000
    with builders.host("build1") as host:
        send(host, Draft("two", "2"))
        assert host.repository.notes == []
    assert size_of_loose(clone) == 0
    git("fsck", "--strict", cwd=clone)


def test_what_cannot_be_packed_is_tried_once_a_day(builders: Builders) -> None:
    """Nothing refers to these objects, but they must not be lost."""
    clone = builders.clone("build1")
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    names = put_loose_objects(clone)
    for subject in ("two", "three"):
        with builders.host("build1") as host:
            send(host, Draft(subject, "x"))
        packs = len(list((clone / ".git" / "objects" / "pack").glob("*.pack")))
        assert packs == 1
    assert all(git("cat-file", "-t", name, cwd=clone) == "blob" for name in names)


def test_many_packs_of_a_clone_become_one(builders: Builders) -> None:
    clone = builders.clone("build1")
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    names = put_loose_objects(clone, MAX_PACKS + 1)
    packs = clone / ".git" / "objects" / "pack"
    for name in names:
        git("pack-objects", "--quiet", packs / "pack", cwd=clone, stdin=name.encode())
    git("prune-packed", cwd=clone)
    with builders.host("build1") as host:
        send(host, Draft("last", "x"))
    assert len(list(packs.glob("*.pack"))) == 1
    assert all(git("cat-file", "-t", name, cwd=clone) == "blob" for name in names)


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
        until((clone / ".git/index.lock").exists, "no lock")
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
