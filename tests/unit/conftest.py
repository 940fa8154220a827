"""Fixtures of the unit tests, which start no processes, not even Git."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import fleet
from ansible_collections.acs.builders.tests.contract.memory_builders import (
    MemoryBuilders,
    in_memory,
    make_memory_builders,
)
from ansible_collections.acs.builders.tests.no_processes import no_processes


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """Prevent processes, and use a remote in memory and substitute keys."""
    with in_memory(), no_processes():
        yield


@pytest.fixture
def builders(tmp_path: Path) -> MemoryBuilders:
    """Two servers, build1 and build2, and an empty remote."""
    return make_memory_builders(tmp_path)


@pytest.fixture
def legacy(tmp_path: Path) -> MemoryBuilders:
    """Three servers, and a remote with the files of the old scripts."""
    return make_memory_builders(tmp_path, ("build1", "build2", "build3"), legacy=True)


@pytest.fixture
def system_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of /etc."""
    folder = tmp_path / "etc"
    folder.mkdir()
    monkeypatch.setattr(fleet, "SYSTEM_FLEET_FILE", str(folder / "fleet.json"))
    monkeypatch.setattr(fleet, "SYSTEM_ID_FILE", str(folder / "build_server_id"))
    monkeypatch.setattr(fleet, "DEFAULT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(fleet.machine, "hostname", lambda: "unknown-host.example.com")
    return folder


@pytest.fixture
def write_fleet() -> Callable[[Path, Any], None]:
    """A function that writes a fleet file to a folder, with some servers or with a text as its content."""

    def write(folder: Path, servers: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        content = servers if isinstance(servers, str) else json.dumps({"servers": servers})
        (folder / "fleet.json").write_text(content)

    return write
