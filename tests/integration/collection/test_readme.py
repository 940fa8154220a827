"""Test every command of the README and of the guides, unchanged, on servers with the default paths."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.acs.builders.tests.ansible_runner import (
    LOCAL_INVENTORY,
    TOP,
    as_operator,
    copy_checkout,
    environment,
    run,
    served,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git

README = TOP / "README.md"
DAY = TOP / "docs" / "daily-use.md"
BOOTED = tuple(TOP / "docs" / name for name in ("operations.md", "agents.md"))
"""Pages whose commands are all run by the scenario molecule/cluster."""
OTHERS = tuple(page for page in sorted(TOP.glob("docs/*.md")) if page not in (DAY, *BOOTED))

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


def blocks(language: str, text: str) -> list[str]:
    """Return the code blocks in a language, also those in lists."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


def installed(text: str) -> tuple[str, str]:
    """Return the section of the README about the installed collection, and the rest."""
    before, heading, after = text.partition("\n## Use the installed collection\n")
    assert heading
    section, _heading, rest = after.partition("\n## ")
    return section, before + rest


def commands(*pages: Path) -> list[str]:
    """Return the lines of the shell blocks of pages, without that section."""
    texts = [page.read_text(encoding="utf-8") for page in pages]
    others = [installed(text)[1] if page == README else text for page, text in zip(pages, texts)]
    return [line.strip() for text in others for block in blocks("sh", text) for line in block.splitlines() if line]


def test_a_day_s_use_and_the_play(builders: Builders, covered: list[str], tmp_path: Path) -> None:
    script = [AS_SERVER, *(f"become {line.split()[1]}\n{with_id(line, builders)}" for line in daily())]
    (play,) = blocks("yaml", DAY.read_text())
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
    """Return the commands of the controller that run a module."""
    found = [line for line in commands(DAY) if line.startswith("ansible build")]
    assert len(found) >= 10
    return found


def with_id(line: str, builders: Builders) -> str:
    """Return a command with the id of the first request in place of MESSAGE_ID."""
    request = 'map(select(.type == "request").id)[0] // ""'
    find = f"MESSAGE_ID=$(git -C {builders.remote} show main:{MESSAGES} | jq -r '.messages | {request}' || true)"
    return f"{find}\n{line.replace('MESSAGE_ID', '$MESSAGE_ID')}"


def test_a_day_s_use_of_the_embedded_servers(covered: list[str], tmp_path: Path) -> None:
    """As after the demo: the inventory sets the folders of the servers, and nothing is written elsewhere."""
    builders = Builders(tmp_path / "servers", ("build1", "build2"))
    builders.folder.mkdir()
    variables = environment(
        tmp_path / "home",
        **served(),
        ACS_BUILDERS_SCRATCH=builders.folder,
        ANSIBLE_INVENTORY="inventory/local.yml",
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    lines = [line for line in commands(DAY) if line.startswith(("ansible build", "ansible-playbook"))]
    plays = ("setup.yml", "health", "install_packages", "respond", "check_environment", "run_build")
    assert [play for play in plays if not any(play in line for line in lines)] == []
    upper = f"{tmp_path}/layers/*/upper {tmp_path}/layers/*/*/upper"
    find = f"echo == OUTSIDE; find {upper} -newer {tmp_path}/begun -type f"
    (tmp_path / "begun").touch()
    shown = ""
    for line in lines:
        done = run(*covered, "sh", "-euc", f"{with_id(line, builders)}\n{find}", cwd=TOP, variables=variables)
        assert done.code == 0, f"{line}\n{done.output}"
        printed, _separator, outside = done.stdout.partition("== OUTSIDE\n")
        assert [path for path in outside.splitlines() if not re.search(r"/(__pycache__|\.ansible)/", path)] == [], line
        shown += printed
    subjects = [message["subject"] for message in builders.messages()]
    assert subjects[-2:] == ["Install libmysqlclient-dev", "Re: Install libmysqlclient-dev"]
    assert subjects[:4] == [*["Installed: libmysqlclient-dev"] * 2, "Build started: job_42", "Build succeeded: job_42"]
    asked, answered = builders.messages()[-2:]
    assert (asked["from"], asked["read_by"]) == ("build1", ["build2"])
    assert (answered["from"], answered["in_reply_to"], answered["read_by"]) == ("build2", asked["id"], ["build1"])
    assert json.loads(builders.show("build2/status.json"))["last_build"]["id"] == "job_42"
    assert (builders.folder / "build1" / "build-logs" / "job_42.log").exists()
    assert "TASK [" not in shown and "run_build.yml: 1 host (" in shown


def test_the_installed_collection(tmp_path: Path) -> None:
    """In a new folder; variables beside the inventory make the hosts embedded servers."""
    section, _rest = installed(README.read_text(encoding="utf-8"))
    (inventory,), (_install, use, remove) = blocks("yaml", section), blocks("sh", section)
    servers = Builders(tmp_path / "servers", ("build1", "build2"))
    embedded = yaml.safe_load(LOCAL_INVENTORY.read_text(encoding="utf-8"))["builders"]["vars"]
    del embedded["builders_trust_file"], embedded["build_packages_manager"]
    (tmp_path / "project" / "group_vars").mkdir(parents=True)
    (tmp_path / "project" / "inventory.yml").write_text(inventory)
    (tmp_path / "project" / "group_vars" / "builders.yml").write_text(
        json.dumps({**embedded, "builders_scratch": str(servers.folder)})
    )
    variables = environment(
        tmp_path / "home",
        **served(),
        ANSIBLE_COLLECTIONS_PATH=TOP / "collections",
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    (tmp_path / "home" / "build-token").write_text("not used, since the remote is a folder\n")
    beat = "ansible builders -m acs.builders.build_heartbeat_fact -a beat=true\n"  # no service runs
    health = "ansible-playbook acs.builders.health\n"
    assert health in use
    script = use.replace(health, beat + health)
    done = run("sh", "-euc", script, cwd=tmp_path / "project", variables=variables)
    assert done.code == 0, done.output
    assert sorted((one["from"], one["to"], one["subject"]) for one in servers.messages()) == [
        ("build1", "build2", "Hello"),
        ("build2", "build1", "Hello"),
    ]
    setting = use.splitlines()[0]
    assert "inventory.yml" in setting
    done = run("sh", "-euc", f"{setting}\n{remove}", cwd=tmp_path / "project", variables=variables)
    assert done.code == 0, done.output
    assert not servers.clone("build1").exists() and not servers.state("build2").exists()


def test_the_other_commands(tmp_path: Path) -> None:
    elsewhere = ("ansible build", "ansible-playbook", "builderctl")
    pages = (README, DAY, *OTHERS, TOP / "CONTRIBUTING.md")
    others = [line for line in commands(*pages) if not line.startswith(elsewhere)]
    assert {line.split()[0] for line in others} == {"make", "ansible-doc"}
    copy_checkout(tmp_path / "checkout")
    variables = environment(tmp_path / "home", PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for line in others:
        dry = " --dry-run" if line.startswith("make") else ""  # the targets of make have their own tests
        done = run("sh", "-euc", line + dry, cwd=tmp_path / "checkout", variables=variables)
        assert done.code == 0, done.output


@pytest.mark.parametrize("page", [DAY, *OTHERS], ids=lambda page: page.name)
def test_what_needs_booted_hosts_is_on_the_pages_that_are_run_there(page: Path) -> None:
    lines = [line for line in commands(page) if line.startswith(("ansible-playbook", "builderctl"))]
    assert set(lines) <= set(commands(*BOOTED))
