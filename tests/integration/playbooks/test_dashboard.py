"""Test the play that writes the page about the fleet, on embedded servers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.page_branch import PAGE_BRANCH
from ansible_collections.acs.builders.tests.ansible_runner import Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.busy_fleet import FORGED, IDS, SCRIPT, BusyFleet
from ansible_collections.acs.builders.tests.hostile_text import ATTACKS, MARKUP, spread
from ansible_collections.acs.builders.tests.html_page import Page, check_harmless

PLAYBOOK = "playbooks/dashboard.yml"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> BusyFleet:
    """Return a fleet, of which tests must change only the branch with the page."""
    return BusyFleet(tmp_path_factory.mktemp("fleet"))


def dashboard(fleet: BusyFleet, *arguments: str | Path) -> Run:
    """Run the play on all servers of the fleet."""
    return ansible("playbook", PLAYBOOK, *arguments, folder=fleet.builders.folder, inventory=fleet.inventory)


def test_it_writes_and_publishes_a_page_once(fleet: BusyFleet, tmp_path: Path) -> None:
    file, remote = tmp_path / "page.html", fleet.builders.remote
    main, places = git("rev-parse", "main", cwd=remote), ("-e", f"dest={file} publish=true")
    checked = dashboard(fleet, *places, "--check", "--diff")
    assert checked.code == 0 and not file.exists(), checked.output
    assert git("branch", "--list", PAGE_BRANCH, cwd=remote) == ""
    assert "<h1>Build servers</h1>" in checked.stdout, "the diff"
    done = dashboard(fleet, *places)
    assert done.code == 0 and re.search(r"changed \d: .*Write the page", done.stdout), done.output
    assert re.search(r"changed \d: .*Publish the page", done.stdout), done.output
    again = dashboard(fleet, *places)
    assert again.code == 0 and not re.search(r"changed \d", again.stdout), again.output
    assert git("rev-parse", "main", cwd=remote) == main
    for text in (file.read_text(encoding="utf-8"), fleet.builders.show("index.html", PAGE_BRANCH).decode()):
        check_harmless(Page(text))
    check_content(Page(file.read_text(encoding="utf-8")))


def check_content(page: Page) -> None:
    """Check that the page shows the fleet."""
    servers = {row[0]: row for row in page.rows("servers")}
    assert [servers[name][1] for name in IDS] == ["ok", "ok", "ok", "stale", "missing"]
    assert servers["build3"][4].startswith("job_47, since ") and "only 2 GB are free" in servers["build2"][8]
    assert [row[:3] for row in page.rows("waits")] == [
        ["build3", "build2", "answer"],
        ["build1", "build4", "answer"],
        ["build2", "operator", "answer"],
        ["build2", "build3", "acknowledgement"],
    ]
    assert [row[:3] for row in page.rows("builds")][:2] == [
        ["job_46", "build1", "success"],
        ["job_45", "build4", "failed"],
    ]
    assert len(page.rows("builds")) == 6 and page.rows("jobs")[0][0] == "job_48"
    (question,) = page.root.all("section", **{"aria-labelledby": "questions"})
    assert "May I delete the artifacts of 4.19?" in question.text and "playbooks/answer.yml -e id=msg_" in question.text
    differences = {row[0]: row[3] for row in page.rows("environment")}
    assert "17.0.11: build2" in differences["openjdk-17-jdk"] and "8.0.36: build3" in differences["libmysqlclient-dev"]
    forged, hostile = page.root.all("details", class_="thread")[:2]
    assert FORGED in forged.text and "unsigned" in forged.all("summary")[0].text
    assert hostile.all("pre")[0].text == f"{SCRIPT}\n{{{{ 7 * 7 }}}}"


def test_without_a_place_it_says_what_to_give(fleet: BusyFleet) -> None:
    done = dashboard(fleet)
    assert done.code != 0 and "-e dest=/var/www/html/builders.html or -e publish=true" in done.output


def test_one_server_is_enough(fleet: BusyFleet, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    (tmp_path / "away.yml").write_text(
        "builders: {hosts: {build1: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}}"
    )
    inventory = ("-i", tmp_path / "away.yml", "-l", "build1,build2")
    done = dashboard(fleet, *inventory, "-e", f"dest={file}")
    assert done.code == 0, done.output
    page = Page(file.read_text(encoding="utf-8"))
    assert "As build2 sees it." in page.root.words and "Not compared" in page.root.words


@pytest.mark.parametrize("name", ["jinja", "script"])
def test_hostile_text_is_text(builders: Builders, name: str) -> None:
    value = {**ATTACKS, **MARKUP}[name].replace("MARKER", str(builders.folder / "marker"))
    for path, document in spread(value).items():
        builders.commit(path, json.dumps(document).encode())
    file = builders.folder / "page.html"
    done = ansible("playbook", PLAYBOOK, "-e", f"dest={file}", folder=builders.folder)
    assert done.code == 0, done.output
    page = Page(file.read_text(encoding="utf-8"))
    check_harmless(page)
    assert value in page.root.text and not (builders.folder / "marker").exists()
