"""Test a remote whose branch is removed or replaced, damaged data, and failures of settings and records."""

from __future__ import annotations

import fcntl
import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import FAIL
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CloneInvalid,
    DeadlineReached,
    GitFailed,
    NoAnswer,
    RemoteMissing,
    StateUnusable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import (
    ConnectionLost,
    Outcome,
    explain_failure,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import Heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.recover import withdrawal_notes
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_answer
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git, make_builders
from ansible_collections.acs.builders.tests.writes import NOTES, write


def subjects(builders: Builders) -> list[str]:
    return [message["subject"] for message in builders.messages()]


def test_a_branch_that_somebody_removed_is_not_pushed_back(builders: Builders) -> None:
    with builders.host("build1") as host:
        secret = send(host, Draft("a secret", "purge me")).result[0].id
    git("update-ref", "-d", "refs/heads/main", cwd=builders.remote)
    with builders.host("build1") as host:
        send(host, Draft("two", "2"))
        (note,) = withdrawal_notes(host)
    assert secret in note
    assert subjects(builders) == ["two"]
    assert builders.commits() == 1


def test_a_remote_that_was_replaced_by_another_is_met_by_both_hosts(builders: Builders, tmp_path: Path) -> None:
    for server in builders.ids:
        with builders.host(server) as host:
            send(host, Draft(f"old {server}", "x"))
    builders.remote.rename(tmp_path / "old.git")
    git("init", "--quiet", "--bare", "--initial-branch=main", builders.remote)
    for server in builders.ids:
        with builders.host(server) as host:
            send(host, Draft(f"new {server}", "x"))
            assert len(withdrawal_notes(host)) == 1
    assert subjects(builders) == ["new build1", "new build2"]


def test_a_branch_that_was_renamed_is_not_made_again(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
        git("branch", "-m", "main", "trunk", cwd=builders.remote)
        with pytest.raises(RemoteMissing, match="has trunk"):
            send(host, Draft("two", "2"))
        with pytest.raises(RemoteMissing, match="has trunk"):
            list_messages(host, Filter())
    assert git("branch", "--list", "main", cwd=builders.remote) == ""


def test_a_final_error_after_a_lost_answer_says_that_the_outcome_is_open(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
        moved = builders.folder / "away.git"
        hook = builders.remote / "hooks" / "reference-transaction"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f'#!/bin/sh\n[ "$1" = committed ] || exit 0\nmv "{builders.remote}" "{moved}"\nkill -9 $PPID\n')
        hook.chmod(0o755)
        with pytest.raises(DeadlineReached, match="Whether it arrived is not known"):
            send(host, Draft("two", "2"), offline=FAIL)
        moved.rename(builders.remote)
        (builders.remote / "hooks/reference-transaction").unlink()
        assert subjects(builders) == ["one", "two"]
        send(host, Draft("three", "3"))
        assert any("did arrive" in note for note in host.repository.notes)


@pytest.mark.parametrize(
    "words",
    [
        "error: RPC failed; curl 7 Failed to connect to git.example port 443 after 2 ms: Couldn't connect to server",
        "error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502",
        "fatal: unable to access 'x': Recv failure: Connection timed out",
        "client_loop: send disconnect: No route to host",
        "fatal: the remote end hung up unexpectedly",
    ],
)
def test_a_connection_that_breaks_leaves_the_outcome_open(words: str) -> None:
    assert isinstance(explain_failure(Outcome(128, b"", words), "x"), ConnectionLost)


def test_a_damaged_mailbox_here_heals_when_it_is_read(legacy: Builders) -> None:
    with legacy.host("build1") as host:
        list_messages(host, Filter())
    private = legacy.private("build1")
    blob = git("rev-parse", f"refs/acs-builders/known/main:{MESSAGES}", cwd=private)
    for look in (lambda host: list_messages(host, Filter(unread=False)).messages, read_health):
        path = private / "objects" / blob[:2] / blob[2:]
        path.chmod(0o644)
        path.write_bytes(b"")
        with legacy.host("build1") as host:
            assert look(host)


def test_settings_that_git_cannot_read_are_no_traceback(
    builders: Builders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[broken\n")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(GitFailed, match="bad config"), builders.host("build1") as host:
        list_messages(host, Filter())


def test_an_address_that_is_none_is_no_traceback(builders: Builders) -> None:
    git("config", "remote.origin.url", "https://[::1/x", cwd=builders.clone("build1"))
    with pytest.raises(CloneInvalid, match="URL"), builders.host("build1"):
        pass


def test_odd_things_in_the_repository_do_not_stop_a_look_at_the_health(legacy: Builders) -> None:
    blob = git("rev-parse", f"main:{MESSAGES}", cwd=legacy.remote)
    git("update-ref", "refs/heartbeats/build9", blob, cwd=legacy.remote)
    person = legacy.folder / "person"
    legacy.commit("build3/status.json", b'{"status": "\\ud800", "current_job": 5}')
    git("rm", "--quiet", "build2/status.json", cwd=person)
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},build2/status.json", cwd=person)
    git("commit", "--quiet", "-m", "a link to another repository", cwd=person)
    git("push", "--quiet", "origin", "HEAD:main", cwd=person)
    with legacy.host("build1") as host:
        beat = compose_heartbeat(host, [], 60, "test")
        publish_heartbeat(host, Heartbeat({**beat.raw, "interval_seconds": 10**400}))
        health = read_health(host)
    assert health["servers"]["build1"]["state"] == "ok"
    assert health["servers"]["build1"]["interval_seconds"] == 60
    assert health["servers"]["build2"]["status"] == "unknown"
    assert health["servers"]["build3"]["status"] == "?"
    json.dumps(health).encode("utf-8")


def test_a_ledger_that_cannot_be_read_stops_a_write_before_it_is_pushed(builders: Builders) -> None:
    with builders.host("build1") as host:
        asked = send(host, Draft("one", "1")).result[0].id
    (builders.state("build2") / "read.json").write_text("{")
    with builders.host("build2") as host:
        for act in (lambda: reply(host, asked, Draft("", "2")), lambda: mark_read(host, [asked])):
            with pytest.raises(StateUnusable, match=r"read\.json"):
                act()
    assert builders.commits() == 1


def test_a_record_that_cannot_be_kept_after_the_push_is_a_note(builders: Builders) -> None:
    with builders.host("build1") as host:
        asked = send(host, Draft("one", "1")).result[0].id
    (builders.state("build2") / "manager.json").mkdir()
    with builders.host("build2") as host:
        assert reply(host, asked, Draft("", "2")).commit
        assert any("record" in note for note in host.repository.notes)
    assert subjects(builders) == ["one", "Re: one"]


def test_uncommitted_work_is_not_stashed_whatever_the_settings_say(legacy: Builders) -> None:
    clone = legacy.clone("build1")
    git("config", "merge.autoStash", "true", cwd=clone)
    git("config", "rebase.autoStash", "true", cwd=clone)
    (clone / MESSAGES).write_text("half written by hand")
    with legacy.host("build1") as host:
        send(host, Draft("one", "1"), ["build2"])
        assert len(host.repository.notes) == 1
    assert (clone / MESSAGES).read_text() == "half written by hand"
    assert git("stash", "list", cwd=clone) == ""


def test_a_clone_named_by_its_git_folder_is_not_written_into(legacy: Builders) -> None:
    clone = legacy.clone("build1")
    git("config", "core.hooksPath", "/dev/null", cwd=clone)
    inner = make_builders(legacy.folder / "inner")
    git("remote", "set-url", "origin", str(legacy.remote), cwd=inner.clone("build1"))
    git("pull", "--quiet", "origin", "main", cwd=inner.clone("build1"))
    (inner.clone("build1") / ".git").rename(legacy.folder / "outside.git")
    (inner.clone("build1") / ".git").write_text(f"gitdir: {legacy.folder / 'outside.git'}\n")
    with inner.host("build1") as host:
        send(host, Draft("one", "1"), ["build2"])
    assert git("status", "--porcelain", cwd=inner.clone("build1")) == ""
    assert not (legacy.folder / "outside.git/coordination").exists()


def test_while_another_process_fetches_what_is_known_is_shown(builders: Builders) -> None:
    with builders.host("build2") as host:
        send(host, Draft("one", "1"))
    with builders.host("build1") as host:
        list_messages(host, Filter())
    lock = next((builders.state("build1") / "repos").glob("*.fetch.lock"))
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with builders.host("build1", timeout=1) as host:
            assert [message["subject"] for message in list_messages(host, Filter()).messages] == ["one"]
            assert "has held" in host.repository.notes[0]
        with builders.host("build1") as host:
            assert send(host, Draft("two", "2")).commit


def test_an_answer_that_was_archived_is_found_by_who_waits_for_it(builders: Builders) -> None:
    with builders.host("build1") as host:
        asked = send(host, Draft("one", "1")).result[0].id
    with builders.host("build2") as host:
        reply(host, asked, Draft("", "2"))
    question, answer = builders.messages()
    builders.commit("coordination/archive/2026-11.json", json.dumps({"messages": [answer]}).encode())
    builders.commit(MESSAGES, json.dumps({"messages": [question]}).encode())
    with builders.host("build1") as host:
        assert wait_for_answer(host, asked, 1, 1).messages[0]["id"] == answer["id"]
        other = send(host, Draft("three", "3")).result[0].id
        with pytest.raises(NoAnswer):
            wait_for_answer(host, other, 0.1, 0.1)


def make_object(builders: Builders, kind: str, content: bytes) -> str:
    """Put an object that Git itself would not create into the remote, and return its name."""
    return git("hash-object", "-t", kind, "-w", "--stdin", "--literally", cwd=builders.remote, stdin=content)


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
