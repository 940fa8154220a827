"""What the side effects share: the rig that is up, and its servers as testinfra sees them."""

from __future__ import annotations

import os

import pytest
import testinfra
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host


@pytest.fixture(scope="session")
def rig() -> Rig:
    """The rig that the variable RIG names."""
    return Rig(os.environ["RIG"])


@pytest.fixture(scope="session")
def build1(rig: Rig) -> Host:
    """The server build1."""
    return testinfra.get_host("ansible://build1", ansible_inventory=str(rig.folder / "inventory.yml"))


@pytest.fixture(scope="session")
def build2(rig: Rig) -> Host:
    """The server build2."""
    return testinfra.get_host("ansible://build2", ansible_inventory=str(rig.folder / "inventory.yml"))
