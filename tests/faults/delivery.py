"""The rig's access to the outbox."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Item, Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host

PUSHED, QUEUED, NONE = "pushed", "queued", "none"
"""The delivery of a write in its receipt."""
NOT_KNOWN = "not known"
"""Part of the text of an error after which the write may have arrived."""


def waiting(host: Host) -> list[str]:
    """Return the first words of the messages that wait in a host's outbox, in order."""
    return _tokens(Outbox(host.state).read().items)


def rejected(host: Host) -> list[str]:
    """Return the first words of the messages that were rejected."""
    return _tokens(Outbox(host.state).read().rejected)


def _tokens(items: Iterable[Item]) -> list[str]:
    return [entry.body.split()[0] for item in items for entry in item.messages]
