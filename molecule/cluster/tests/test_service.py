"""Test the installed service: sandbox, heartbeats, logs, login message, resources."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.acs.builders.tests.cluster.beats import beats_again, configured, delivered, heartbeat, remote
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until
from testinfra.host import Host

testinfra_hosts = ["ansible://builders"]


def pid(host: Host) -> str:
    """Return the process id of the service."""
    return str(host.check_output("systemctl show --value --property MainPID build-heartbeat"))


def test_it_is_hardened(host: Host) -> None:
    output = host.check_output("systemd-analyze security --no-pager build-heartbeat")
    found = re.search(r"Overall exposure level for build-heartbeat.service: ([\d.]+)", output)
    assert found, output
    print(f"security score of build-heartbeat: {found.group(1)}")
    assert float(found.group(1)) <= 3.0


def test_it_has_its_own_folders_and_nothing_else(host: Host) -> None:
    inside = f"nsenter --mount --target {pid(host)}"
    assert host.check_output(f"{inside} ls /root") == "Build"
    assert host.check_output(f"{inside} ls /var/lib /var/log").split() == [
        "/var/lib:",
        "acs-builders",
        "/var/log:",
        "acs-builders",
    ]
    for folder in ("/root/Build", "/var/lib/acs-builders", "/var/log/acs-builders"):
        host.check_output(f"{inside} sh -c 'touch {folder}/.probe && rm {folder}/.probe'")
    for folder in ("/", "/etc", "/usr/local/lib/acs-builders", "/var", "/var/lib", "/srv"):
        assert host.run(f"{inside} touch {folder}/.probe").rc != 0, folder
    host.run(f"{inside} touch /root/.probe")
    assert not host.file("/root/.probe").exists
    assert host.run(f"{inside} head -c 4 /PAT").stdout == "ghp_"
    status = host.check_output(f"grep ^Cap /proc/{pid(host)}/status")
    assert set(re.findall(r"Cap(?:Prm|Eff|Bnd):\s+(\w+)", status)) == {"0" * 16}


def test_it_beats_every_interval(host: Host, server: dict[str, Any], rig: Rig) -> None:
    """The service beats without a request, and logs each heartbeat once."""
    own = server["inventory_hostname"]
    log = rig.machines[own].root / f"var/log/acs-builders/heartbeat-{own}.log"

    def logged() -> int:
        return log.read_text().count("Heartbeat updated")

    def sequence() -> int:
        """Return the last sequence number recorded as published; an interrupted heartbeat is published again."""
        return int(json.loads((rig.machines[own].root / "var/lib/acs-builders/sequence.json").read_text())["sequence"])

    assert beats_again(rig, own)["interval_seconds"] == server["build_heartbeat_interval"]
    with configured(rig, own, interval=1):
        host.check_output("systemctl stop build-heartbeat")
        before, lines = sequence(), logged()
        host.check_output("systemctl start build-heartbeat")
        until(lambda: str(heartbeat(rig, own)["daemon"]["pid"]) == pid(host), "no heartbeat of the new process")
        beats = [beats_again(rig, own, asked=False) for _beat in range(3)]
        assert [beat["interval_seconds"] for beat in beats] == [1] * 3
        assert all(beat["daemon"] == beats[0]["daemon"] for beat in beats)
        until(
            lambda: heartbeat(rig, own)["sequence"] - before == logged() - lines,
            "different numbers of heartbeats in the log and on the remote",
        )


def test_it_looks_between_heartbeats(server: dict[str, Any], rig: Rig) -> None:
    """A look requests only the refs, but a heartbeat then fetches or pushes: two such requests in a row are a look."""

    before = len(rig.access_log())

    def looks() -> int:
        new = rig.access_log()[before:].splitlines()
        own = [line for line in new if line.startswith(f"{server['ansible_host']} ") and " 200 " in line]
        for_refs = ['"GET /Build.git/info/refs?service=git-upload-pack ' in line for line in own]
        return sum(first and second for first, second in zip(for_refs, for_refs[1:]))

    until(lambda: looks() >= 3, "no looks")


def test_it_adds_nothing_to_the_branch(server: dict[str, Any], rig: Rig) -> None:
    delivered(rig)
    before = remote(rig, "rev-parse", "main")
    for _beat in range(3):
        beats_again(rig, server["inventory_hostname"])
    assert remote(rig, "rev-parse", "main") == before


def test_unread_mail_shows_at_login(host: Host, server: dict[str, Any], rig: Rig) -> None:
    rig.ssh(server["builders_partner"], "builderctl send --type warning 'For your login' 'Read me.'")
    beats_again(rig, server["inventory_hostname"])
    counted = r"\d+ unread messages?\. Read: builderctl read"  # the announcement of archiving may be unread too
    until(lambda: re.search(counted, host.run("builderctl health --summary").stdout), "no count of messages")
    greeting = host.check_output("run-parts /etc/update-motd.d")
    assert "unread message" in greeting
    assert "60-acs-builders" in host.check_output("run-parts --test /etc/update-motd.d")
    assert "unread message" in rig.machines[server["inventory_hostname"]].greeting()
    host.check_output("builderctl read; builderctl mark-read")


def test_its_logs_are_rotated(host: Host, server: dict[str, Any], rig: Rig) -> None:
    log = f"/var/log/acs-builders/heartbeat-{server['inventory_hostname']}.log"
    host.check_output("logrotate --force /etc/logrotate.d/acs-builders")
    beats_again(rig, server["inventory_hostname"])
    until(lambda: "Heartbeat updated" in host.file(log).content_string, "nothing in the new log")
    assert host.file(log).mode == 0o640
    assert host.file(f"{log}.1").exists
    assert host.check_output("tail --lines=1 /var/log/heartbeat-%s.log", server["inventory_hostname"])


def test_it_needs_little(host: Host, server: dict[str, Any], rig: Rig) -> None:
    cycles = beats_again(rig, server["inventory_hostname"])["sequence"]
    memory = int(host.check_output(f"awk '/VmRSS/ {{print $2}}' /proc/{pid(host)}/status"))
    processor = int(host.check_output("systemctl show --value --property CPUUsageNSec build-heartbeat"))
    descriptors = len(host.check_output(f"ls /proc/{pid(host)}/fd").split())
    print(
        f"{server['inventory_hostname']}: beat {cycles}, {memory} kB resident, {descriptors} descriptors, "
        f"{processor / 1e9:.1f} s of processor time since its start"
    )
    assert memory < 64_000
    assert descriptors < 30
