"""Fixtures that run each test with an in-memory substitute and with the real implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.builders import make_key as make_real_key
from ansible_collections.acs.builders.tests.contract import memory_keys
from ansible_collections.acs.builders.tests.contract.memory_builders import in_memory
from ansible_collections.acs.builders.tests.contract.scenes import Scene, make_scene
from ansible_collections.acs.builders.tests.no_processes import no_processes

MakeKey = Callable[[Path], None]


@pytest.fixture(
    params=[pytest.param("memory", marks=pytest.mark.memory), pytest.param("git", marks=pytest.mark.processes)]
)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Two servers and an empty remote."""
    with make_scene(request.param, tmp_path) as made:
        yield made


@pytest.fixture(
    params=[pytest.param("memory", marks=pytest.mark.memory), pytest.param("ssh-keygen", marks=pytest.mark.processes)]
)
def make_key(request: pytest.FixtureRequest) -> Iterator[MakeKey]:
    """A function that creates a private key, and its public key beside it."""
    if request.param == "ssh-keygen":
        yield make_real_key
        return
    with in_memory(), no_processes():
        yield memory_keys.make_key
