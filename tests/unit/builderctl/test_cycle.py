"""The cycle of the service."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import heartbeat_interval
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config


@pytest.mark.parametrize(
    ("servers", "settings", "seconds"),
    [(2, {}, 60), (6, {}, 60), (7, {}, 70), (50, {}, 500), (2, {"interval": 5}, 20), (0, {"interval": 5}, 5)],
)
def test_the_fleet_stays_within_the_push_budget(servers: int, settings: dict[str, Any], seconds: int) -> None:
    assert heartbeat_interval(Config(**settings), servers) == seconds
