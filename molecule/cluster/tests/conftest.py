"""What the tests of the cluster share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host


@pytest.fixture(scope="module")
def server(host: Host) -> dict[str, Any]:
    """What the inventory says of a server; ``inventory_hostname`` is its id."""
    names = ("inventory_hostname", "builders_hostname", "builders_partner", "builders_remote_url", "builders_rig")
    wanted = json.dumps({"msg": {name: f"{{{{ {name} }}}}" for name in names}})
    told: dict[str, Any] = host.ansible("debug", wanted)["msg"]
    return told


@pytest.fixture(scope="module")
def rig(server: dict[str, Any]) -> Rig:
    """The rig that the servers are part of."""
    return Rig(server["builders_rig"])
