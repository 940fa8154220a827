"""Test that the Build repository in memory behaves as the real one."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    DeadlineReached,
    DocumentDamaged,
    InvalidInput,
    Locked,
    PushDeclined,
    RemoteUnreachable,
    StateUnusable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change, Receipt, Snapshot
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration, utc_now
from ansible_collections.acs.builders.tests.contract.scenes import Scene

NOTES = "coordination/notes.txt"
STATUS = "build1/status.json"


def write(scene: Scene, text: str, server: str = "build1", path: str = NOTES, **options: float) -> Receipt[str]:
    """Write a text to a file, as a new process of a server."""
    with scene.builders.host(server, **options) as host:
        return host.repository.write(lambda _snapshot: change(text, path), server)


def change(text: str, path: str = NOTES) -> Change[str]:
    """Return a change that writes a text."""
    return Change(text, {path: text.encode()}, f"a note: {text}")


def content(snapshot: Snapshot, path: str = NOTES) -> bytes:
    """Return a file of a snapshot."""
    return snapshot.contents([path])[path]


def read(scene: Scene, server: str = "build2", path: str = NOTES) -> bytes:
    """Return a file as a server reads it."""
    with scene.builders.host(server) as host:
        return host.repository.read(lambda snapshot: content(snapshot, path))


def test_an_empty_remote_has_no_documents(scene: Scene) -> None:
    with scene.builders.host("build1") as host:
        snapshot = host.repository.read(lambda snapshot: snapshot)
        assert (snapshot.commit, snapshot.fresh, snapshot.age) == (None, True, 0)
        assert (content(snapshot), snapshot.names(), snapshot.load_object(STATUS)) == (b"", [], None)


def test_a_write_is_seen_by_others(scene: Scene) -> None:
    receipt = write(scene, "one")
    assert (receipt.result, receipt.commit, receipt.attempts, receipt.delivery) == ("one", scene.tip, 1, "pushed")
    assert (receipt.files, receipt.before) == ({NOTES: b"one"}, {NOTES: b""})
    assert read(scene) == scene.builders.show(NOTES) == b"one"
    assert write(scene, "two", "build2").before == {NOTES: b"one"}
    assert read(scene, "build1") == b"two"


def test_a_commit_is_read_as_it_was(scene: Scene) -> None:
    first, second = write(scene, "one").commit, write(scene, "two", path="coordination/archive/2026-11.json").commit
    assert first and second
    with scene.builders.host("build1") as host:
        repository = host.repository
        before, after = repository.snapshot_of(first), repository.snapshot_of(second)
        assert (before.commit, content(before), before.names("coordination")) == (first, b"one", ["notes.txt"])
        assert after.names("coordination") == ["archive", "notes.txt"] and after.names() == ["coordination"]
        assert after.names("coordination/archive") == ["2026-11.json"]
        assert (before.names("coordination/archive"), before.names("build1"), content(before, "build1/x")) == (
            [],
            [],
            b"",
        )
        assert repository.is_ancestor(first, second) and repository.is_ancestor(second, second)
        assert not repository.is_ancestor(second, first) and not repository.is_ancestor("0" * 40, second)


def test_the_commit_with_which_a_file_got_some_content_is_found(scene: Scene) -> None:
    commits = []
    for number in range(9):
        commits.append(write(scene, " ".join(map(str, range(number + 1)))).commit)
        write(scene, str(number), path=STATUS)
    with scene.builders.host("build1") as host:
        snapshot = host.repository.read(lambda snapshot: snapshot)

        def found(number: int, path: str = NOTES, before: str | None = None) -> str | None:
            history = snapshot.history(path, before)
            appearance = history.appearance(lambda _commit, data: str(number).encode() in data.split())
            return appearance.commit if appearance else None

        assert [found(number) for number in range(9)] == commits
        assert (found(9), found(0, "coordination/missing.txt")) == (None, None)
        assert (found(2, before=commits[3]), found(3, before=commits[3])) == (commits[2], None)
        first = snapshot.history(NOTES).appearance(lambda _commit, _data: True)
        assert first and not first.is_oldest
        assert abs((utc_now() - first.at).total_seconds()) < 24 * 3600


def test_a_write_that_another_server_overtakes_is_applied_again(scene: Scene) -> None:
    write(scene, "zero")
    seen: list[bytes] = []

    def append(snapshot: Snapshot) -> Change[str]:
        seen.append(content(snapshot))
        if len(seen) == 1:
            write(scene, "faster", "build2")
        return change(f"{content(snapshot).decode()} and one")

    with scene.builders.host("build1") as host:
        receipt = host.repository.write(append, "build1")
    assert seen == [b"zero", b"faster"]
    assert (receipt.attempts, receipt.before, scene.builders.commits()) == (2, {NOTES: b"faster"}, 3)
    assert scene.builders.show(NOTES) == b"faster and one"


def test_a_write_whose_answer_is_lost_is_made_once(scene: Scene) -> None:
    write(scene, "zero")
    scene.lose_answer()
    receipt = write(scene, "one")
    assert (receipt.commit, receipt.attempts, receipt.files) == (scene.tip, 1, {NOTES: b"one"})
    assert write(scene, "two").before == {NOTES: b"one"}
    assert scene.builders.commits() == 3


def test_a_write_that_always_breaks_off_is_given_up(scene: Scene) -> None:
    write(scene, "zero")
    scene.break_off()
    with pytest.raises(DeadlineReached, match="did not accept the write within 1 s"):
        write(scene, "one", timeout=1)
    assert scene.builders.show(NOTES) == b"zero"


def test_a_write_to_a_remote_that_is_away_fails(scene: Scene) -> None:
    write(scene, "zero")
    with scene.away(), pytest.raises(RemoteUnreachable):
        write(scene, "one")
    assert read(scene) == b"zero"
    assert write(scene, "two").attempts == 1


def test_what_is_known_of_a_remote_that_is_away_is_read_with_its_age(scene: Scene) -> None:
    with scene.away(), pytest.raises(RemoteUnreachable), scene.builders.host("build1") as host:
        host.repository.read(lambda snapshot: snapshot)
    write(scene, "zero")
    scene.age_contact("build1", 3600)
    with scene.away(), scene.builders.host("build1") as host:
        snapshot = host.repository.read(lambda snapshot: snapshot)
        assert (content(snapshot), snapshot.fresh) == (b"zero", False)
        assert snapshot.age >= 3600
        (note,) = host.repository.notes
        assert host.repository.away == note and note.endswith(f" What is known here is {duration(snapshot.age)} old.")
    with scene.builders.host("build1") as host:
        snapshot = host.repository.read(lambda snapshot: snapshot)
        assert (snapshot.fresh, snapshot.age, host.repository.away, host.repository.notes) == (True, 0, "", [])


def test_a_look_asks_the_remote_only_for_what_is_not_known(scene: Scene) -> None:
    def two(snapshot: Snapshot) -> bytes:
        if content(snapshot) != b"two":
            raise InvalidInput("That is not it.", "Look elsewhere.")
        return content(snapshot)

    write(scene, "one")
    write(scene, "two", "build2")
    with scene.away(), scene.builders.host("build1") as host:
        assert host.repository.look(content) == b"one"
        assert (host.repository.away, host.repository.notes) == ("", [])
    with scene.builders.host("build1") as host:
        assert host.repository.look(two) == b"two"
    with scene.builders.host("build1") as host, pytest.raises(InvalidInput):
        host.repository.look(lambda snapshot: two(host.repository.snapshot_of(None)))


def test_a_tip_is_fetched_only_if_it_is_not_known(scene: Scene) -> None:
    with scene.builders.host("build1") as host:
        assert host.repository.remote_tip() is None
        assert host.repository.read_at(None, lambda snapshot: (snapshot.commit, snapshot.fresh)) == (None, True)
    write(scene, "one", "build2")
    with scene.builders.host("build1") as host:
        tip = host.repository.remote_tip()
        assert tip == scene.tip
        assert host.repository.read_at(tip, lambda snapshot: (content(snapshot), snapshot.fresh)) == (b"one", True)
    with scene.away(), scene.builders.host("build1") as host:
        assert host.repository.read_at(tip, lambda snapshot: (content(snapshot), snapshot.fresh)) == (b"one", True)
        with pytest.raises(RemoteUnreachable):
            host.repository.remote_tip()


def test_a_tip_that_is_known_counts_as_an_answer(scene: Scene) -> None:
    write(scene, "one")
    day = 86_400
    scene.age_contact("build1", day)
    with scene.builders.host("build1") as host:
        host.repository.remote_tip()
        assert host.repository.look(lambda snapshot: snapshot.age) < day
    write(scene, "two", "build2")
    scene.age_contact("build1", day)
    with scene.builders.host("build1") as host:
        host.repository.remote_tip()
        assert host.repository.look(lambda snapshot: snapshot.age) >= day


def test_an_error_of_a_function_counts_when_the_remote_was_asked(scene: Scene) -> None:
    def add(snapshot: Snapshot) -> Change[str]:
        if not content(snapshot, "other.txt"):
            raise InvalidInput("The other file is missing.", "Write it first.")
        return change("one")

    write(scene, "zero")
    with scene.builders.host("build1") as host:
        with pytest.raises(InvalidInput, match="The other file is missing"):
            host.repository.write(add, "build1")
        write(scene, "there", "build2", "other.txt")
        assert host.repository.write(add, "build1").attempts == 1
    assert scene.builders.commits() == 3


def test_the_versions_of_files_are_read_each_once_the_newest_first(scene: Scene) -> None:
    for text in ("one", "two", "two", "three", "one"):
        write(scene, text)
    write(scene, "status", path=STATUS)
    with scene.builders.host("build1") as host:
        snapshot = host.repository.read(lambda snapshot: snapshot)
        assert snapshot.versions([NOTES, STATUS], 100) == {NOTES: [b"one", b"three", b"two"], STATUS: [b"status"]}
        assert snapshot.versions([NOTES], 2) == {NOTES: [b"one", b"three"]}
        assert snapshot.versions(["missing"], 2) == {"missing": []} and snapshot.versions([], 2) == {}


def test_a_function_that_changes_nothing_writes_nothing(scene: Scene) -> None:
    write(scene, "zero")
    with scene.builders.host("build1") as host:
        receipt = host.repository.write(lambda _snapshot: Change("none"), "build1")
    assert (receipt.result, receipt.commit, receipt.attempts, receipt.changed) == ("none", None, 0, False)
    assert scene.builders.commits() == 1


def test_a_preview_writes_nothing(scene: Scene) -> None:
    write(scene, "zero")
    write(scene, "newer", "build2")
    with scene.builders.host("build1") as host:
        receipt = host.repository.preview(lambda _snapshot: change("one"))
    assert (receipt.commit, receipt.attempts, receipt.changed) == (None, 0, True)
    assert (receipt.files, receipt.before) == ({NOTES: b"one"}, {NOTES: b"newer"})
    assert read(scene) == b"newer" and scene.builders.commits() == 2


def test_what_was_written_is_settled_before_others_of_the_server_write(scene: Scene) -> None:
    settled: list[str | None] = []

    def settle(receipt: Receipt[str]) -> None:
        settled.append(receipt.commit)
        with scene.builders.host("build1") as other, pytest.raises(Locked), other.repository.writing(0):
            pass

    with scene.builders.host("build1") as host:
        receipt = host.repository.write(lambda _snapshot: change("one"), "build1", settle)
    assert settled == [receipt.commit] == [scene.tip]


def test_what_cannot_be_settled_is_a_note(scene: Scene) -> None:
    def settle(_receipt: Receipt[str]) -> None:
        raise StateUnusable("The disk is full.", "Make room.")

    with scene.builders.host("build1") as host:
        assert host.repository.write(lambda _snapshot: change("one"), "build1", settle).commit == scene.tip
        (note,) = host.repository.notes
    assert "The write was accepted" in note and "The disk is full." in note


def test_one_process_of_a_server_writes_at_a_time(scene: Scene) -> None:
    with scene.builders.host("build1") as host, scene.builders.host("build1") as other:
        with host.repository.writing(), host.repository.writing(0):
            with pytest.raises(Locked), other.repository.writing(0):
                pass
            assert write(scene, "of another server", "build2").commit
        with other.repository.writing(0):
            pass


def test_a_declined_push_is_final(scene: Scene) -> None:
    write(scene, "zero")
    scene.decline("forbidden")
    with pytest.raises(PushDeclined, match="no such words here"):
        write(scene, "forbidden")
    assert write(scene, "allowed").before == {NOTES: b"zero"}
    assert scene.builders.commits() == 2


def test_a_rewound_branch_is_reported_and_its_old_end_is_kept(scene: Scene) -> None:
    first, second = write(scene, "one").commit, write(scene, "two").commit
    assert first and second
    scene.rewind(first)
    with scene.builders.host("build1") as host:
        assert host.repository.read(content) == b"one"
        assert host.repository.withdrawn == [(second, first)]
    with scene.builders.host("build1") as host:
        assert host.repository.read(lambda snapshot: snapshot.commit) == first
        assert (host.repository.withdrawn, host.repository.withdrawn_tips()) == ([], [second])
        assert content(host.repository.snapshot_of(second)) == b"two"


@pytest.mark.parametrize("server", ["build1", "build2"])
def test_a_damaged_document_is_named_with_the_newest_commit_where_it_was_good(scene: Scene, server: str) -> None:
    """A server without a local copy of the history finds the commit too."""
    good = write(scene, '{"status": "idle"}', path=STATUS).commit
    write(scene, "{", path=STATUS)
    bad = write(scene, '{\n"status": ', path=STATUS).commit
    tip = write(scene, "something else").commit
    with scene.builders.host(server) as host:
        assert host.repository.read(lambda snapshot: content(snapshot, STATUS)) == b'{\n"status": '
        with pytest.raises(DocumentDamaged) as damaged:
            host.repository.read(lambda snapshot: snapshot.load_object(STATUS))
    assert (damaged.value.path, damaged.value.line) == (STATUS, 2)
    assert f"at commit {tip}" in damaged.value.what and bad != tip
    assert f"git checkout {good} -- {STATUS}" in damaged.value.remedy


def test_the_remote_and_the_token_file_are_reported(scene: Scene) -> None:
    with scene.builders.host("build1", pat_file="/nowhere/PAT") as host:
        assert host.repository.url == host.repository.origin.url == str(scene.builders.remote)
        assert (host.repository.pat_file, host.repository.timeout > 0) == ("/nowhere/PAT", True)
        assert host.repository.private_path.startswith(str(scene.builders.state("build1")))
