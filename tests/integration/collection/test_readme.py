"""Every command of the README, run as it stands there, on servers with the paths of real ones."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from ansible_collections.acs.builders.tests.ansible_runner import (
    TOP,
    as_operator,
    copy_checkout,
    environment,
    run,
    served,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git

README = (TOP / "README.md").read_text(encoding="utf-8")
NEVER_RUN_HERE = ("make test",)
"""This is what runs the tests."""

AS_SERVER = """
become() {
    mkdir -p /root/$1/Build /var/lib/$1
    rm -rf /root/Build /var/lib/acs-builders
    ln -s /root/$1/Build /root/Build
    ln -s /var/lib/$1 /var/lib/acs-builders
    echo $1 > /etc/build_server_id
}
for server in build1 build2; do
    become $server
    ansible-playbook setup.yml --limit $server --extra-vars "builders_remote_url=$REMOTE" --extra-vars "$SET_UP"
done
"""


def blocks(language: str) -> list[str]:
    """The code blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of its shell blocks."""
    return [line for block in blocks("sh") for line in block.splitlines() if line]


def test_a_day_s_use_and_the_play(builders: Builders, covered: list[str], tmp_path: Path) -> None:
    script = [AS_SERVER, *(f"become {line.split()[1]}\n{with_id(line, builders)}" for line in daily())]
    (play,) = blocks("yaml")
    (tmp_path / "play.yml").write_text(play)
    script += [f"become build1\nansible-playbook {tmp_path / 'play.yml'}"] * 2
    done = as_operator(covered, builders, "\n".join(script))
    assert done.code == 0, done.output
    asked, answered, played = builders.messages()
    assert (asked["from"], asked["to"], asked["type"]) == ("build1", "build2", "request")
    assert answered["in_reply_to"] == asked["id"]
    assert asked["read_by"] == ["build2"]
    assert answered["read_by"] == ["build1"]
    assert '"subject": "Re: Install libmysqlclient-dev"' in done.stdout
    assert played["key"] == "restart-2026-11-22"
    assert "changed=0" in done.stdout.splitlines()[-2]
    assert git("log", "-1", "--skip=1", "--format=%s", "main", cwd=builders.remote) == "build2: success (job_42)"


def daily() -> list[str]:
    """The commands of the controller that run a module."""
    found = [line for line in commands() if line.startswith("ansible build")]
    assert len(found) >= 10
    return found


def with_id(line: str, builders: Builders) -> str:
    """A command with the id of the first message in place of MESSAGE_ID."""
    find = f"MESSAGE_ID=$(git -C {builders.remote} show main:{MESSAGES} | grep -om1 'msg_[0-9a-f_]*' || true)"
    return f"{find}\n{line.replace('MESSAGE_ID', '$MESSAGE_ID')}"


def test_a_day_s_use_of_the_embedded_servers(builders: Builders, tmp_path: Path) -> None:
    """As after the demo: the inventory tells where each of them has its files."""
    variables = environment(
        tmp_path / "home",
        **served(),
        ACS_BUILDERS_SCRATCH=builders.folder,
        ANSIBLE_INVENTORY="inventory/local.yml",
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    lines = [*daily(), *(line for line in commands() if re.search("install_packages.yml|respond.yml", line))]
    assert len(lines) == len(daily()) + 2
    done = run("sh", "-euc", "\n".join(with_id(line, builders) for line in lines), cwd=TOP, variables=variables)
    assert done.code == 0, done.output
    asked, answered, *installed = builders.messages()
    assert [one["subject"] for one in installed] == ["Installed: libmysqlclient-dev"] * 2
    assert (asked["from"], asked["read_by"]) == ("build1", ["build2"])
    assert (answered["from"], answered["in_reply_to"], answered["read_by"]) == ("build2", asked["id"], ["build1"])
    assert json.loads(builders.show("build2/status.json"))["last_build"]["id"] == "job_42"


def test_the_other_commands(builders: Builders, tmp_path: Path) -> None:
    on_hosts = ("ansible build", "ansible-playbook", "builderctl")
    others = [line for line in commands() if not line.startswith(on_hosts) and line not in NEVER_RUN_HERE]
    assert {line.split()[0] for line in others} == {"make", "ansible-doc", "ansible-galaxy"}
    copy_checkout(tmp_path / "checkout")
    variables = environment(tmp_path / "home", PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for line in others:
        dry = " --dry-run" if line.startswith("make") else ""  # the demo itself has a test of its own
        done = run("sh", "-euc", line + dry, cwd=tmp_path / "checkout", variables=variables)
        assert done.code == 0, done.output


def test_what_needs_booted_hosts_is_on_the_pages_that_are_run_there() -> None:
    """The scenario molecule/cluster runs every command of these pages."""
    pages = [(TOP / "docs" / page).read_text(encoding="utf-8") for page in ("operations.md", "agents.md")]
    there = {line.strip() for page in pages for line in page.splitlines()}
    lines = [line for line in commands() if line.startswith(("ansible-playbook", "builderctl"))]
    assert lines and set(lines) <= there


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert (TOP / link).exists(), link
