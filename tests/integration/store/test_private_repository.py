"""Test that a damaged private repository is repaired, and that transactions leave nothing behind."""

from __future__ import annotations

import fcntl
import gc
import os
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import FAIL
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError, DeadlineReached
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git, put_loose_objects
from ansible_collections.acs.builders.tests.writes import NOTES, write


def empty_objects(private: Path) -> None:
    for path in (private / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"")


def empty_newest_tree(private: Path) -> None:
    tree = git("rev-parse", "refs/acs-builders/known/main^{tree}", cwd=private)
    path = private / "objects" / tree[:2] / tree[2:]
    assert path.exists()
    path.chmod(0o644)
    path.write_bytes(b"")


def garbage_objects(private: Path) -> None:
    for path in (private / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"x" * path.stat().st_size)


def missing_objects(private: Path) -> None:
    for path in (private / "objects").rglob("*"):
        if path.is_file():
            path.unlink()


def stale_ref_lock(private: Path) -> None:
    (private / "refs/acs-builders/known/main.lock").touch()
    (private / "refs/acs-builders/fetched/main.lock").touch()


def stale_shallow_lock(private: Path) -> None:
    (private / "shallow.lock").touch()
    (private / "packed-refs.lock").touch()


def empty_ref(private: Path) -> None:
    (private / "refs/acs-builders/known/main").write_bytes(b"")


def garbage_ref(private: Path) -> None:
    (private / "refs/acs-builders/known/main").write_text("f" * 40 + "\n")


def empty_head(private: Path) -> None:
    (private / "HEAD").write_bytes(b"")


def garbage_config(private: Path) -> None:
    (private / "config").write_bytes(b"[core\n\0")


def only_a_folder(private: Path) -> None:
    for name in ("HEAD", "config"):
        (private / name).unlink()


DAMAGES = [
    empty_objects,
    empty_newest_tree,
    garbage_objects,
    missing_objects,
    stale_ref_lock,
    stale_shallow_lock,
    empty_ref,
    garbage_ref,
    empty_head,
    garbage_config,
    only_a_folder,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_heals_when_writing(legacy: Builders, damage: Callable[[Path], None]) -> None:
    with legacy.host("build1") as host:
        send(host, Draft("one", "1"), ["build2"])
    damage(legacy.private("build1"))
    with legacy.host("build1") as host:
        send(host, Draft("two", "2"), ["build2"])
    with legacy.host("build1") as host:
        send(host, Draft("three", "3"), ["build2"])
    assert [message["subject"] for message in legacy.messages()[-3:]] == ["one", "two", "three"]
    assert git("fsck", "--connectivity-only", cwd=legacy.private("build1")) == ""


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_heals_when_reading(legacy: Builders, damage: Callable[[Path], None]) -> None:
    with legacy.host("build1") as host:
        send(host, Draft("one", "1"), ["build2"])
    legacy.commit("news.txt", b"of others\n")
    damage(legacy.private("build1"))
    with legacy.host("build1") as host:
        listing = list_messages(host, Filter(unread=False))
    assert listing.messages
    assert listing.age == 0


def test_a_lock_that_another_process_holds_is_waited_for_and_then_named(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    lock = next((builders.state("build1") / "repos").glob("*[!h].lock"))
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with (
            builders.host("build1", timeout=1) as host,
            pytest.raises(DeadlineReached, match=r"has held .*\.lock for 1 s"),
        ):
            send(host, Draft("two", "2"), offline=FAIL)
    with builders.host("build1") as host:
        send(host, Draft("two", "2"))
    assert len(builders.messages()) == 2


def test_a_read_does_not_wait_for_a_write(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    lock = next((builders.state("build1") / "repos").glob("*[!h].lock"))
    with lock.open("r+") as held, builders.host("build1") as host:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert list_messages(host, Filter(unread=False)).messages == []
        assert host.repository.notes == [], "it has waited for the lock"


def test_no_process_and_no_descriptor_is_left(builders: Builders) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def children() -> str:
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text()

    gc.collect()  # closes descriptors of earlier tests
    before = descriptors(), children()
    for number in range(5):
        with builders.host("build1") as host:
            send(host, Draft(str(number), "x"))
            list_messages(host, Filter())
    assert (descriptors(), children()) == before


def test_the_private_repository_is_packed_when_its_objects_take_much_room(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    private = builders.private("build1")
    put_loose_objects(private)
    with builders.host("build1") as host:
        send(host, Draft("two", "2"))
        send(host, Draft("three", "3"))
    counts = dict(line.split(": ") for line in git("count-objects", "-v", cwd=private).splitlines())
    assert counts["packs"] == "1"
    assert int(counts["count"]) < 10
    assert len(builders.messages()) == 3


def test_damage_and_a_lost_answer_at_once(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    private, marker = builders.private("build1"), builders.folder / "answer-lost"
    hook = builders.remote / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f'#!/bin/sh\n[ "$1" = committed ] || exit 0\n[ -e {marker} ] && exit 0\ntouch {marker}\n'
        f"find {private}/objects -type f -exec sh -c ': > \"$0\"' {{}} ';'\n"
        "new=$(git -c user.name=x -c user.email=x@localhost commit-tree main^{tree} -p main -m later)\n"
        "echo $new > refs/heads/main\nkill -9 $PPID\n"
    )
    hook.chmod(0o755)
    with builders.host("build1") as host:
        receipt = send(host, Draft("two", "2"))
    assert marker.exists()
    assert receipt.commit
    assert receipt.files
    assert git("log", "-1", "--format=%s", "main", cwd=builders.remote) == "later"
    assert [message["subject"] for message in builders.messages()] == ["one", "two"]


def test_a_push_that_was_accepted_does_not_fail_for_what_comes_after(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    lock = builders.private("build1") / "refs/acs-builders/known/main.lock"
    hook = builders.remote / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {lock}\n")
    hook.chmod(0o755)
    with builders.host("build1") as host:
        receipt = send(host, Draft("two", "2"))
        assert receipt.commit == git("rev-parse", "main", cwd=builders.remote)
        hook.unlink()
        send(host, Draft("three", "3"))
    assert [message["subject"] for message in builders.messages()] == ["one", "two", "three"]


def test_what_fails_after_a_push_is_a_note(builders: Builders) -> None:
    write(builders, "one")
    (lock,) = (builders.state("build1") / "repos").glob("*.fetch.lock")
    hook = builders.remote / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nrm -f {lock}; mkdir -p {lock}\n")
    hook.chmod(0o755)
    with builders.host("build1") as host:
        receipt = send(host, Draft("Once", "Hi"), offline="fail")
        assert any("The write was accepted" in note for note in host.repository.notes)
    assert receipt.delivery == "pushed"
    assert [message["subject"] for message in builders.messages()] == ["Once"]


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_object_of_a_failed_write_is_replaced(builders: Builders, tmp_path: Path, damage: bytes) -> None:
    write(builders, "one")
    moved = builders.remote.with_name("away")
    builders.remote.rename(moved)
    with pytest.raises(CoordinationError):
        write(builders, "two")
    (tmp_path / "two").write_bytes(b"two")
    name = git("hash-object", tmp_path / "two")
    blob = builders.private("build1") / "objects" / name[:2] / name[2:]
    blob.chmod(0o644)
    blob.write_bytes(damage)
    moved.rename(builders.remote)
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
