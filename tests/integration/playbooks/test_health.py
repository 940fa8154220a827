"""Test the play that prints the health of all servers and fails if one is stale, on embedded servers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.tests.ansible_runner import Run, ansible
from ansible_collections.acs.builders.tests.beating import all_beat, beat
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders
from ansible_collections.acs.builders.tests.clock import Clock


def now() -> Clock:
    """Return a clock set to the current time."""
    return Clock(datetime.now(timezone.utc), timedelta())


def health(builders: Builders) -> Run:
    """Run the play."""
    return ansible("playbook", "playbooks/health.yml", folder=builders.folder)


def test_it_fails_with_the_reason_while_a_server_is_silent(tmp_path: Path) -> None:
    builders = make_builders(tmp_path)
    with builders.host("build1") as host:
        beat(host)
    missing = health(builders)
    assert missing.code != 0
    printed = " ".join(missing.output.split())
    assert (
        "build2 is missing: it has no heartbeat. Run on the controller: ansible-playbook playbooks/recover.yml"
        in printed
    )

    all_beat(builders, now(), interval=3600, problems=["it rains\x1b[2J"])  # not stale before a slow play ends
    well = health(builders)
    assert well.code == 0, well.output
    assert "build2  ok" in well.stdout and re.search(r"Problem: build[12]: it rains\\x1b\[2J", well.stdout)
    assert re.search("Not checked, because the heartbeat service of build[12] does not run", well.stdout)

    clock = now()
    clock.move(-400)
    with builders.host("build2") as host:
        beat(clock.on(host))
    stale = health(builders)
    assert stale.code != 0
    age = re.search(
        r"build2 is stale: its last heartbeat is (\d+) min old\. Run on the", " ".join(stale.output.split())
    )
    assert age and int(age[1]) >= 6, stale.output

    for server in builders.ids:
        with builders.host(server) as host:
            read_health(host, keep=True)  # as its service does
    git("update-ref", "-d", "refs/heartbeats/build2", cwd=builders.remote)
    gone = health(builders)
    assert "build2 is missing: its heartbeat, last seen " in gone.output
    assert "it has no heartbeat" not in gone.output
