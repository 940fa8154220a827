"""Fixtures of the side effects: the running rig and its servers."""

from __future__ import annotations

import os

import pytest
import testinfra
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host


@pytest.fixture(scope="session")
def rig() -> Rig:
    """Return the rig named in the environment variable RIG."""
    return Rig(os.environ["RIG"])


@pytest.fixture(scope="session")
def build1(rig: Rig) -> Host:
    """Return the server build1."""
    return testinfra.get_host("ansible://build1", ansible_inventory=str(rig.folder / "inventory.yml"))


@pytest.fixture(scope="session")
def build2(rig: Rig) -> Host:
    """Return the server build2."""
    return testinfra.get_host("ansible://build2", ansible_inventory=str(rig.folder / "inventory.yml"))
