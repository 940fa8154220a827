"""Test builderctl wait as a process, with real Git."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import Inbox, write_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import SHOWN_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import (
    WAITING_LOCK,
    running_service,
    someone_waits,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.ansible_runner import module_variables, send, succeed
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.integration.builderctl.test_command import restore_interrupts
from ansible_collections.acs.builders.tests.running_service import COMMAND, config, service
from ansible_collections.acs.builders.tests.waiting import LIMIT, until


@contextmanager
def waiter(builders: Builders, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run builderctl wait on build1 in a separate process, which waits when the context is entered."""
    command = [sys.executable, "-m", COMMAND, "--config", str(config(builders, "build1"))]
    with subprocess.Popen(
        [*command, "wait", *options],
        env=module_variables(builders),
        cwd=builders.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=restore_interrupts,
    ) as process:
        try:
            until(lambda: is_waiting(process, builders) or process.poll() is not None, "no wait")
            yield process
        finally:
            process.kill()


def is_waiting(process: subprocess.Popen[str], builders: Builders) -> bool:
    """Return whether this process of build1 waits, not only another one (proc_locks(5))."""
    lock = builders.state("build1") / WAITING_LOCK
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if lock.exists()]
    return any(
        fields[-4] == str(process.pid) and fields[-3].endswith(f":{lock.stat().st_ino}") and fields[1] == "FLOCK"
        for fields in held
    )


def waits(builders: Builders) -> bool:
    """Return whether a process of build1 waits."""
    return someone_waits(StateDirectory(builders.state("build1")))


def last_contact(builders: Builders) -> int:
    """Return the time of build1's last contact with the remote."""
    return max((path.stat().st_mtime_ns for path in (builders.state("build1") / "repos").glob("*.contact")), default=0)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait until a process ends, and return its exit code, output and errors."""
    stdout, stderr = process.communicate(timeout=LIMIT)
    assert "Traceback" not in stderr
    return process.returncode, stdout, stderr


def service_looks(builders: Builders) -> None:
    """Look at the remote and replace the record of unread mail, as the service of build1 does."""
    with builders.host("build1") as host:
        commit = host.repository.read(lambda snapshot: snapshot.commit)
        write_inbox(host.state, Inbox("build1", commit, "2026-11-22T07:11:50Z", 0, ()))


def test_a_message_that_comes_ends_the_wait_without_the_service(builders: Builders) -> None:
    with waiter(builders, "--json") as process:
        sent = send(builders, "build2", "Ready")
        code, printed, errors = ended(process)
    assert (code, errors) == (0, "")
    (message,) = json.loads(printed)["messages"]
    assert (message["id"], message["subject"], message["read"]) == (sent, "Ready", False)


def test_the_service_wakes_two_waits_that_do_not_use_the_network(builders: Builders) -> None:
    asked = send(builders, "build1", "How many?")
    service_looks(builders)
    with running_service(StateDirectory(builders.state("build1"))), ExitStack() as running:
        waiters = [running.enter_context(waiter(builders, "--reply", asked)) for _number in range(2)]
        before = last_contact(builders)
        succeed(builders, "build2", state="replied", id=asked, body="Three.")
        assert last_contact(builders) == before, "a wait contacted the remote"
        assert [process.poll() for process in waiters] == [None, None]
        service_looks(builders)
        results = [ended(process) for process in waiters]
    answer = builders.messages()[-1]["id"]
    assert [(code, printed.split("  ")[0], errors) for code, printed, errors in results] == [(0, answer, "")] * 2


def test_the_real_service_sees_the_message_and_wakes_the_wait(builders: Builders) -> None:
    with service(builders, "build1") as running:
        beats = running.beat()["sequence"]
        with waiter(builders) as process:
            sent = send(builders, "build2", "Ready")
            code, printed, errors = ended(process)
        assert running.beat()["sequence"] == beats, "the message was found between two heartbeats"
    assert (code, printed.split("  ")[0], errors) == (0, sent, "")


def test_a_wait_looks_by_itself_after_the_service_has_stopped(builders: Builders) -> None:
    send(builders, "build1", "Ready")
    service_looks(builders)
    with ExitStack() as service:
        service.enter_context(running_service(StateDirectory(builders.state("build1"))))
        with waiter(builders) as process:
            sent = send(builders, "build2", "Ready")
            service.close()
            code, printed, _errors = ended(process)
    assert (code, printed.split("  ")[0]) == (0, sent)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_wait_that_is_ended_by_a_signal_leaves_nothing(builders: Builders, number: signal.Signals) -> None:
    send(builders, "build1", "Ready")
    service_looks(builders)

    def files() -> set[Path]:
        return {path for path in builders.folder.rglob("*") if path.suffix != ".lock" and "log" not in path.parts}

    with running_service(StateDirectory(builders.state("build1"))):
        config(builders, "build1")
        before = files()
        with waiter(builders) as process:
            process.send_signal(number)
            code, printed, _errors = ended(process)
    assert (code, printed) == (-number if number == signal.SIGKILL else 130, "")
    assert not waits(builders)
    assert files() == before


def test_a_remote_that_is_away(builders: Builders, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--config", str(config(builders, "build1")), "--json", "wait", "--timeout", "1s"]
    assert main(words) == 3
    builders.remote.rename(builders.folder / "gone.git")
    assert main(words) == 4
    assert [json.loads(line)["error"] for line in capsys.readouterr().out.splitlines()] == [
        "no_answer",
        "remote_missing",
    ]


def test_every_example_of_the_help(builders: Builders, capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"id": "msg_1795245106_9f86d081884c7d65", "from": "build1", "to": "build2", "subject": "How many?"}
    answer = {"id": "msg_2", "from": "build2", "to": "build1", "type": "request", "subject": "Re: How many?"}
    messages = [{**asked, "body": "Tell."}, {**answer, "body": "Of what?", "in_reply_to": asked["id"]}]
    builders.commit(MESSAGES, json.dumps({"messages": messages}).encode())
    assert main(["wait", "--help"]) == 0
    examples = capsys.readouterr().out.partition("examples:\n")[2].partition("\n\n")[0].replace("\\\n", "").splitlines()
    assert examples
    for example in examples:
        program, *words = shlex.split(example)
        assert (program, main(["--config", str(config(builders, "build1")), *words])) == ("builderctl", 0)
        assert capsys.readouterr().out.startswith("msg_2 ")
        (builders.state("build1") / SHOWN_FILE).unlink()
