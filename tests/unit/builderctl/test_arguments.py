"""Test the command line of builderctl: options at any position, no misread value, an exit code for every error."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import parse
from ansible_collections.acs.builders.plugins.module_utils.builderctl.body import read_body
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.exit_codes import EXIT_CODES, exit_code
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError, InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import CONFIG_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import MAX_BODY


def error_kinds(base: type[CoordinationError] = CoordinationError) -> Iterator[str]:
    """Yield the kind of every error class."""
    yield base.kind
    for error in base.__subclasses__():
        yield from error_kinds(error)


def test_every_kind_of_error_has_one_exit_code() -> None:
    listed = [kind for _meaning, kinds in EXIT_CODES.values() for kind in kinds]
    assert sorted(listed) == sorted(set(error_kinds()))
    assert exit_code("unreachable") == 3
    assert exit_code("something new") == 5


def test_the_texts_of_errors_and_help_do_not_depend_on_the_version_of_python(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InvalidInput, match=r"invalid choice: 'nope' \(choose from idle, building, success, failed\)"):
        parse(["status", "nope"])
    assert main(["status", "--help"]) == 0
    assert "\noptions:\n" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["--json", "--config", "f", "read"], ["read", "--json", "--config", "f"]])
def test_options_of_all_commands_stand_before_or_behind_the_command(argv: list[str]) -> None:
    given = parse(argv)
    assert (given.command, given.json, given.config) == ("read", True, "f")


def test_defaults() -> None:
    given = parse(["read"])
    assert (given.json, given.config, given.ids, given.limit, given.all) == (False, CONFIG_FILE, [], None, False)
    given = parse(["send", "Subject"])
    assert (given.body, given.to, given.type, given.priority, given.key) == (None, None, "info", "normal", None)
    assert parse(["mark-read"]).ids == []
    assert parse(["status"]).status is None


@pytest.mark.parametrize(
    "argv",
    [
        ["--to", "build2", "--fact", "a=b", "--require-ack", "Subject", "Body"],
        ["Subject", "--to", "build2", "Body", "--fact", "a=b", "--require-ack"],
        ["Subject", "Body", "--to=build2", "--require-ack", "--fact=a=b"],
        ["--to", "build2", "--fact", "a=b", "--require-ack", "--", "Subject", "Body"],
    ],
)
def test_options_stand_anywhere(argv: list[str]) -> None:
    given = parse(["send", *argv])
    assert (given.subject, given.body, given.to, given.require_ack) == ("Subject", "Body", ["build2"], True)
    assert given.facts == [{"name": "a", "value": "b"}]


@pytest.mark.parametrize(
    "body",
    [
        "-",
        "- one\n- two",
        "-5",
        "--force is needed",
        "-1 degree",
        "-how are you",
        "---",
        "a=b",
        "--x y=z",
        "",
        "é=\x1b",
    ],
)
def test_texts_that_begin_with_a_dash_are_texts(body: str) -> None:
    for argv in (["Subject", body], ["Subject", body, "--type", "error"], ["--type", "error", "--", "Subject", body]):
        given = parse(["send", *argv])
        assert (given.subject, given.body) == ("Subject", body)


def test_after_two_dashes_nothing_is_an_option() -> None:
    given = parse(["send", "--type", "error", "--", "--json", "--to"])
    assert (given.subject, given.body, given.json, given.to) == ("--json", "--to", False, None)


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        ([], "COMMAND"),
        (["reed"], "There is no command 'reed'. Did you mean 'read'?"),
        (["--jso", "read"], "--jso"),
        (["read", "--unknown"], "--unknown"),
        (["read", "--jso"], "--jso"),
        (["send", "Subject", "-high"], "-high"),
        (["send", "--titel=My subject", "Body"], "--titel"),
        (["send", "build2", "Subject", "Body"], "Body"),
        (["send"], "SUBJECT"),
        (["send", "Subject", "Body", "--to"], "--to"),
        (["send", "Subject", "Body", "--type", "notice"], "notice"),
        (["send", "Subject", "Body", "--priority", "urgent"], "urgent"),
        (["send", "Subject", "Body", "--fact", "git"], "NAME=VALUE"),
        (["send", "Subject", "Body", "--fact", "=2"], "NAME=VALUE"),
        (["send", "Subject", "Body", "--request", "{"], "not JSON"),
        (["send", "Subject", "Body", "--request", "[" * 100_000], "not JSON"),
        (["send", "Subject", "Body", "--request", "[]"], "JSON object"),
        (["reply"], "ID"),
        (["ack"], "ID"),
        (["read", "--limit", "0"], "positive"),
        (["read", "--limit", "-1"], "positive"),
        (["read", "--limit", "1e3"], "positive"),
        (["read", "--timeout", "0"], "--timeout"),
        (["read", "--timeout", "soon"], "--timeout"),
        (["guide", "--timeout", "5"], "--timeout"),
        (["read", "--type", "notice"], "notice"),
        (["status", "done"], "done"),
        (["heartbeat", "--twice"], "--twice"),
        (["health", "build1"], "build1"),
    ],
)
def test_wrong_usage(argv: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match="--help"):
        parse(argv)
    assert main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("builderctl: ") and printed.err.count("\n") == 1
    assert reason in printed.err
    assert main(["--json", *argv]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "invalid_input"


def test_error_is_one_sanitized_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", "--type", "\x1b[31m\nbuilderctl: done\u202e"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert all(char.isprintable() for char in printed.rstrip("\n"))


def test_unexpected_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_path: str) -> None:
        raise KeyError("ids")

    monkeypatch.setitem(main.__globals__, "load_config", fail)
    assert main(["read"]) == 5
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "KeyError: 'ids'" in printed and "test_arguments.py, line" in printed


@pytest.mark.parametrize("kind", [KeyboardInterrupt, BrokenPipeError, OSError])
def test_other_ends(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_path: str) -> None:
        raise kind

    monkeypatch.setitem(main.__globals__, "load_config", fail)
    assert main(["read"]) == (130 if kind is KeyboardInterrupt else 5)
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The write end of a pipe that is standard input."""
    reading, writing = os.pipe()
    with open(reading, encoding="ascii") as stream, contextlib.suppress(OSError):
        monkeypatch.setattr(sys, "stdin", stream)
        yield writing
        os.close(writing)


@pytest.mark.parametrize(
    ("data", "body"), [(b"one\ntwo\n", "one\ntwo"), (b"  x\r\n\n", "  x"), ("é日".encode(), "é日"), (b"", "")]
)
def test_body_from_standard_input(data: bytes, body: str, pipe: int) -> None:
    os.write(pipe, data)
    os.close(pipe)
    assert read_body() == body


@pytest.mark.parametrize(("data", "reason"), [(b"\xff", "UTF-8"), (b"x" * (4 * MAX_BODY + 1), "too long")])
def test_body_from_standard_input_that_is_none(data: bytes, reason: str, pipe: int) -> None:
    os.write(pipe, data)
    os.close(pipe)
    with pytest.raises(InvalidInput, match=reason):
        read_body()


def test_open_pipe_is_not_read_without_hyphen(pipe: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Service managers, cron and other programs provide such a standard input."""
    os.write(pipe, b"one\n")
    assert main(["send", "Subject"]) == 2
    message = "The message has no body. Pass it as the last argument, or pass - to read it from standard input."
    assert capsys.readouterr().err == f"builderctl: {message}\n"


def test_standard_input_that_cannot_be_read_is_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.open("/", os.O_RDONLY)
    with open(os.open(os.devnull, os.O_RDONLY), encoding="ascii") as stream:
        os.dup2(folder, stream.fileno())
        os.close(folder)
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(InvalidInput, match=r"cannot be read \(Is a directory"):
            read_body()


def test_parsing_gives_a_namespace_with_the_values_of_the_status_command() -> None:
    given = parse(["status", "success", "--artifact", "/a", "--artifact", "/b", "--git-commit", "d8e22ab"])
    assert isinstance(given, argparse.Namespace)
    assert (given.status, given.artifacts, given.git_commit, given.server) == ("success", ["/a", "/b"], "d8e22ab", None)
