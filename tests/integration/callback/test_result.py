"""Test the callback plugin that prints the result of a run, in real runs on embedded servers."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import (
    LOCAL_INVENTORY,
    TOP,
    Run,
    ad_hoc,
    ansible,
    environment,
)
from ansible_collections.acs.builders.tests.beating import all_beat
from ansible_collections.acs.builders.tests.builders import Builders, make_builders
from ansible_collections.acs.builders.tests.clock import after_keys

ID = r"msg_\d+_[0-9a-f]{16}"
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
CONFIGURED = {"ANSIBLE_CONFIG": TOP / "ansible.cfg"}


def play(builders: Builders, name: str, *arguments: str, **variables: Any) -> Run:
    """Run a playbook of this collection with the configuration of a clone."""
    extra = ("-e", json.dumps(variables)) if variables else ()
    return ansible("playbook", f"playbooks/{name}.yml", *extra, *arguments, folder=builders.folder)


def run_tasks(folder: Path, *tasks: dict[str, Any], arguments: tuple[str, ...] = (), **options: Any) -> Run:
    """Run tasks in a new play."""
    (folder / "own.yml").write_text(
        json.dumps([{"name": "Own", "hosts": "builders", "gather_facts": False, "tasks": tasks}])
    )
    return ansible("playbook", folder / "own.yml", *arguments, folder=folder, **options)


def end(done: Run) -> list[str]:
    """Return the lines of the summary, unwrapped and without durations."""
    title = re.search(r"^\S+\.yml: \d+ hosts?.*$", done.stdout, re.MULTILINE)
    assert title, done.output
    text = done.stdout[title.start() :].replace("\n    ", " ").rstrip()
    return re.sub(r" \([^()]+ (?:s|min)(, check mode)?\)$", r"\1", text, flags=re.MULTILINE).split("\n")


def test_an_announcement_ends_with_its_recipients_and_ids(builders: Builders) -> None:
    words = {"subject": "Restart", "body": "Soon.", "key": "restart"}
    checked = play(builders, "announce", "--check", **words)
    assert end(checked) == [
        "announce.yml: 2 hosts, check mode",
        "  build1: would have told build2: Restart",
        "  build2: would have told build1: Restart",
    ]
    done = play(builders, "announce", **words)
    ids = {message["from"]: message["id"] for message in builders.messages()}
    assert end(done) == [
        "announce.yml: 2 hosts",
        f"  build1: told build2: Restart ({ids['build1']})",
        f"  build2: told build1: Restart ({ids['build2']})",
    ]
    assert done.stdout.startswith("Announce\n") and "TASK" not in done.stdout, done.stdout
    again = play(builders, "announce", **words)
    assert end(again)[1] == f"  build1: had told build2 before: Restart ({ids['build1']})"


def test_answers_end_with_what_was_answered_declined_and_left(trusted: Builders) -> None:
    with trusted.host("build1") as host:
        asked = {"action": "status_report"}
        send(host, Draft("Status?", "How are you?", "request", request=asked), ["build2"])
        send(host, Draft("Install sudo", "Please.", "request"), ["build2"])
        send(host, Draft("Coffee?", "Now.", "request"), ["build2"])
    done = play(trusted, "respond")
    assert done.code == 0, done.output
    text = "\n".join(end(done))
    assert re.search(rf"^  build2: answered build1: Re: Status\? \({ID}\)$", text, re.MULTILINE), text
    assert re.search(rf"^  build2: declined build1: Re: Install sudo \({ID}\)$", text, re.MULTILINE), text
    assert "  build2: left 1 message to its manager" in text and "  build1: unchanged" in text
    assert re.search(rf"^  1\. \[request\] from build1 at .*\({ID}\).*: Coffee\?$", done.stdout, re.MULTILINE)


def test_a_set_up_ends_with_what_was_done_and_who_was_not_reached(tmp_path: Path) -> None:
    builders = Builders(tmp_path, ("build1", "build2"))
    first = play(builders, "setup", "-l", "build1")
    assert first.code == 0, first.output
    lines = end(first)
    assert lines[0] == "setup.yml: 1 host, 1 changed"
    assert re.match(r"  build1: changed \d\d?: .*, .* and \d+ more$", lines[1]), lines
    assert first.stdout.count("The fleet is divided: build2") == 1
    again = play(builders, "setup", "-l", "build1")
    assert end(again) == ["setup.yml: 1 host", "  build1: unchanged"]
    assert again.stdout.startswith("Set up the build servers\n") and "TASK" not in again.stdout


def test_a_comparison_is_printed_and_ends_with_its_recipients(tmp_path: Path) -> None:
    builders = make_builders(tmp_path)
    done = play(builders, "check_environment", tell=True)
    assert done.code == 0, done.output
    assert "compared: 2 servers, build1 build2\nidentical: " in done.stdout
    assert re.fullmatch(rf"  build1: told build2: .* \({ID}\)", end(done)[1])
    assert end(play(builders, "check_environment"))[1:] == ["  build1, build2: unchanged"]


def test_packages(builders: Builders) -> None:
    done = play(builders, "install_packages", packages=["jq"])
    assert done.code == 0, done.output
    text = "\n".join(end(done))
    assert re.search(rf"^  build1: told build2: Installed: jq \({ID}\)$", text, re.MULTILINE)
    assert "build1: \n" not in done.stdout and "jq version 1.0 is installed on build1." in done.stdout
    assert "install_packages.yml: 2 hosts, 2 changed" in text


def test_a_build_ends_with_its_result_and_its_error_says_where_to_look(builders: Builders) -> None:
    words = {"source": str(builders.folder), "job": "job_1"}
    good = play(builders, "run_build", "-l", "build1", command="true", **words)
    assert good.code == 0, good.output
    assert re.fullmatch(r"  build1: ran job_1: success after \d+ s", end(good)[1])
    assert "job_1 success on build1 after " in good.stdout
    bad = play(builders, "run_build", "-l", "build1", command="echo no room; exit 3", **{**words, "job": "job_2"})
    assert bad.code != 0
    lines = end(bad)
    assert lines[0] == "run_build.yml: 1 host, 1 failed"
    assert re.fullmatch(r"  build1: ran job_2: failed after \d+ s", lines[1])
    assert lines[2:] == [
        "  build1: FAILED: Fail if the build failed",
        "To see what each task did, run this again with -v.",
    ]
    log = builders.folder / "build1" / "build-logs" / "job_2.log"
    place = rf"^  at {TOP}/\S*playbooks/run_build.yml:\d+$"
    assert f"  job_2 failed on build1: exit code 3. Log: {log}" in bad.stdout
    assert re.search(place, bad.stdout, re.MULTILINE), bad.stdout


def test_the_other_plays(tmp_path: Path) -> None:
    builders = make_builders(tmp_path)
    all_beat(builders, after_keys())
    health = play(builders, "health")
    assert health.code == 0 and "build2  ok" in health.stdout and end(health)[1:] == ["  build1, build2: unchanged"]
    recovered = "\n".join(end(play(builders, "recover")))
    assert "recover.yml: 2 hosts, 2 changed" in recovered and ": changed " in recovered
    rotated = "\n".join(end(play(builders, "trust", build_trust_rotate="build1")))
    assert "trust.yml: 3 hosts, 3 changed" in rotated and "Install the key" in rotated
    removed = "\n".join(end(play(builders, "teardown", "-l", "build2", remove_data=True)))
    assert re.search(r"^  build2: changed \d: .*Remove the data", removed, re.MULTILINE), removed


def test_errors_are_printed_once_and_each_is_named_at_the_end(builders: Builders) -> None:
    """A handled error, an ignored one, one in a loop, and an unreachable host."""
    only1, only2 = ({"when": f"inventory_hostname == '{server}'"} for server in builders.ids)
    fail = {"ansible.builtin.command": "sh -c 'echo first; echo no room >&2; exit 3'"}
    unreachable = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    done = run_tasks(
        builders.folder,
        {"name": "Handle", "block": [{"name": "Try", **fail}], "rescue": [{"ansible.builtin.meta": "noop"}], **only1},
        {"name": "Ignore", **fail, "ignore_errors": True, **only1},
        {"name": "Go away", "ansible.builtin.ping": None, "vars": unreachable, **only2},
        {"name": "Loop", "ansible.builtin.fail": {"msg": "no {{ item }}"}, "loop": ["a", "b"]},
    )
    assert done.code != 0
    assert end(done) == [
        "own.yml: 2 hosts, 1 failed, 1 unreachable",
        "  build1: error handled: Try",
        "  build1: error ignored: Ignore",
        "  build1: FAILED: Loop",
        "  build2: UNREACHABLE: Go away",
        "To see what each task did, run this again with -v.",
    ]
    assert done.stdout.count("\n  no room\n") == 2 and "  Command: sh -c " in done.stdout
    assert "  With a:\n  no a\n  With b:\n  no b\n  at " in done.stdout


def test_what_no_log_hides_and_secrets_are_not_printed(builders: Builders) -> None:
    secret = {"name": "Hide", "ansible.builtin.command": f"echo {TOKEN} unspoken", "no_log": True}
    loop = {"name": "Loop", "ansible.builtin.command": "echo {{ item }}", "loop": ["unspoken"], "no_log": True}
    file = {"content": "unspoken", "dest": str(builders.folder / "{{ inventory_hostname }}.txt")}
    compared = {"content": f"{TOKEN}\n", "dest": str(builders.folder / "{{ inventory_hostname }}.new")}
    done = run_tasks(
        builders.folder,
        secret,
        loop,
        {"name": "Copy", "ansible.builtin.copy": file, "no_log": True},
        {"name": "Say", "ansible.builtin.debug": {"msg": f"The token is {TOKEN}."}},
        {"name": "Show", "ansible.builtin.debug": {"msg": {"lines": f"first\n{TOKEN}\n"}}},
        {"name": "Compare", "ansible.builtin.copy": compared},
        {"name": "Say nothing", "ansible.builtin.debug": {"msg": "unspoken"}, "no_log": True},
        {"name": "Fail", "ansible.builtin.command": f"sh -c 'echo {TOKEN} >&2; exit 1'"},
        {"name": "Not reached", "ansible.builtin.ping": None},
        arguments=("--diff",),
    )
    assert done.code != 0 and TOKEN not in done.output and "unspoken" not in done.output, done.output
    assert done.stdout.count("[redacted: ") >= 6
    failing = run_tasks(builders.folder, {**secret, "ansible.builtin.command": f"false {TOKEN} unspoken"})
    assert failing.code != 0 and TOKEN not in failing.output and "no_log: true" in failing.stdout


def test_text_of_others_cannot_steer_the_terminal(builders: Builders) -> None:
    hostile = "a\x1b[2J\u202eb\rc"
    tasks = [{"name": "Say", "ansible.builtin.debug": {"msg": [hostile, "next"]}}]
    done = run_tasks(builders.folder, *tasks, {"name": hostile, "ansible.builtin.fail": {"msg": hostile}})
    assert not set("\x1b\u202e\r") & set(done.output), done.output
    assert "  a\\x1b[2J\\u202eb\\rc\n  next\n" in done.stdout


def test_differences_are_printed(builders: Builders) -> None:
    file = {"content": "new\n", "dest": str(builders.folder / "{{ inventory_hostname }}.txt")}
    task = {"name": "Copy", "ansible.builtin.copy": file}
    done = run_tasks(builders.folder, task, arguments=("--check", "--diff", "-l", "build1"))
    assert "build1: Copy\n--- before\n+++ after: " in done.stdout and "\n+new\n" in done.stdout
    assert end(done) == ["own.yml: 1 host, 1 would change, check mode", "  build1: would change 1: Copy"]


def test_debug_shows_values(builders: Builders) -> None:
    tasks = (
        {"ansible.builtin.debug": {"var": "builders_partner"}},
        {"ansible.builtin.debug": {"msg": {"a": 1}}, "run_once": True},
        {"ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": ["one", "two"], "run_once": True},
    )
    done = run_tasks(builders.folder, *tasks, arguments=("-l", "build1"))
    assert '"builders_partner": "build2"' in done.stdout
    assert '"a": 1' in done.stdout and "\none\ntwo\n" in done.stdout


def test_with_v_the_output_is_the_usual_one(builders: Builders) -> None:
    done = play(builders, "announce", "-v", subject="Restart", body="Soon.")
    assert done.code == 0, done.output
    assert "TASK [Send the announcement]" in done.stdout and "changed: [build1] => {" in done.stdout
    assert "PLAY RECAP" in done.stdout and "build1: told" not in done.stdout


def test_the_choice_of_the_user_and_single_modules_are_as_they_were(builders: Builders) -> None:
    chosen = ansible("playbook", "playbooks/announce.yml", folder=builders.folder, ANSIBLE_STDOUT_CALLBACK="oneline")
    assert "build1 | CHANGED => {" in chosen.stdout and "announce.yml: " not in chosen.stdout
    assert ad_hoc(builders.folder, "build1", "build_message").stdout.startswith("build1 | SUCCESS => {\n")


def test_on_a_terminal_one_line_shows_what_runs(builders: Builders) -> None:
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", "ansible", "playbook", "-i", LOCAL_INVENTORY, "playbooks/announce.yml")
    variables = environment(builders.folder / "home", ACS_BUILDERS_SCRATCH=builders.folder, TERM="xterm", **CONFIGURED)
    with subprocess.Popen(command, cwd=TOP, env=variables, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b"")).decode()
    os.close(ours)
    assert process.returncode == 0, shown
    progress = [part.rstrip("\r") for part in shown.split("\r\x1b[K") if part.endswith("\r") and "\n" not in part]
    assert any(re.fullmatch(r"\d+ (s|min)  Send the announcement", part) for part in progress), shown
    lasting = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown.rpartition("\r\x1b[K")[0])
    assert "announce.yml: 2 hosts (" in lasting and "\x1b[0;33m" in shown, "with colours"


def read(descriptor: int) -> bytes:
    """Return output of a terminal, or nothing after its programs have ended (Linux reports an error)."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
