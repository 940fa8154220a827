"""Test that the hosts run their expected releases, and print the versions of their programs."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.tests.cluster.image import release_of
from ansible_collections.acs.builders.tests.cluster.rig import Rig

testinfra_hosts = ["ansible://builders"]


def test_it_runs_its_release(server: dict[str, Any], rig: Rig) -> None:
    versions = rig.versions(server["inventory_hostname"])
    print(f"{server['inventory_hostname']}: {versions}")
    assert f"({release_of(server['inventory_hostname'])})" in versions["system"]
