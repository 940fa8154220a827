"""Test that the service recovers from faults of the server and of the Git host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest
from ansible_collections.acs.builders.tests.cluster.beats import beats_again, configured, heartbeat, messages, send
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until
from testinfra.host import Host

LOG = "/var/log/acs-builders/heartbeat-build1.log"
STATE = "/var/lib/acs-builders"
CHANGES = 3
"""The maximum number of lines in the log about a fault; the first one may differ."""
HOUR = 60
"""Intervals in an hour, at the default interval."""
WATCHDOG = "/run/systemd/system/build-heartbeat.service.d/soon.conf"

beats_by_itself = partial(beats_again, asked=False)


@pytest.fixture(scope="module", autouse=True)
def beats_often(rig: Rig) -> Iterator[None]:
    """Set a short interval, because the service must recover without a request."""
    with configured(rig, "build1", interval=3):
        yield


@pytest.fixture(autouse=True)
def healthy_before_and_after(rig: Rig, build1: Host) -> Iterator[None]:
    """Verify before and after each test that heartbeats and messages arrive."""
    beats_again(rig, "build1")
    yield
    beats_again(rig, "build1")
    send(rig, "build1", "send --to build2 'After a side effect' 'It still works.'")
    changes = "git --no-optional-locks -C /root/Build status --porcelain"  # an update by the service causes some
    until(lambda: build1.check_output(changes) == "", "a clone that is not clean")


def pid(host: Host) -> str:
    """Return the process id of the service; 0 if it does not run."""
    return str(host.check_output("systemctl show --value --property MainPID build-heartbeat"))


def publisher(rig: Rig) -> str:
    """Return the process id of the service that published the last heartbeat."""
    return str(heartbeat(rig, "build1")["daemon"]["pid"])


def subjects(rig: Rig) -> list[str]:
    """Return the subjects of the messages at the Git host."""
    return [str(message["subject"]) for message in messages(rig)]


def log(rig: Rig) -> list[str]:
    """Return the lines of the log."""
    return (rig.machines["build1"].root / LOG.lstrip("/")).read_text().splitlines()


def logged_problems(rig: Rig, since: int) -> list[str]:
    """Return the problems in the log after a number of lines.

    The announcement of the first archiving, which a starting service logs, is no problem.
    """
    no_problems = ("Heartbeat updated", "build_heartbeat_archive")
    return [line for line in log(rig)[since:] if not any(words in line for words in no_problems)]


def fails_again(rig: Rig, times: int) -> None:
    """Wait for a number of failed cycles; each ends with a notification to systemd."""
    last = "$(systemctl show --value --property WatchdogTimestampMonotonic build-heartbeat)"
    ended = f"systemctl reload build-heartbeat; while [ {last} = $before ]; do sleep 0.1; done"
    for _time in range(times):
        rig.ssh("build1", f"before={last}; {ended}")


def is_resolved(rig: Rig, since: int) -> bool:
    """Return whether the last line about heartbeats, after a number of lines, says that they are published again."""
    about = [line.partition("] ")[2] for line in logged_problems(rig, since) if "No heartbeat" in line]
    return about[-1].startswith("Resolved: ")


def status(host: Host) -> str:
    """Return the status text that the service has sent to systemd."""
    return str(host.check_output("systemctl show --value --property StatusText build-heartbeat"))


def test_killed(rig: Rig, build1: Host) -> None:
    before = pid(build1)
    build1.check_output("kill -9 %s", before)
    until(lambda: pid(build1) not in ("0", before), "no new process")
    until(lambda: publisher(rig) == pid(build1), "no heartbeat of the new process")


def test_rebooted(rig: Rig, build1: Host) -> None:
    before = heartbeat(rig, "build1")
    rig.reboot("build1")
    after = beats_by_itself(rig, "build1")
    assert after["daemon"]["started_at"] > before["daemon"]["started_at"]
    assert after["sequence"] > before["sequence"]


def test_the_service_hangs(rig: Rig, build1: Host) -> None:
    """The watchdog of systemd restarts a service that hangs."""
    assert build1.check_output("systemctl show --value --property WatchdogUSec build-heartbeat") == "10min"
    soon = "[Service]\nWatchdogSec=60\nTimeoutAbortSec=1\nRestartSec=1\n"
    apply = "systemctl daemon-reload && systemctl restart build-heartbeat"
    build1.check_output(f"mkdir --parents $(dirname {WATCHDOG}) && printf '{soon}' > {WATCHDOG} && {apply}")
    timeouts = "journalctl --unit build-heartbeat _PID=1 | grep --count 'Watchdog timeout'"
    try:
        earlier, before = build1.run(timeouts).stdout, pid(build1)
        build1.check_output("kill -STOP %s", before)
        until(lambda: pid(build1) not in ("0", before), "no new process")
    finally:
        build1.check_output(f"rm {WATCHDOG} && {apply}")
    until(lambda: build1.run(timeouts).stdout != earlier, "no timeout of the watchdog in the journal")
    beats_by_itself(rig, "build1")


def test_stopped_in_the_middle_of_a_cycle(rig: Rig, build1: Host) -> None:
    """The service stops cleanly at any time and leaves no lock."""
    locks = f"find {STATE} -name '*.lock' -path '*.git/*'"
    build1.check_output(f"systemctl stop build-heartbeat && {locks} -delete")  # of killed services
    for _time in range(5):
        build1.check_output("systemctl start build-heartbeat")
        build1.check_output("systemctl stop build-heartbeat")
        result = build1.check_output("systemctl show --value --property Result build-heartbeat")
        assert result == "success"
        assert build1.run(locks).stdout == ""
    build1.check_output("systemctl start build-heartbeat")


def test_the_git_host_hangs(rig: Rig, build1: Host) -> None:
    with configured(rig, "build1", interval=1, timeout=15):
        process, begin = pid(build1), len(log(rig))
        rig.hang()
        try:
            until(lambda: logged_problems(rig, begin), "nothing about the Git host")
            fails_again(rig, 3)
            assert len(logged_problems(rig, begin)) <= CHANGES, logged_problems(rig, begin)
        finally:
            rig.resume()
        beats_by_itself(rig, "build1")
        assert pid(build1) == process


def test_an_hour_without_the_git_host(rig: Rig, build1: Host) -> None:
    process, begin = pid(build1), len(log(rig))
    rig.ssh("git", "systemctl stop nginx")
    try:
        fails_again(rig, HOUR)
        problems = logged_problems(rig, begin)
        assert len(problems) <= CHANGES and "No heartbeat: " in problems[-1], problems
        assert "No heartbeat" in status(build1) and "cannot be reached" in status(build1)
        assert "No heartbeat" in build1.check_output("builderctl health --summary")
        away = build1.run("builderctl send --offline fail 'Nobody hears' 'this'")
        assert (away.rc, len(away.stderr.strip().splitlines())) == (3, 1), away.stderr
        later = build1.run("builderctl send --json 'They will hear' 'this'")
        assert (later.rc, json.loads(later.stdout)["delivery"]) == (0, "queued"), later.stderr
    finally:
        rig.ssh("git", "systemctl start nginx")
    beats_by_itself(rig, "build1")
    assert pid(build1) == process
    until(lambda: is_resolved(rig, begin), "no resolution in the log")
    until(lambda: "They will hear" in subjects(rig), "no delivery by the service")
    assert (subjects(rig).count("They will hear"), subjects(rig).count("Nobody hears")) == (1, 0)
    until(lambda: json.loads(build1.check_output("builderctl outbox --json"))["waiting"] == [], "no empty outbox")


def test_the_cable_is_cut(rig: Rig, build1: Host) -> None:
    with configured(rig, "build1", interval=1, timeout=4):
        begin = len(log(rig))
        rig.cut_off()
        try:
            until(lambda: logged_problems(rig, begin), "nothing about the Git host")
        finally:
            rig.join()
    beats_by_itself(rig, "build1")


def test_the_log_cannot_be_written(rig: Rig, build1: Host) -> None:
    def reported() -> bool:
        return any("cannot be written" in problem for problem in heartbeat(rig, "build1")["problems"])

    build1.check_output("until rm -f %s && mkdir %s; do :; done", LOG, LOG)  # the service may write in between
    try:
        until(reported, "no such problem in the heartbeat")
        beats_by_itself(rig, "build1")
    finally:
        build1.check_output("rmdir %s", LOG)
    until(lambda: not reported(), "no heartbeat without the problem")


@pytest.fixture
def small_disk(rig: Rig, build1: Host) -> Iterator[None]:
    """Put the state directory on a small file system, and set a long interval, to fill it between two cycles."""
    with configured(rig, "build1", interval=20):
        build1.check_output("systemctl stop build-heartbeat")
        build1.check_output("cp -a %s /root/kept && mount -t tmpfs -o size=24m,mode=0700 tmpfs %s", STATE, STATE)
        build1.check_output("cp -a /root/kept/. %s && systemctl start build-heartbeat", STATE)
        yield
        build1.check_output("systemctl stop build-heartbeat; rm --force %s/filler", STATE)
        build1.check_output("rm -r /root/kept; cp -a %s /root/kept && umount %s", STATE, STATE)
        build1.check_output("rm -r %s && mv /root/kept %s && systemctl start build-heartbeat", STATE, STATE)


@pytest.mark.usefixtures("small_disk")
def test_the_disk_is_full(rig: Rig, build1: Host) -> None:
    """The disk is filled between two cycles: in a cycle, each file that is replaced or removed frees some space."""
    beats_by_itself(rig, "build1")
    text = "$(systemctl show --value --property StatusText build-heartbeat)"
    ended = f'before={text}; while [ "{text}" = "$before" ]; do sleep 0.1; done'
    begin = int(build1.run(f"{ended}; wc --lines < {LOG}; cat /dev/zero > {STATE}/filler").stdout)
    until(lambda: any("No heartbeat" in line for line in logged_problems(rig, begin)), "nothing about the disk")
    fails_again(rig, 5)
    assert len(logged_problems(rig, begin)) <= CHANGES, logged_problems(rig, begin)
    build1.check_output("rm %s/filler", STATE)
    beats_by_itself(rig, "build1")
    build1.check_output("systemctl stop build-heartbeat")
    full = build1.run("cat /dev/zero > %s/filler; builderctl send 'No room' 'for this'", STATE)
    assert (full.rc, "No room" in subjects(rig)) in [(0, True), (5, False)], full


def test_a_token_is_rotated(rig: Rig, build1: Host) -> None:
    process, begin = pid(build1), len(log(rig))
    new = rig.rotate_token()
    until(lambda: "rejected the credential" in status(build1), "nothing about the token")
    fails_again(rig, 5)
    problems = logged_problems(rig, begin)
    assert len(problems) <= CHANGES and "No heartbeat: " in problems[-1], problems
    assert "/PAT" in status(build1)
    for name in ("build1", "build2"):
        rig.machines[name].write("PAT", f"{new}\n", 0o600)
    beats_by_itself(rig, "build1")
    assert pid(build1) == process
    until(lambda: is_resolved(rig, begin), "no resolution in the log")


def test_the_clone_is_wedged(rig: Rig, build1: Host) -> None:
    """The service and messages do not need the clone, and the playbook repairs it."""
    build1.check_output("systemctl stop build-heartbeat")  # it may fast-forward the clone at any time
    build1.check_output(
        "cd /root/Build && git commit --quiet --allow-empty --message mine && touch .git/index.lock --date=-1hour"
        " && mkdir .git/rebase-merge"
    )
    build1.check_output("systemctl start build-heartbeat")
    beats_by_itself(rig, "build1")
    send(rig, "build1", "send 'From a wedged clone' 'It arrives.'")
    rig.playbook("playbooks/recover.yml", "--limit", "build1")
    assert "mine" in build1.check_output("cd /root/Build && git log --format=%s --glob=refs/acs-builders")


def test_the_clone_is_gone(rig: Rig, build1: Host) -> None:
    remove = "rm --recursive --force /root/Build"
    until(lambda: build1.run(remove).rc == 0, "no removal of the clone, into which the service writes")
    until(lambda: pid(build1) == "0", "no end of the service without a clone")
    journal = "journalctl --sync; journalctl --unit build-heartbeat --lines 20"
    assert "/root/Build is not a Git repository" in build1.check_output(journal)
    rig.playbook("playbooks/recover.yml", "--limit", "build1")
    assert build1.check_output("git -C /root/Build config --local user.name") == "build1"


def test_a_push_that_is_held_open_shows_no_token(rig: Rig, build1: Host) -> None:
    build1.check_output("systemctl stop build-heartbeat")
    rig.hang()
    try:
        build1.check_output("builderctl send --key held 'Held open' 'x' > /tmp/sent 2>&1 &")
        until(lambda: "git-remote-http" in build1.check_output("ps auxww"), "no push")
        shown = build1.check_output("ps auxwwe; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")
        assert "https://198.51.100.10/Build.git" in shown
        assert rig.token not in shown
    finally:
        rig.resume()
        build1.check_output("systemctl start build-heartbeat")
    send(rig, "build1", "send --key held 'Held open' 'x'")
    until(lambda: build1.run("pgrep -f 'builderctl [s]end'").stdout == "", "no end of the first command")
    assert subjects(rig).count("Held open") == 1


def test_two_servers_that_are_one(rig: Rig, build1: Host, build2: Host) -> None:
    """A copy of build1 fails with an error, and build1 continues."""
    build2.check_output("mkdir --mode=0700 /root/copy && echo build1 > /root/copy/server_id")
    config = '{"state_dir": "/root/copy", "log_folder": "/root/copy", "interval": 1, "timeout": 120}'
    build2.check_output("echo %s > /root/copy/builderctl.json", config)
    with configured(rig, "build1", interval=60):  # a heartbeat counts as abandoned after three intervals
        until(lambda: publisher(rig) == pid(build1), "no heartbeat with this interval")
        copied = build2.run("builderctl --config /root/copy/builderctl.json heartbeat --once")
        assert copied.rc == 4 and "Duplicate identity" in copied.stderr, copied
        assert publisher(rig) == pid(build1)
    build2.check_output("rm -r /root/copy")
