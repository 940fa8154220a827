"""Fixtures of the tests of the cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host


@pytest.fixture(scope="module")
def server(host: Host) -> dict[str, Any]:
    """Return the variables of a server; ``inventory_hostname`` is its id."""
    variables: dict[str, Any] = host.ansible.get_variables()
    return variables


@pytest.fixture(scope="module")
def rig(server: dict[str, Any]) -> Rig:
    """Return the rig of the servers."""
    return Rig(server["builders_rig"])
