"""What the rig asks of the outbox, in one place."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Item, Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host

PUSHED, QUEUED, NONE = "pushed", "queued", "none"
"""What a receipt says of a write."""
NOT_KNOWN = "not known"
"""Words of an error that leaves open whether the write arrived."""


def waiting(host: Host) -> list[str]:
    """The first words of the messages that wait in a host's outbox, in order."""
    return _tokens(Outbox(host.state).read().items)


def set_aside(host: Host) -> list[str]:
    """The first words of the messages that were refused and set aside."""
    return _tokens(Outbox(host.state).read().rejected)


def _tokens(items: Iterable[Item]) -> list[str]:
    return [entry.body.split()[0] for item in items for entry in item.messages]
