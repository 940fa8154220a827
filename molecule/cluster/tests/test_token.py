"""Test that the token is stored only in /PAT."""

from __future__ import annotations

import subprocess
from typing import Any

from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host

testinfra_hosts = ["ansible://builders"]


def test_no_file_of_the_host_holds_it(server: dict[str, Any], rig: Rig) -> None:
    """The upper layer of the file system contains every written file and the journal."""
    upper = rig.folder / server["inventory_hostname"] / "upper"
    found = subprocess.run(
        ["grep", "-rlaF", "-f", "-", str(upper)], input=f"{rig.token}\n", capture_output=True, text=True, check=False
    )
    assert found.stdout.splitlines() == [f"{upper}/PAT"]
    assert (upper / "var/log/journal").is_dir()
    assert rig.token not in rig.machines[server["inventory_hostname"]].journal()


def test_no_process_holds_it(host: Host, rig: Rig) -> None:
    shown = host.check_output("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n' | sort --unique")
    assert "builderctl" in shown
    assert rig.token not in shown


def test_the_clone_holds_a_helper_in_its_place(host: Host, rig: Rig) -> None:
    settings = host.check_output("git -C /root/Build config --list --show-origin")
    assert rig.token not in settings
    assert "git-credential-pat" in settings
    assert host.run("GIT_TERMINAL_PROMPT=0 git -C /root/Build push --dry-run origin HEAD:refs/heads/probe").rc == 0


def test_the_git_host_does_not_log_it(rig: Rig) -> None:
    log = rig.access_log()
    assert "Build.git/git-receive-pack" in log
    assert rig.token not in log
