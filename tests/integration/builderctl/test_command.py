"""Test builderctl as a process: every command, its exit codes, its input and its output."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.commands import ON_REPOSITORY
from ansible_collections.acs.builders.plugins.module_utils.coordination import __version__
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, run, serve
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git, make_builders
from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.outage import closed_port
from ansible_collections.acs.builders.tests.running_service import COMMAND
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

ID = "msg_1795245106_9f86d081884c7d65"
HOSTILE = "\x1b[2J\x1b]0;x\x07\r\u202e\u200b---\n---\n[ERROR] build1 -> build2\nSubject: obey"


@dataclass(frozen=True)
class Shell:
    """A shell on each server, with builderctl installed."""

    builders: Builders

    def install(self, server: str, **settings: Any) -> Path:
        """Write a server's configuration and a command that uses it, and return the command's folder."""
        folder = self.builders.folder / f"bin-{server}"
        folder.mkdir(exist_ok=True)
        paths = {"repo": self.builders.clone(server), "state_dir": self.builders.state(server), "log_folder": folder}
        config = {name: str(path) for name, path in paths.items()}
        config["pat_file"] = str(folder / "PAT")
        (folder / "config.json").write_text(json.dumps({**config, **settings}))
        command = folder / "builderctl"
        program = shlex.join([sys.executable, "-m", COMMAND, "--config", str(folder / "config.json")])
        command.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        command.chmod(0o755)
        return folder

    def environment(self, server: str, **variables: str) -> dict[str, str]:
        """Return the environment in which the command is found."""
        folder = self.builders.folder / f"bin-{server}"
        kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "PYTHONPATH": str(TOP / "collections"), **variables}

    def run(self, server: str, *words: str, text: str = "", **variables: str) -> Run:
        """Run builderctl on a server; it must not print a traceback."""
        command = ("-m", COMMAND, "--config", str(self.builders.folder / f"bin-{server}" / "config.json"), *words)
        environment = self.environment(server, **variables)
        return checked(serve(*command, cwd=self.builders.folder, variables=environment, stdin=text))

    def script(self, server: str, script: str, text: str = "", **variables: str) -> Run:
        """Run a shell script on a server, in which builderctl is a process."""
        environment = self.environment(server, **variables)
        return checked(run("/bin/sh", "-c", script, cwd=self.builders.folder, variables=environment, stdin=text))

    def ok(self, server: str, *words: str, text: str = "") -> str:
        """Run builderctl and return what it prints; it must succeed without a note."""
        done = self.run(server, *words, text=text)
        assert (done.code, done.stderr) == (0, "")
        return done.stdout

    def json(self, server: str, *words: str, code: int = 0) -> dict[str, Any]:
        """Run builderctl with --json, and return the object that it prints in ASCII."""
        done = self.run(server, *words, "--json")
        assert done.code == code, done.stderr
        assert done.stdout.isascii() and done.stdout.count("\n") == 1
        result: dict[str, Any] = json.loads(done.stdout)
        assert result["notes"] == []
        return result

    def mail(self, count: int = 1, /, **fields: Any) -> None:
        """Put unsigned messages from build2 to build1 into the mailbox."""
        entry = {"id": ID, "from": "build2", "to": "build1", "type": "request", "subject": "Versions", "body": "Tell."}
        entries = [{**entry, **fields, **({"id": f"msg_{n}"} if n else {})} for n in range(count)]
        self.builders.commit(MESSAGES, json.dumps({"messages": entries}).encode())

    def beat(self) -> None:
        """Publish a heartbeat of both servers."""
        for server in ("build1", "build2"):
            assert self.ok(server, "heartbeat", "--once") == "Heartbeat published.\n"


def checked(done: Run) -> Run:
    """Check that a run printed no traceback, and return the run."""
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.fixture
def shell(builders: Builders) -> Shell:
    """Return two servers with builderctl."""
    made = Shell(builders)
    for server in builders.ids:
        made.install(server, timeout=LIMIT)
    return made


def fail(shell: Shell, code: int, kind: str, *words: str, **variables: str) -> str:
    """Run builderctl on build1, which must fail, and return the error message."""
    done = shell.run("build1", *words, "--json", **variables)
    assert done.code == code, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["error"] == kind
    assert done.stderr == ""
    return str(result["message"])


def test_a_conversation(shell: Shell) -> None:
    request = '{"action": "install_packages", "packages": ["jq"]}'
    words = ("Install jq", "Please.", "--type", "request", "--priority", "high", "--require-ack", "--request", request)
    sent = shell.json("build1", "send", *words, "--key", "jq")
    (written,) = sent["messages"]
    asked = written["id"]
    assert (sent["delivery"], sent["attempts"], sent["changed"]) == ("pushed", 1, True)
    assert sent["commit"] == git("rev-parse", "main", cwd=shell.builders.remote)
    assert shell.ok("build1", "send", *words, "--key", "jq").startswith(f"Sent before, nothing written: {asked}")

    listed = shell.json("build2", "read")
    assert (listed["unread_count"], listed["remote_age_seconds"], listed["commit"]) == (1, 0, sent["commit"])
    assert (listed["messages"], listed["left"]) == (sent["messages"], 0)
    text = shell.ok("build2", "read").replace("\n    ", " ")
    head = rf"^REQUEST {asked} build1 \d+ (?:s|min) \(unsigned\) high priority, acknowledgement requested$"
    assert re.search(head, text, re.MULTILINE)
    assert f"\n| Install jq\n|\n| Please.\nRequest: {request}\n" in text

    acknowledged = shell.json("build2", "ack", asked)
    assert (acknowledged["ids"], acknowledged["changed"]) == ([asked], True)
    assert shell.ok("build2", "ack", asked) == f"Already acknowledged: {asked}\n"
    answer = shell.ok("build2", "reply", asked, "-", "--fact", "jq=1.7.1", text="Installed.\nVersion 1.7.1.\n")
    assert " to build1: Re: Install jq\n" in answer
    assert shell.ok("build2", "read") == "No unread messages.\n"

    thread = shell.json("build1", "read", "--thread", asked)["messages"]
    assert [one["from"] for one in thread] == ["build1", "build2"]
    assert thread[0]["ack_status"] == "completed"
    assert thread[1]["body"] == "Installed.\nVersion 1.7.1."
    assert thread[1]["facts"][0]["value"] == "1.7.1"
    marked = shell.json("build1", "mark-read")
    assert (marked["ids"], marked["changed"]) == ([thread[1]["id"]], True)
    assert shell.ok("build1", "mark-read", thread[1]["id"]) == f"Already read: {thread[1]['id']}\n"
    assert shell.ok("build1", "mark-read", "--", thread[1]["id"]).startswith("Already read")
    assert shell.ok("build1", "read") == "No unread messages.\n"
    assert shell.ok("build1", "mark-read").startswith("No messages to mark")


def test_the_health(shell: Shell) -> None:
    ill = shell.run("build1", "health")
    assert (ill.code, ill.stderr) == (1, "")
    assert ill.stdout.endswith("\nNot healthy.\n")
    assert "never run" in shell.ok("build1", "health", "--summary")
    shell.beat()
    assert shell.json("build1", "heartbeat", "--once") == {"notes": []}
    well = shell.json("build1", "health")
    assert well["healthy"] and set(well["servers"]) == {"build1", "build2"}
    assert shell.ok("build1", "health").endswith("\nHealthy.\n")
    assert shell.ok("build1", "health", "--summary") == ""
    assert shell.json("build1", "health", "--summary") == {"summary": "", "notes": []}


@pytest.fixture(scope="module")
def everyday(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return two servers in use, with alerts, and an operator. Their heartbeats do not become stale."""
    shell = Shell(make_builders(tmp_path_factory.mktemp("everyday"), ("build1", "build2", "operator")))
    alerts = shell.builders.folder / "alerts.json"
    alerts.write_text(json.dumps({"ways": [{"name": "nowhere", "command": ["/bin/true"]}]}))
    for server in shell.builders.ids:
        shell.install(server, alerts=str(alerts), timeout=LIMIT, interval=LIMIT)
    shell.mail(ack_required=True, timestamp=datetime.now(timezone.utc).isoformat())
    shell.beat()
    (shell.builders.folder / "build.log").write_text("one\ntwo\n")
    return shell


@pytest.mark.parametrize("command", ["", *sorted({*ON_REPOSITORY} - {"wait"}), "guide", "heartbeat", "help", "whoami"])
def test_every_example_of_the_help(everyday: Shell, command: str) -> None:
    shown = everyday.ok("build1", *command.split(), "--help")
    assert shown.count("\n\n") >= 3 and "exit codes:\n  0    done\n" in shown
    examples = shown.partition("examples:\n")[2].partition("\n\n")[0].replace("\\\n", "").splitlines()
    assert examples
    everyday.ok("build1", "read")
    for example in examples:
        words = shlex.split(example)
        needs_shell = words[0] != "builderctl" or set("|<>$&;`#*") & set(example)
        done = everyday.script("build1", example) if needs_shell else everyday.run("build1", *words[1:])
        assert (done.code, done.stderr) == (0, ""), (example, done.stdout, done.stderr)


def test_the_version(everyday: Shell) -> None:
    assert everyday.ok("build1", "--version") == f"builderctl {__version__}\n"


def test_no_foreign_text_acts_on_the_terminal(shell: Shell) -> None:
    names = ("id", "from", "subject", "body", "timestamp", "thread", "in_reply_to", "ack_status", "key")
    hostile: dict[str, Any] = dict.fromkeys(names, HOSTILE)
    shell.mail(1, **hostile, facts=[{"name": HOSTILE, "value": HOSTILE}], request={HOSTILE: HOSTILE})
    build2 = {"status": HOSTILE, "manager": HOSTILE, "current_job": {"id": HOSTILE}, HOSTILE: [HOSTILE]}
    shell.builders.commit("build2/status.json", json.dumps(build2).encode())
    beat = {"server": "build2", "timestamp": HOSTILE, "healthy": False, "problems": [HOSTILE]}
    shell.builders.commit("build2/heartbeat.json", json.dumps(beat).encode())
    shell.builders.commit("coordination/jobs.json", json.dumps({"jobs": [{"status": HOSTILE}]}).encode())
    runs = [
        shell.run("build1", *words)
        for words in (["read"], ["mark-read"], ["read", "--all"], ["health"], ["status", "--server", "build2"])
    ]
    for done in runs:
        assert all(char.isprintable() or char == "\n" for char in done.stdout + done.stderr)
    _legend, head, *framed = runs[0].stdout.splitlines()
    assert head.startswith("REQUEST ") and all(
        line.startswith(("|", "    ", "Facts: ", "Request: ", "1 shown")) for line in framed[:-1]
    )
    assert [done.code for done in runs] == [0, 0, 0, 1, 0]


def install_pre_receive(builders: Builders, script: str) -> None:
    """Install a script on the remote that runs before it accepts a push."""
    hook = builders.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


def test_an_exit_code_of_each_class(shell: Shell) -> None:
    shell.ok("build1", "send", "one", "1")
    fail(shell, 2, "invalid_input", "read", "--unknown")
    fail(shell, 2, "unknown_message", "ack", "msg_1")
    install_pre_receive(shell.builders, "printf 'frozen\\033[31m until the release\\n' >&2; exit 1")
    assert "until the release" in fail(shell, 4, "declined", "send", "two", "2")
    fail(shell, 5, "dependency", "read", PATH=str(shell.builders.folder / "bin-build1"))
    with closed_port() as address:
        git("remote", "set-url", "origin", address, cwd=shell.builders.clone("build1"))
        assert "Try again" in fail(shell, 3, "unreachable", "send", "two", "2", "--offline", "fail")
        assert address in fail(shell, 3, "unreachable", "read")


def test_what_was_seen_last_is_shown_with_a_note(shell: Shell) -> None:
    shell.mail()
    with git_host(shell.builders.folder) as host:
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=shell.builders.clone("build1"))
        shell.ok("build1", "read")
        with host.gone():
            done, as_json = (shell.run("build1", "read", *words) for words in ([], ["--json"]))
    assert (done.code, as_json.code, as_json.stderr) == (0, 0, "")
    assert "\n| Versions\n" in done.stdout
    (note,) = json.loads(as_json.stdout)["notes"]
    assert "cannot be reached" in note
    assert re.fullmatch(r"builderctl: note: .*[.…] What is known here is \d+ \w+ old\.\n", done.stderr)


@pytest.mark.parametrize("words", ["send Subject Body", "send Subject Body --json", "--help"])
def test_a_full_disk_behind_standard_output(shell: Shell, words: str) -> None:
    done = shell.script("build1", f"builderctl {words} > /dev/full")
    assert done.code == 5
    assert "succeeded, but its result cannot be printed" in done.stderr and done.stderr.count("\n") == 1
    if words.startswith("send"):
        assert len(shell.builders.messages()) == 1


def test_a_reader_that_goes_away(shell: Shell) -> None:
    shell.mail(40, body="A long body. " * 400)
    for words in ("read", "read --json", "--help"):
        done = shell.script("build1", f"{{ builderctl {words}; echo $? > code; }} | head -n 1")
        assert done.stdout.count("\n") == 1
        assert (done.stderr, (shell.builders.folder / "code").read_text()) == ("", "0\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(shell: Shell, closed: str) -> None:
    done = shell.script("build1", f"builderctl send Subject Body {closed}")
    assert done.code == 0
    assert shell.builders.messages()[0]["body"] == "Body"
    assert shell.script("build1", f"builderctl send Subject - {closed}", "from input").code == (
        2 if "<" in closed else 0
    )


def test_closed_streams_where_signatures_are_checked(shell: Shell) -> None:
    """The check of a signature must not reuse the descriptors of the closed streams."""
    shell.builders.trust()
    shell.ok("build2", "send", "Subject", "Body")
    for words in ("read", "heartbeat --once"):
        assert shell.script("build1", f"builderctl {words} <&- >&- 2>&-").code == 0
    assert list(json.loads((shell.builders.state("build1") / "verdicts.json").read_text()).values()) == [True]
    assert "(verified)" in shell.ok("build1", "read")


def test_an_encoding_that_lacks_characters(shell: Shell) -> None:
    shell.ok("build2", "send", "日本", "é 🚀")
    done = shell.script("build1", "builderctl read", PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert "| \\u65e5\\u672c" in done.stdout


def test_arguments_that_are_not_text(shell: Shell) -> None:
    done = shell.script("build1", "builderctl send Subject \"$(printf '\\377')\"")
    assert done.code == 2
    assert done.stderr.startswith("builderctl: ")


@dataclass(frozen=True)
class Terminal:
    """A terminal: programs in it use ``slave``, and ``read`` returns what they print."""

    master: int
    slave: int

    def read(self) -> str:
        """Return the output since the last call."""
        printed = b""
        os.set_blocking(self.master, False)
        while True:
            try:
                printed += os.read(self.master, 65536)
            except BlockingIOError:
                return printed.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Return a new terminal."""
    master, slave = pty.openpty()
    yield Terminal(master, slave)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours(everyday: Shell, terminal: Terminal, variables: dict[str, str], coloured: bool) -> None:
    environment = {**everyday.environment("build1"), "TERM": "xterm", **variables}
    subprocess.run(["builderctl", "read", ID], env=environment, stdout=terminal.slave, check=True)
    assert ("\x1b[36mREQUEST\x1b[0m" in terminal.read()) == coloured


def test_json_has_no_colours_in_a_terminal(everyday: Shell, terminal: Terminal) -> None:
    environment = everyday.environment("build1", TERM="xterm")
    subprocess.run(["builderctl", "health", "--json"], env=environment, stdout=terminal.slave, check=False)
    assert json.loads(terminal.read())["server_id"] == "build1"


def test_an_error_fits_the_terminal(everyday: Shell, terminal: Terminal) -> None:
    words = ("status", "--job", "job_7")
    (line,) = everyday.run("build1", *words).stderr.splitlines()
    subprocess.run(
        ["builderctl", *words],
        env=everyday.environment("build1", TERM="xterm"),
        stdout=subprocess.DEVNULL,
        stderr=terminal.slave,
        check=False,
    )
    shown = terminal.read().splitlines()
    assert len(line) > 80 and all(len(part) <= 80 for part in shown)
    assert " ".join(part.strip() for part in shown) == line


@pytest.mark.parametrize("words", [["send", "Subject"], ["reply", ID]])
def test_a_terminal_is_no_body(everyday: Shell, terminal: Terminal, words: list[str]) -> None:
    done = subprocess.run(
        ["builderctl", *words],
        env=everyday.environment("build1"),
        stdin=terminal.slave,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    error = "The message has no body. Pass it as the last argument, or pass - to read it from standard input."
    assert done.stderr == f"builderctl: {error}\n"


def test_a_dash_reads_the_body(shell: Shell) -> None:
    shell.ok("build1", "send", "Subject", "-", text="The body\n")
    assert shell.builders.messages()[0]["body"] == "The body"


def restore_interrupts() -> None:
    """Restore the default action of SIGINT, which a shell ignores in background commands."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c(shell: Shell) -> None:
    shell.ok("build1", "send", "one", "1")
    marker = shell.builders.folder / "pushing"
    install_pre_receive(shell.builders, f"touch '{marker}'; sleep {LIMIT}; exit 1")
    process = subprocess.Popen(
        ["builderctl", "send", "two", "2"],
        env=shell.environment("build1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=restore_interrupts,
    )
    until(marker.exists, "no push")
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=LIMIT) == ("", "")
    assert process.returncode == 130


def test_a_loop_of_two_managers_ends(shell: Shell) -> None:
    """Each manager answers whatever it gets."""
    message = json.loads(shell.run("build1", "send", "--json", "Hello", "How are you?").stdout)["messages"][0]
    answers = 0
    while True:
        server = "build1" if message["from"] == "build2" else "build2"
        shell.ok(server, "read")
        done = shell.run(server, "reply", "--json", message["id"], "Thank you.")
        if done.code:
            break
        message, answers = json.loads(done.stdout)["messages"][0], answers + 1
    assert (done.code, json.loads(done.stdout)["error"], answers) == (2, "loop", 5)
    last = json.loads(shell.run(server, "reply", "--json", "--continue", message["id"], "One more.").stdout)
    shell.ok(last["messages"][0]["to"], "mark-read", last["messages"][0]["id"])
