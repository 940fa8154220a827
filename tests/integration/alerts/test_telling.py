"""Test that one service of a fleet reports each change once, also when a service dies in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.alerting import RECORD, Fleet
from ansible_collections.acs.builders.tests.ansible_runner import module_variables
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.python_server import COMMAND
from ansible_collections.acs.builders.tests.running_service import Service
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

STALE, BACK = "build3 is stale", "Resolved: build3 is stale"


def alert_stale(fleet: Fleet, running: Service) -> None:
    """Make build3 stale, and wait until build1 has sent the alert."""
    running.next_beat()  # it has read the heartbeat

    def noticed() -> bool:
        fleet.silence("build1")
        fleet.cycle(running)
        return bool(fleet.alert_texts("build1"))

    until(noticed, "no alert")


def queue_alert(fleet: Fleet, running: Service) -> None:
    """Make build3 stale, and wait until build1 has queued the alert."""
    running.next_beat()  # it has read the heartbeat

    def decided() -> bool:
        fleet.silence("build1")
        running.next_beat()
        path = fleet.builders.state("build1") / "alert_deliveries.json"
        return path.exists() and "server/build3" in path.read_text()

    until(decided, "no alert")


def recorded(fleet: Fleet) -> dict[str, dict[str, str]]:
    """Return the result of each alert by way, as recorded by the fleet."""
    alerts = json.loads(git("show", "refs/alerts/told:alerts.json", cwd=fleet.builders.remote))["alerts"]
    return {key: alert["ways"] for key, alert in alerts.items()}


def run_cycles(fleet: Fleet, running: Service, server: str = "build1") -> None:
    """Run three more cycles of a server."""
    for _cycle in range(3):
        fleet.cycle(running, server)


def set_failures(fleet: Fleet, way: str, **changes: object) -> None:
    """Change the failures of a way recorded by build1, so that its next attempt does not depend on the time."""
    record = fleet.builders.state("build1") / "alerts.json"
    known = json.loads(record.read_text())
    known["failures"][way].update(changes)
    record.write_text(json.dumps(known))


def test_a_server_falls_silent_and_comes_back(fleet: Fleet) -> None:
    """Only the first server sends both alerts, once by every way; a restart repeats nothing."""
    ways = [fleet.way("build1"), fleet.chat_way(), fleet.mail_way("build1")]
    with fleet.service("build2", interval=1) as other:
        with fleet.service("build1", *ways) as running:
            alert_stale(fleet, running)
            fleet.silence("build1")
            run_cycles(fleet, running)
            assert fleet.alert_texts("build1") == [STALE]
            (given,) = (one for one in map(json.loads, fleet.written("build1")) if one["kind"] == "server")
            assert {name: given[name] for name in ("event", "kind", "server", "by")} == {
                **{"event": "open", "kind": "server"},
                **{"server": "build3", "by": "build1"},
            }
        with fleet.service("build1", *ways) as running:
            fleet.silence("build1")
            run_cycles(fleet, running)
            assert fleet.alert_texts("build1") == [STALE]
            fleet.beat()
            run_cycles(fleet, running)
        assert other.beat()["alerts"] is True
        fleet.deliver("build2")
    assert fleet.alert_texts("build1") == [STALE, BACK]
    assert fleet.alert_texts("build2") == []
    assert [post["text"].splitlines()[0] for post in fleet.chat.posts] == [
        f"[acs.builders] {STALE}",
        f"[acs.builders] {BACK}",
    ]
    assert [mail["Subject"] for mail in fleet.mails("build1")] == [f"[acs.builders] {STALE}", f"[acs.builders] {BACK}"]
    assert fleet.mails("build1")[0]["To"] == "ops@example.com, boss@example.com"
    assert set((fleet.builders.folder / "build1" / "sendmail.options").read_text().splitlines()) == {"-oi -t"}


def test_the_next_server_sends_when_the_first_dies(fleet: Fleet) -> None:
    with fleet.service("build2") as second:
        with fleet.service("build1", interval=1) as first:
            second.next_beat()

            def noticed() -> bool:
                fleet.silence("build1")
                fleet.deliver("build1")
                return bool(fleet.alert_texts("build1"))

            until(noticed, "no alert")
            until(lambda: recorded(fleet)["server/build3"] == {"command": "told"}, "not recorded")
            first.process.send_signal(signal.SIGKILL)
            first.process.wait(LIMIT)

        def took_over() -> bool:
            fleet.silence("build2", "build1")
            fleet.silence("build2", "build3")
            fleet.cycle(second, "build2")
            return bool(fleet.alert_texts("build2"))

        until(took_over, "no alert by the second server")
        assert fleet.alert_texts("build2") == ["build1 is stale"]
        with fleet.service("build1", interval=1):

            def is_back() -> bool:
                fleet.cycle(second, "build2")
                fleet.deliver("build1")
                return "Resolved: build1 is stale" in [*fleet.alert_texts("build1"), *fleet.alert_texts("build2")]

            until(is_back, "no alert about its return")
            run_cycles(fleet, second, "build2")
    everything = [*fleet.alert_texts("build1"), *fleet.alert_texts("build2")]
    assert sorted(everything) == ["Resolved: build1 is stale", "build1 is stale", STALE]


def test_overdue_mail_a_failed_build_and_a_question(fleet: Fleet) -> None:
    hostile = "@channel <!channel> Bcc: x"
    kinds = ["mail", "build", "question"]
    ways = [fleet.way("build1", kinds=kinds), {"name": "chat", "webhook": fleet.chat.url, "kinds": kinds}]
    with fleet.builders.host("build2") as host:
        write_status(host, Report("building", job="job_1"))
        write_status(host, Report("failed", job="job_1"))
    with fleet.service("build1", *ways, reply_deadline=1) as running:
        fleet.cycle(running)
        assert fleet.alert_texts("build1") == ["A build of build2 failed"]
        with fleet.builders.host("build3") as host:
            message_id = send(host, Draft(hostile, "x"), ["build2"]).result[0].id
            question_id = send(host, Draft("May I?", "x", needs="operator"), ["operator"]).result[0].id
        until(lambda: fleet.cycle(running) and len(fleet.alert_texts("build1")) >= 3, "not told")
        assert sorted(fleet.alert_texts("build1")[1:]) == ["1 message to build2 overdue", "build3 asks the operator"]
        with fleet.builders.host("build2") as host:
            write_status(host, Report("building", job="job_2"))
            write_status(host, Report("success", job="job_2"))
            mark_read(host, [message_id])
        with fleet.builders.host("operator") as host:
            answer_id = reply(host, question_id, Draft("", "Yes.")).result[0].id
        with fleet.builders.host("build3") as host:
            mark_read(host, [answer_id])
        run_cycles(fleet, running)
    ended = ["1 message to build2 overdue", "A build of build2 failed", "build3 asks the operator"]
    assert sorted(fleet.alert_texts("build1")[3:]) == [f"Resolved: {text}" for text in ended]
    (post,) = (
        post["text"] for post in fleet.chat.posts if "1 message" in post["text"] and "Resolved" not in post["text"]
    )
    assert post.splitlines()[1:3] == ["```", f"from build3: @channel &lt;!channel&gt; Bcc: x ({message_id})"]


def test_killed_between_sending_and_recording(fleet: Fleet) -> None:
    """The alert may have been sent, so it is not repeated; an alert of its own reports the uncertainty."""
    kill = f"{RECORD}; if grep -q stale {{0}}.txt && [ -e {{0}}.kills ]; then rm {{0}}.kills; kill -9 $PPID; fi"
    with fleet.service("build1", fleet.way("build1", script=kill)) as running:
        (fleet.builders.folder / "build1" / "command.kills").touch()
        queue_alert(fleet, running)
        fleet.deliver("build1", code=-signal.SIGKILL)
        assert fleet.alert_texts("build1") == [STALE]
        fleet.deliver("build1")
        fleet.silence("build1")
        run_cycles(fleet, running)
        assert fleet.alert_texts("build1") == [STALE, f"build1 may not have sent by command: {STALE}"]
        run_cycles(fleet, running)
        assert len(fleet.alert_texts("build1")) == 2


@pytest.mark.parametrize("when", ["recorded", "handed over"])
def test_the_service_is_killed_before_it_is_sent(fleet: Fleet, when: str) -> None:
    """An alert that is recorded but not sent is sent once after a restart."""
    with fleet.service("build1") as running:
        queue_alert(fleet, running)
        running.process.kill()
    if when == "recorded":
        for name in ("alerts.json", "alert_deliveries.json", "alerts_waiting.json"):
            (fleet.builders.state("build1") / name).unlink()
    with fleet.service("build1") as running:
        fleet.deliver("build1")
        fleet.silence("build1")
        run_cycles(fleet, running)
    assert fleet.alert_texts("build1") == [STALE]


def test_a_way_that_hangs_delays_nothing_and_is_ended(fleet: Fleet) -> None:
    hangs = fleet.way("build1", "hangs", "echo $$ >> {0}.pids; sleep 1000 & wait", timeout=3)
    with fleet.service("build1", hangs, fleet.way("build1")) as running:
        queue_alert(fleet, running)
        command = [sys.executable, "-m", COMMAND, "--config", str(fleet.builders.folder / "build1" / "builderctl.json")]
        with subprocess.Popen([*command, "alerts", "--deliver"], env=module_variables(fleet.builders)) as delivering:
            pids = fleet.builders.folder / "build1" / "hangs.pids"
            until(pids.exists, "no call")
            running.next_beat()
            assert delivering.wait(LIMIT) == 0
        (pid,) = pids.read_text().split()
        until(lambda: not Path("/proc", pid).exists(), "the way still runs")
        assert fleet.alert_texts("build1") == [STALE]
        fleet.silence("build1")
        found = fleet.cycle(running)
        message = "Alerts cannot be sent by the way hangs (it did not end within 3 s)"
        assert any(message in problem for problem in found["problems"])
        set_failures(fleet, "hangs", number=7)  # the next attempt is in an hour
        run_cycles(fleet, running)
        assert fleet.alert_texts("build1") == [STALE, "build1 cannot send alerts by the way hangs"]
        assert pids.read_text().split() == [pid], "it was called again too early"


def test_a_way_that_fails_is_tried_again(fleet: Fleet) -> None:
    fleet.chat.answer = 500
    with fleet.service("build1", fleet.chat_way(), fleet.way("build1")) as running:
        alert_stale(fleet, running)
        found = fleet.cycle(running)
        assert any("by the way chat (the server answered 500)" in problem for problem in found["problems"])
        assert fleet.chat.url not in json.dumps(found) + (fleet.builders.state("build1") / "alerts.json").read_text()
        set_failures(fleet, "chat", number=7)  # the next attempt is in an hour
        run_cycles(fleet, running)
        assert len(fleet.chat.paths) == 1
        fleet.chat.answer = 200
        set_failures(fleet, "chat", last="2026-01-01T00:00:00Z")
        fleet.silence("build1")
        run_cycles(fleet, running)
        assert [post["text"].splitlines()[0] for post in fleet.chat.posts] == [f"[acs.builders] {STALE}"]
        assert not any("way chat" in problem for problem in running.next_beat()["problems"])
        assert fleet.alert_texts("build1") == [
            STALE,
            "build1 cannot send alerts by the way chat",
            "Resolved: build1 cannot send alerts by the way chat",
        ]


def test_a_full_disk(fleet: Fleet, covered: list[str]) -> None:
    """An alert that cannot be recorded is not sent; it is sent once when there is space again."""
    with fleet.service("build1") as running:
        queue_alert(fleet, running)
    state, folder = fleet.builders.state("build1"), fleet.builders.folder
    command = f"{sys.executable} -m {COMMAND} --config {folder}/build1/builderctl.json alerts --deliver"
    script = f"""
        set -eu
        cp -a {state} {folder}/kept
        mount -t tmpfs -o size=4m tmpfs {state}
        cp -a {folder}/kept/*.json {state}
        cat /dev/zero > {state}/filler 2>/dev/null || true
        if {command}; then exit 1; fi
        test ! -e {folder}/build1/command.txt
        rm {state}/filler
        {command}
        {command}
    """
    done = subprocess.run(
        [*covered, "sh", "-c", script],
        env=module_variables(fleet.builders),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stderr
    assert fleet.alert_texts("build1") == [STALE]
