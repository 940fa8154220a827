"""Test the command builderctl wait: its arguments, its output and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import wait
from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import parse
from ansible_collections.acs.builders.plugins.module_utils.builderctl.brief import MAX_BYTES, brief_line
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import UNSIGNED
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, outage
from ansible_collections.acs.builders.tests.waiting import LIMIT
from ansible_collections.acs.builders.tests.writes import send_subject

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(builders: MemoryBuilders, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run builderctl on build2, and return its exit code and output."""

    def act(*words: str) -> tuple[int, str, str]:
        paths = {"repo": builders.clone("build2"), "state_dir": builders.state("build2")}
        config = builders.folder / "build2.json"
        config.write_text(json.dumps({name: str(path) for name, path in paths.items()}))
        code = main(["--config", str(config), *words])
        return code, *capsys.readouterr()

    return act


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("007m", 420)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse(["wait", "--timeout", text]).wait_timeout == seconds


def test_the_default_is_ten_minutes() -> None:
    assert parse(["wait"]).wait_timeout == 600


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5h", "10 m", "10M", "1h30m", "1w", "soon", "٣s", "9999999999s"])
def test_other_durations_are_rejected_in_one_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"--timeout.*is not a time such as 90s, 10m, 2h or 3d\. See"):
        parse(["wait", f"--timeout={text}"])


def test_a_reply_and_a_thread_exclude_each_other() -> None:
    with pytest.raises(InvalidInput, match="not allowed with"):
        parse(["wait", "--reply", "msg_1", "--thread", "msg_1"])


def test_mail_is_printed_in_the_brief_form_and_in_full_as_json(builders: MemoryBuilders, run: Run) -> None:
    first, second = (send_subject(builders, subject).result[0].id for subject in ("one", "two"))
    code, printed, errors = run("wait")
    assert (code, errors) == (0, "")
    lines = printed.splitlines()
    assert [line.split("  ")[0] for line in lines] == [first, second]
    assert all("build1" in line and "unsigned" in line for line in lines)
    third = send_subject(builders, "three").result[0].id
    code, printed, _errors = run("wait", "--json")
    result: dict[str, Any] = json.loads(printed)
    assert code == 0
    assert [message["id"] for message in result["messages"]] == [third]
    listed = json.loads(run("read", third, "--json")[1])
    assert result["messages"] == listed["messages"]
    assert result.keys() == listed.keys() - {"handle", "left"}


def test_exit_codes(builders: MemoryBuilders, run: Run) -> None:
    assert run("wait", "--timeout", "0")[0] == 3
    send_subject(builders, "one")
    assert run("wait", "--timeout", "0")[0] == 0
    code, printed, errors = run("wait", "--timeout", "0")
    assert (code, printed, errors.count("\n")) == (3, "", 1)
    assert json.loads(run("wait", "--timeout", "0", "--json")[1])["error"] == "no_answer"
    with outage(builders):
        assert run("wait", "--timeout", "0")[0] == 4
        assert json.loads(run("wait", "--timeout", "0", "--json")[1])["error"] == "look_failed"
    assert run("wait", "--reply", "msg_1")[0] == 2
    assert run("wait", "--from", "build9")[0] == 2


def test_signals_have_their_former_effect_after_the_wait(run: Run) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    run("wait", "--timeout", "0")
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_that_is_lost_is_repeated(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Python ignores an exception that is raised in a finalizer."""

    class Finalized:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    def lose_it(*_arguments: object) -> None:
        Finalized()
        time.sleep(LIMIT)

    monkeypatch.setattr(sys, "unraisablehook", lambda lost: ignored.append(lost.exc_type))
    monkeypatch.setattr(wait, "wait_for_news", lose_it)
    monkeypatch.setattr(wait, "REPEAT", 0.3)
    ignored: list[type[BaseException]] = []
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    try:
        assert run("wait") == (130, "", "")
    finally:
        signal.signal(signal.SIGINT, former)
    assert ignored == [KeyboardInterrupt] and signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_brief_line_is_short_and_harmless() -> None:
    line = brief_line("msg_1", 90, "info", "build2", "é\x1b\n" * 100, UNSIGNED)
    assert len(line.encode()) <= MAX_BYTES
    assert line.isprintable()
    assert line.endswith("…")
    assert brief_line("msg_1", 90, "info", "build2", "Ready", UNSIGNED).endswith("Ready")
