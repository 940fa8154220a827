"""Publishing heartbeats in tests."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import Heartbeat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock


def beat(host: Host, problems: tuple[str, ...] = (), interval: int = 60, **changes: Any) -> dict[str, Any]:
    """Publish a server's next heartbeat, with some members changed, and return it."""
    document = {**compose_heartbeat(host, list(problems), interval, "1.0.0").raw, **changes}
    publish_heartbeat(host, Heartbeat(document))
    return document


def all_beat(builders: Builders, clock: Clock, **changes: Any) -> None:
    """Publish a heartbeat of each server."""
    for server in builders.ids:
        with builders.host(server) as host:
            beat(clock.on(host), **changes)
