"""The browser and the pages, made once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import ansible
from ansible_collections.acs.builders.tests.browser.browser import chromium
from ansible_collections.acs.builders.tests.builders import make_builders
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
    return _written(fleet.builders.folder, inventory=fleet.inventory)


@pytest.fixture(scope="session", params=HOSTILE)
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A hostile text, and the page of a fleet that has it in every field."""
    builders = make_builders(tmp_path_factory.mktemp("hostile"))
    value = HOSTILE[request.param].replace("MARKER", str(builders.folder / "marker"))
    for path, document in spread(value).items():
        builders.commit(path, json.dumps(document).encode())
    return value, _written(builders.folder)


def _written(folder: Path, **options: Path) -> str:
    file = folder / "page.html"
    done = ansible("playbook", "playbooks/dashboard.yml", "-e", f"dest={file}", folder=folder, **options)
    assert done.code == 0, done.output
    return file.read_text(encoding="utf-8")
