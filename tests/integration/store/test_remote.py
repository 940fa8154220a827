"""Test a remote that loses answers, is rewound, refuses writes, or contains a damaged document."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import FAIL
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    DeadlineReached,
    DocumentDamaged,
    PushDeclined,
    RemoteMissing,
    RemoteUnreachable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.recover import withdrawal_notes
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git
from ansible_collections.acs.builders.tests.outage import outage, time_over
from ansible_collections.acs.builders.tests.waiting import LIMIT, until


def hook(builders: Builders, name: str, script: str) -> Path:
    """Put a hook into the remote, and return its path."""
    path = builders.remote / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def lose_answer(builders: Builders, then: str = "") -> Path:
    """Make the remote accept the next push, run a script, and end without an answer; return its marker."""
    marker = builders.folder / "answer-lost"
    hook(
        builders,
        "reference-transaction",
        f'[ "$1" = committed ] || exit 0\n[ -e "{marker}" ] && exit 0\ntouch "{marker}"\n{then}\nkill -9 $PPID',
    )
    return marker


def subjects(builders: Builders) -> list[str]:
    return [message["subject"] for message in builders.messages()]


def test_a_push_whose_answer_is_lost_is_not_sent_twice(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
        marker = lose_answer(builders)
        receipt = send(host, Draft("two", "2"))
        assert marker.exists()
        send(host, Draft("three", "3"))
    assert subjects(builders) == ["one", "two", "three"]
    assert receipt.attempts == 1
    assert git("log", "--format=%H", "-1", "--skip=1", "main", cwd=builders.remote) == receipt.commit


def archive_script(builders: Builders, squash: bool) -> str:
    """Return a script that archives all messages of the remote, in a new commit or in place of the history."""
    program = builders.folder / "archive.py"
    program.write_text(
        "import json, subprocess, sys\n"
        "git = lambda *a, **k: subprocess.run(['git', *a], check=True, capture_output=True, **k).stdout\n"
        "old = git('rev-parse', 'main').decode().strip()\n"
        "mails = git('show', 'main:coordination/messages.json')\n"
        "empty = git('hash-object', '-w', '--stdin', input=b'{\"messages\": []}').decode().strip()\n"
        "moved = git('hash-object', '-w', '--stdin', input=mails).decode().strip()\n"
        "month = git('mktree', input=f'100644 blob {moved}\\t2026-11.json\\n'.encode()).decode().strip()\n"
        "rows = f'040000 tree {month}\\tarchive\\n100644 blob {empty}\\tmessages.json\\n'\n"
        "folder = git('mktree', input=rows.encode()).decode().strip()\n"
        "tree = git('mktree', input=f'040000 tree {folder}\\tcoordination\\n'.encode()).decode().strip()\n"
        f"parents = [] if {squash} else ['-p', old]\n"
        "who = ['-c', 'user.name=x', '-c', 'user.email=x@localhost']\n"
        "new = git(*who, 'commit-tree', tree, *parents, '-m', 'archive').decode().strip()\n"
        "open('refs/heads/main', 'w').write(new + '\\n')\n"
    )
    return f"unset $(env | sed -n 's/^\\(GIT_[A-Z_]*\\)=.*/\\1/p'); '{sys.executable}' '{program}' || exit 1"


@pytest.mark.parametrize("squash", [False, True], ids=["on-top", "history-rewritten"])
def test_nor_when_another_server_has_archived_it_in_between(builders: Builders, squash: bool) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
        marker = lose_answer(builders, archive_script(builders, squash))
        receipt = send(host, Draft("two", "2"))
        assert marker.exists()
    assert receipt.commit
    assert receipt.files
    assert builders.messages() == []
    archived = json.loads(builders.show("coordination/archive/2026-11.json"))["messages"]
    assert [message["subject"] for message in archived] == ["one", "two"]
    assert archived[1]["id"] == receipt.result[0].id


def test_a_reply_whose_answer_is_lost_is_sent_and_marks_once(builders: Builders) -> None:
    with builders.host("build1") as host:
        asked = send(host, Draft("which git?", "?", type="request")).result[0].id
    with builders.host("build2") as host:
        lose_answer(builders)
        reply(host, asked, Draft("", "2.39.5"))
        assert list_messages(host, Filter()).messages == []
    assert subjects(builders) == ["which git?", "Re: which git?"]
    assert builders.messages()[0]["read_by"] == ["build2"]


def test_a_process_killed_after_its_push_leaves_word_for_the_next(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    pids = builders.folder / "pids"
    hook(builders, "post-receive", f"echo $$ > '{pids}.new' && mv '{pids}.new' '{pids}'\nexec sleep {LIMIT}")
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ansible_collections.acs.builders.tests.builders import Builders\n"
        "from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft\n"
        "from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send\n"
        "with Builders(Path(sys.argv[1]), ('build1', 'build2')).host('build1') as host:\n"
        "    send(host, Draft('two', '2', key='two'))\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    killed = subprocess.Popen(
        [sys.executable, "-c", program, str(builders.folder)], env={**os.environ, "PYTHONPATH": path}
    )
    until(lambda: pids.exists() or killed.poll() is not None, "no push")
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    os.kill(int(pids.read_text()), signal.SIGKILL)
    (builders.remote / "hooks/post-receive").unlink()
    with builders.host("build1") as host:
        receipt = send(host, Draft("two", "2", key="two"))
        assert receipt.files == {}
        assert [note for note in host.repository.notes if receipt.result[0].id in note and "did arrive" in note]
    with builders.host("build1") as host:
        send(host, Draft("three", "3"))
        assert host.repository.notes == []
    assert subjects(builders) == ["one", "two", "three"]


def test_a_push_that_hangs_after_it_was_accepted_is_asked_for(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    pids = builders.folder / "pids"
    hook(builders, "post-receive", f"touch '{pids}'\nexec sleep {LIMIT}")
    with builders.host("build1") as host, time_over("push", pids.exists):
        receipt = send(host, Draft("two", "2", key="two"))
    assert (receipt.delivery, receipt.attempts) == ("pushed", 1)
    assert subjects(builders) == ["one", "two"]


def test_a_remote_that_always_breaks_off_is_given_up_in_time(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
    hook(builders, "pre-receive", "kill -9 $PPID")
    with builders.host("build1", timeout=1) as host, pytest.raises(DeadlineReached, match="not known"):
        send(host, Draft("two", "2"), offline=FAIL)
    assert subjects(builders) == ["one"]


def test_a_rewound_remote_is_reported_and_nothing_is_sent_again(builders: Builders) -> None:
    with builders.host("build1") as host:
        first = send(host, Draft("one", "1"))
        second = send(host, Draft("two", "2", key="two"))
    git("update-ref", "refs/heads/main", str(first.commit), cwd=builders.remote)
    with builders.host("build1") as host:
        assert [message["subject"] for message in list_messages(host, Filter(thread=first.result[0].id)).messages] == [
            "one"
        ]
        (note,) = withdrawal_notes(host)
        assert second.result[0].id in note
        assert first.result[0].id not in note
        kept = git(
            "for-each-ref", "--format=%(objectname)", "refs/acs-builders/withdrawn/", cwd=builders.private("build1")
        )
        assert kept == second.commit
    with builders.host("build1") as host:
        assert send(host, Draft("two", "2", key="two")).files == {}
        send(host, Draft("three", "3"))
        assert withdrawal_notes(host) == []
    assert subjects(builders) == ["one", "three"]
    kept = git("show", f"refs/acs-builders/withdrawn/{second.commit}:{MESSAGES}", cwd=builders.private("build1"))
    assert [message["subject"] for message in json.loads(kept)["messages"]] == ["one", "two"]


def test_a_rewind_is_met_by_a_write_too(builders: Builders) -> None:
    with builders.host("build1") as host:
        first = send(host, Draft("one", "1"))
        second = send(host, Draft("two", "2"))
    git("update-ref", "refs/heads/main", str(first.commit), cwd=builders.remote)
    builders.commit("news.txt", b"after the rewind\n")
    with builders.host("build1") as host:
        send(host, Draft("three", "3"))
        (note,) = withdrawal_notes(host)
    assert str(second.result[0].id) in note
    assert subjects(builders) == ["one", "three"]


def test_a_withdrawn_commit_outlives_damage_to_the_private_repository(builders: Builders) -> None:
    with builders.host("build1") as host:
        first = send(host, Draft("one", "1"))
        second = send(host, Draft("two", "2"))
        git("update-ref", "refs/heads/main", str(first.commit), cwd=builders.remote)
        list_messages(host, Filter())
    (builders.private("build1") / "HEAD").write_bytes(b"")
    with builders.host("build1") as host:
        list_messages(host, Filter())
    (damaged,) = (builders.state("build1") / "repos").glob("*.damaged-*")
    (damaged / "HEAD").write_text("ref: refs/heads/main\n")
    assert git("cat-file", "-t", str(second.commit), cwd=damaged) == "commit"


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (b'{"messages": [\n  {"id": "x",', 4),
        (b"{\n<<<<<<< HEAD\n}", 2),
        (b'{"messages":\n"none"}', 1),
        (b"{}\n\xff\xfe", 2),
        (b"", 1),
    ],
    ids=["cut short", "conflict", "wrong type", "not UTF-8", "empty"],
)
def test_a_mailbox_that_cannot_be_read_is_named_and_never_overwritten(
    legacy: Builders, broken: bytes, line: int
) -> None:
    legacy.commit("news.txt", b"unrelated\n")
    with legacy.host("build1") as host:
        send(host, Draft("one", "1"), ["build2"])
        good = git("rev-parse", "main", cwd=legacy.remote)
    for number in range(3):
        bad = legacy.commit(MESSAGES, broken + b"\n" * number)
    with legacy.host("build1") as host:
        for act in (
            lambda: list_messages(host, Filter()),
            lambda: send(host, Draft("two", "2"), ["build2"]),
        ):
            with pytest.raises(DocumentDamaged) as caught:
                act()
            assert caught.value.path == MESSAGES
            assert caught.value.line == line
            assert bad in str(caught.value)
            assert good in str(caught.value)
        assert git("rev-parse", "main", cwd=legacy.remote) == bad
        write_status(host, Report("building"))
        publish_heartbeat(host, compose_heartbeat(host, [], 60, "test"))
        health = read_health(host)
    assert any(MESSAGES in problem for problem in health["problems"])
    assert health["servers"]["build1"]["status"] == "building"
    assert health["servers"]["build1"]["state"] == "ok"
    assert legacy.show(MESSAGES) == broken + b"\n\n"


def test_the_newest_good_commit_is_found_by_a_host_that_never_saw_it(legacy: Builders) -> None:
    good = git("rev-parse", "main", cwd=legacy.remote)
    legacy.commit(MESSAGES, b"broken")
    legacy.commit(MESSAGES, b"broken again")
    git("remote", "set-url", "origin", f"file://{legacy.remote}", cwd=legacy.clone("build2"))
    with legacy.host("build2") as host, pytest.raises(DocumentDamaged, match=good):
        list_messages(host, Filter())


def test_a_refusing_hook_is_final_and_its_message_is_reported(builders: Builders) -> None:
    with builders.host("build1") as host:
        send(host, Draft("one", "1"))
        hook(builders, "pre-receive", "echo 'main is frozen until Monday' >&2; exit 1")
        with pytest.raises(PushDeclined, match="frozen until Monday"):
            send(host, Draft("two", "2"))
        (builders.remote / "hooks/pre-receive").unlink()
        send(host, Draft("three", "3"))
    assert subjects(builders) == ["one", "three"]


def test_a_remote_that_is_away_is_read_from_what_is_known(builders: Builders) -> None:
    with builders.host("build2") as host:
        send(host, Draft("one", "1"))
    with builders.host("build1") as host:
        list_messages(host, Filter())
    then = time.time() - 100
    os.utime(next((builders.state("build1") / "repos").glob("*.contact")), (then, then))
    with outage(builders), builders.host("build1") as host:
        listing = list_messages(host, Filter())
        assert [message["subject"] for message in listing.messages] == ["one"]
        assert 100 <= listing.age <= time.time() - then
        assert "cannot be reached" in host.repository.notes[0]
        with pytest.raises(RemoteUnreachable, match="cannot be reached"):
            send(host, Draft("two", "2"), offline=FAIL)


def test_a_branch_that_is_not_there_is_named_with_those_that_are(legacy: Builders) -> None:
    with legacy.host("build1", branch="master") as host, pytest.raises(RemoteMissing, match=r"'master'.*has main"):
        send(host, Draft("one", "1"), ["build2"])


def test_a_remote_that_is_gone_is_final(builders: Builders) -> None:
    builders.remote.rename(builders.folder / "moved.git")
    with builders.host("build1") as host, pytest.raises(RemoteMissing, match="no usable Git repository"):
        send(host, Draft("one", "1"))
