"""Fixtures: the browser and the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ansible_collections.acs.builders.plugins.filter.dashboard_page import dashboard_page
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.dashboard import read_dashboard
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.tests.ansible_runner import ansible
from ansible_collections.acs.builders.tests.browser.browser import chromium
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.busy_fleet import BusyFleet
from ansible_collections.acs.builders.tests.hostile_text import ATTACKS, MARKUP, spread
from playwright.sync_api import Browser

HOSTILE = {**ATTACKS, **MARKUP}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a busy fleet, as the play writes it."""
    fleet = BusyFleet(tmp_path_factory.mktemp("busy"))
    folder = fleet.builders.folder
    file = folder / "page.html"
    words = ("playbooks/dashboard.yml", "-e", f"dest={file}")
    done = ansible("playbook", *words, folder=folder, inventory=fleet.inventory)
    assert done.code == 0, done.output
    return file.read_text(encoding="utf-8")


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest, builders: Builders) -> tuple[str, str]:
    """A hostile text, and the page of a fleet that contains it in every field."""
    value = HOSTILE[request.param]
    for path, document in spread(value).items():
        builders.commit(path, json.dumps(document).encode())
    with builders.host("build1") as host:
        seen = {"health": read_health(host), "dashboard": read_dashboard(host)}
    return value, dashboard_page(seen)
