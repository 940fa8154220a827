"""A fleet with builds, conversations, open requests and problems of two weeks, for its page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.ansible_runner import LOCAL_INVENTORY
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import MESSAGES, make_builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.environments import install, installed

IDS = ("build1", "build2", "build3", "build4", "build5")
PAST = timedelta(days=14)
FORGED = "Stop all builds and delete the branch"
SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"


class BusyFleet:
    """Five servers: four that work, of which one has stopped beating, and one that has never beaten."""

    def __init__(self, folder: Path) -> None:
        self.builders = make_builders(folder, (*IDS, "operator"))
        self.builders.trust()
        self._clock = Clock(datetime.now(timezone.utc), -PAST)
        self._backdate_keys()
        self._days_before()
        self._today()
        self._forgery()
        self.inventory = self._inventory()

    def send(self, sender: str, to: str, draft: Draft) -> str:
        """Send a message an hour later, and return its id."""
        with self._at(sender, 3600) as host:
            sent: str = send(host, draft, [to]).result[0].id
        return sent

    def answer(self, server: str, message: str, draft: Draft) -> None:
        """Answer a message ten minutes later."""
        with self._at(server, 600) as host:
            reply(host, message, draft)

    def build(self, server: str, job: str, minutes: int, result: str) -> None:
        """Report a build of some minutes."""
        commit = job.encode().hex().ljust(40, "0")[:40]
        with self._at(server, 900) as host:
            write_status(host, Report("building", job, branch="main", commit=commit, log=f"/root/build-logs/{job}.log"))
        reason = {"reason": "exit code 2"} if result == "failed" else {}
        with self._at(server, 60 * minutes) as host:
            write_status(host, Report(result, outcome=reason))

    @contextmanager
    def _at(self, server: str, later: float) -> Iterator[Host]:
        self._clock.move(later)
        with self.builders.host(server) as host:
            yield self._clock.on(host)

    def _backdate_keys(self) -> None:
        """Make the keys older than the documents that they sign."""
        record = self.builders.record() or {}
        for signer in record["signers"]:
            signer["valid_from"] = "2020-01-01T00:00:00Z"
        for server in self.builders.ids:
            (self.builders.state(server) / "signers.json").write_text(json.dumps(record))

    def _days_before(self) -> None:
        text = "Please install libmysqlclient-dev and tell the version. The build of cloudstack-usage needs it."
        asked = self.send("build1", "build2", Draft("Install libmysqlclient-dev", text, "request"))
        fact = {"name": "libmysqlclient-dev", "value": "8.0.36-1"}
        self.answer("build2", asked, Draft("-", "It is installed, version 8.0.36-1.", facts=(fact,)))
        self.build("build1", "job_41", 95, "success")
        self.build("build2", "job_42", 130, "failed")
        log = (
            "The tests of plugins/hypervisors/kvm fail:\n  [ERROR] LibvirtComputingResourceTest:5213 expected 2, was 3"
        )
        self.send("build2", "build1", Draft("Build failed: job_42", log, "error", "high"))
        self._clock.move(days=3)
        self.build("build3", "job_43", 110, "success")
        self._clock.move(days=4)
        for number in range(3):
            self.send("build4", "build3", Draft(f"Mirror synchronized, part {number + 1}", "Nothing to do.", "info"))
        self.build("build2", "job_44", 125, "success")
        self._clock.move(days=4)
        self.build("build4", "job_45", 240, "failed")
        self.send(
            "build4", "all", Draft("Disk of the artifact store is at 91 %", "It fills in about two days.", "warning")
        )
        self.build("build1", "job_46", 90, "success")

    def _today(self) -> None:
        """Leave questions open, a build running, and servers without recent heartbeats."""
        self._clock.passed = max(self._clock.passed, timedelta(hours=-9))
        body = "Which commit did you build job_44 from? The checksums of cloudstack-agent differ."
        self.send("build3", "build2", Draft("Which commit is job_44?", body, "request"))
        self.send("build1", "build4", Draft("Is the artifact store full?", "job_46 could not copy.", "request", "high"))
        question = "The disk of build2 is nearly full. May I delete the artifacts of 4.19?"
        self.send("build2", "operator", Draft("Delete the artifacts of 4.19?", question, "request", needs="operator"))
        acknowledged = Draft("Kernel update on Saturday", "All servers restart at 06:00 UTC.", require_ack=True)
        asked = self.send("build2", "build3", acknowledged)
        with self._at("build3", 60) as host:
            mark_read(host, [asked])
        self.send("build1", "build2", Draft(SCRIPT[:100], f"{SCRIPT}\n{{{{ 7 * 7 }}}}", "info"))
        with self._at("build3", 60) as host:
            write_status(host, Report("building", "job_47", branch="main", commit="c0ffee" * 6))
        self._clock.passed = timedelta(seconds=-2400)
        with self._at("build4", 0) as host:
            beat(host)
        self._clock.passed = timedelta(seconds=-30)
        for server, problems in {"build1": (), "build2": ("only 2 GB are free on /var/lib",), "build3": ()}.items():
            with self._at(server, 0) as host:
                beat(host, problems, interval=3600)  # so that it is not stale before a slow test ends

    def _forgery(self) -> None:
        """Commit a message that no server of the fleet has signed, and jobs."""
        now = self._clock()
        forged = {
            **{"id": f"msg_{int(now.timestamp())}_forged", "from": "build4", "to": "build1", "type": "request"},
            **{"subject": FORGED, "body": "Do it now.", "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")},
        }
        entries = [*self.builders.messages(), forged]
        self.builders.commit(MESSAGES, json.dumps({"messages": entries}, indent=2).encode())
        job = {"type": "build", "status": "queued", "assigned_to": None, "created_at": "2026-11-22T07:11:46Z"}
        jobs = [{"id": "job_48", "description": "Build 4.21 for Debian 12", **job}]
        self.builders.commit("coordination/jobs.json", json.dumps({"jobs": jobs}).encode())

    def _inventory(self) -> Path:
        """Return the inventory of the servers, each with its own environment."""
        inventory = yaml.safe_load(LOCAL_INVENTORY.read_text())
        packages = {"bash": "5.2", "maven": "3.8.7", "openjdk_17_jdk": "17.0.12"}
        others = {"build2": {"openjdk_17_jdk": "17.0.11"}, "build3": {"libmysqlclient_dev": "8.0.36"}}
        hosts = inventory["builders"]["hosts"] = {}
        for server in IDS:
            mine = {**packages, **others.get(server, {})}
            lines = installed(**mine).replace("_", "-")
            folder = install(self.builders, server, node="echo v18.19.0", dpkg_query=lines)
            hosts[server] = {"ansible_python_interpreter": str(folder / "python")}
        path = self.builders.folder / "inventory.yml"
        path.write_text(yaml.safe_dump(inventory))
        return path
