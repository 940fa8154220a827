"""The input of every command: the command line and standard input of builderctl, and the options of every module."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.acs.builders.tests.fuzz import calls, kept, mutation
from ansible_collections.acs.builders.tests.fuzz.failure import Refused
from ansible_collections.acs.builders.tests.fuzz.json_text import LAYOUTS, dump
from ansible_collections.acs.builders.tests.fuzz.mutation import Change
from ansible_collections.acs.builders.tests.fuzz.own_files import SUMMARY, repository
from ansible_collections.acs.builders.tests.fuzz.running import Target
from ansible_collections.acs.builders.tests.fuzz.scene import Scene
from ansible_collections.acs.builders.tests.fuzz.starts import Starts
from hypothesis import strategies as st

COMMAND_LINES: dict[str, Sequence[Sequence[str]]] = {
    "read": (
        ("read", "--all", "--type", "error", "--since", "2026-11-21T00:00:00Z", "--json"),
        ("read", "--from", "build2", "--limit", "5", "--timeout", "5"),
        ("read", "--thread", "ID", "--", "ID"),
        ("read", "--all", "--since", "2h", "7f3a", "--brief"),
    ),
    "send": (
        ("send", "--type", "request", "--require-ack", "Install jq", "Please.", "--key", "k"),
        ("send", "--to", "all", "--priority", "high", "Restart", "-", "--secrets", "redact", "--json"),
        ("send", "Versions", "Measured.", "--fact", "git=2.39.5", "--request", '{"action": "facts", "query": "disk"}'),
    ),
    "reply": (
        ("reply", "ID", "Version 8.0.36-1 is installed.", "--fact", "jq=1.6"),
        ("reply", "ID", "--type", "info", "--secrets", "allow", "--json"),
    ),
    "mark-read": (("mark-read",), ("mark-read", "ID", "ID", "--json")),
    "trace": (("trace", "ID", "--json"), ("trace", "ID", "ID")),
    "ack": (("ack", "ID", "--json"), ("ack", "ID", "ID")),
    "status": (
        ("status", "building", "--job", "job_42", "--git-branch", "main", "--git-commit", "d8e22ab", "--log", "x.log"),
        ("status", "success", "--artifact", "a.deb", "--artifact", "b.deb", "--json"),
        ("status", "--server", "build2", "--json"),
        ("status", "idle"),
    ),
    "health": (("health", "--json"), ("health", "--summary")),
    "heartbeat": (("heartbeat", "--once", "--json"),),
    "help": (("--version",), ("help", "read"), ("read", "--help"), ("--json", "nonsense")),
    "complete": (("complete", "--", "reply", ""), ("complete", "--", "status", "--server=b")),
}
"""Some command lines for each command of builderctl, with ID for the id of a message."""
STDIN = "The build failed.\n\u2019E: Unable to locate package\u2019\n"
WORD_KINDS = ("value", "text", "text", "remove", "twice", "many", "copy")

MODULES: dict[str, Sequence[dict[str, Any]]] = {
    "build_message": (
        {"query": "[?priority=='high'].{id: id}", "types": ["error"], "senders": ["build2"], "limit": 3},
        {"unread": False, "query": "[?type=='info']", "since": "2025-11-08 02:00", "thread": "ID", "ids": ["ID"]},
        {
            **{
                "state": "sent",
                "to": ["build2"],
                "subject": "Hello",
                "body": "Text",
                "facts": [{"name": "a", "value": 1}],
            },
            **{"request": {"action": "facts", "query": ["disk"]}, "key": "k", "secrets": "redact"},
        },
        {"state": "sent", "to": "all", "subject": "Hello", "body": "Text", "type": "request", "require_ack": True},
        {"state": "sent", "to": "all", "subject": "Hello", "body": "Text", "series": "reports"},
        {"state": "replied", "id": "ID", "body": "Done.", "facts": [{"name": "a", "value": 0.5, "observed_at": "now"}]},
        {"state": "read", "ids": ["ID"], "_ansible_diff": True},
        {"state": "acknowledged", "ids": ["ID"], "_ansible_check_mode": True},
        {"state": "acted", "id": "ID"},
        {"state": "traced", "ids": ["ID"], "id": "ID"},
        {"state": "awaited", "id": "ID", "wait_timeout": 3, "poll_interval": 1},
        {"state": "awaited", "query": "[?from=='build2']", "wait_timeout": 3, "poll_interval": 1},
    ),
    "build_status": (
        {"status": "building", "job": "job_1", "git_branch": "main", "git_commit": "d8e22ab", "log": "x.log"},
        {"status": "success", "artifacts": ["a.deb", "b.deb"], "secrets": "allow", "_ansible_diff": True},
        {"server": "build2"},
    ),
    "build_heartbeat_fact": ({"beat": True}, {"beat": False, "timeout": 10, "_ansible_check_mode": True}),
    "build_dashboard": ({}, {"page": "<p>x</p>", "_ansible_check_mode": True}),
    "build_response": (
        {"allowed_actions": {"build2": ["facts"], "all": ["install_packages"]}, "allowed_packages": ["lib*"]},
        {"allowed_paths": ["/root/src"], "reply_deadline": 60},
        {"state": "begun", "ids": ["ID"]},
        {
            "state": "sent",
            "responses": [{"id": "ID", "body": "Done.", "facts": [{"name": "a", "value": 1}], "acknowledge": True}],
        },
    ),
    "build_job": (
        {"state": "watched", "wait": 0},
        {
            **{"state": "started", "job": "job_1", "source": ".", "command": "make", "time_limit": 60},
            **{"artifacts": ["*.deb"], "_ansible_check_mode": True},
        },
    ),
    "build_environment_fact": (
        {"packages": ["jq", "libssl-dev"], "paths": ["src"]},
        {"packages": [], "toolchain": False},
    ),
}
"""Some options for each module."""
MODULE_DEPTHS = (1, 19, 21, 50)
"""Levels in which an option is wrapped; Ansible itself accepts only some hundred."""
MODULE_KINDS = ("value", "value", "text", "remove", "wrap", "copy", "many")


class Line(NamedTuple):
    """A command line, and the changes of standard input."""

    start: int
    words: list[Change]
    stdin: list[Change]


class Options(NamedTuple):
    """The options of a module."""

    start: int
    values: list[Change]


def targets(scene: Scene, starts: Starts) -> list[Target]:
    """Return a target for each command of builderctl, and for each module."""
    files = repository(starts)
    message_id = str(starts.signed_mailboxes[0]["messages"][0]["id"])
    words = mutation.changes(WORD_KINDS, 3)
    found = []
    for name, lines in COMMAND_LINES.items():
        examples = st.builds(Line, st.integers(0, len(lines) - 1), words, mutation.changes(mutation.BYTE_KINDS, 2))
        ready = [[word.replace("ID", message_id) if word == "ID" else word for word in line] for line in lines]
        run = partial(_run_command, scene, files, ready)
        found.append(Target(f"builderctl {name}", examples, run, partial(_show_command, ready)))
    for name, given in MODULES.items():
        chosen = st.builds(Options, st.integers(0, len(given) - 1), mutation.changes(MODULE_KINDS, 3))
        options = json.loads(json.dumps(given).replace('"ID"', json.dumps(message_id)))
        run_module = partial(_run_module, scene, files, name, options)
        found.append(Target(name, chosen, run_module, partial(_show_module, options)))
    return found


def _argv(lines: Sequence[Sequence[str]], line: Line) -> list[str]:
    """Return the words as a process gets them: without NUL, and with surrogates for bytes that are not UTF-8."""
    changed = mutation.changed(list(lines[line.start]), line.words)
    words = [str(word).replace("\0", "") for word in (changed if isinstance(changed, list) else [changed])]
    return [word.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape") for word in words]


def _stdin(line: Line) -> bytes:
    data = STDIN.encode()
    for change in line.stdin:
        data = mutation.change_bytes(data, change)
    return data


def _run_command(scene: Scene, files: dict[str, bytes], lines: Sequence[Sequence[str]], line: Line) -> int:
    argv, stdin = _argv(lines, line), _stdin(line)
    scene.reset(files)
    scene.write("summary.json", json.dumps(SUMMARY).encode())
    code = calls.command(argv, stdin)
    scene.check_own_files()
    size = sum(map(len, argv)) + len(stdin)
    if code > 1:
        raise Refused(size)
    return size


def _show_command(lines: Sequence[Sequence[str]], line: Line) -> str:
    return f"builderctl {_argv(lines, line)!r} with {_stdin(line)!r} on standard input\n{line!r}"


def _module_arguments(options: Sequence[dict[str, Any]], chosen: Options) -> str:
    changed = mutation.changed(options[chosen.start], chosen.values, MODULE_DEPTHS)
    return dump({"ANSIBLE_MODULE_ARGS": changed}, LAYOUTS[0])


def _run_module(
    scene: Scene, files: dict[str, bytes], name: str, options: Sequence[dict[str, Any]], chosen: Options
) -> int:
    arguments = _module_arguments(options, chosen)
    if not _is_for_modules(arguments):
        raise Refused(len(arguments))
    scene.reset(files)
    failed = calls.module(name, arguments)
    scene.check_own_files()
    if failed:
        raise Refused(len(arguments))
    return len(arguments)


def _is_for_modules(arguments: str) -> bool:
    """Return whether Ansible passes such options to a module: they must be a JSON object without infinite numbers."""
    try:
        given = kept.strict(arguments.encode("utf-8", "surrogatepass"))["ANSIBLE_MODULE_ARGS"]
        json.dumps(given, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    names = {"_ansible_check_mode", "_ansible_diff"}
    return isinstance(given, dict) and all(isinstance(given.get(name, True), bool) for name in names)


def _show_module(options: Sequence[dict[str, Any]], chosen: Options) -> str:
    return f"{_module_arguments(options, chosen)[:4_000]}\n{chosen!r}"
