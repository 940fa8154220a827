"""What the rig needs to know of delivery, in one place.

``OUTBOX`` is false as long as the collection has no outbox: nothing is ever queued then, and nothing to be delivered.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils import coordination
from ansible_collections.acs.builders.plugins.module_utils.coordination.host import Host

PUSHED, QUEUED, NONE = "pushed", "queued", "none"
NOT_KNOWN = "not known"
"""Words of an error that leaves open whether the write arrived."""


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"{coordination.__name__}.{name}")
    except ModuleNotFoundError:
        return None


_outbox, _delivering = _module("outbox"), _module("delivering")
OUTBOX = bool(_outbox and _delivering)


def delivery_of(receipt: Any) -> str:
    """What a receipt says of a write: pushed, queued, or none when there was nothing to do."""
    return str(getattr(receipt, "delivery", PUSHED if receipt.commit else NONE))


def deliver(host: Host) -> None:
    """Deliver what waits in a host's outbox."""
    if _delivering:
        _delivering.deliver(host)


def waiting(host: Host) -> list[str]:
    """The first words of the messages that wait in a host's outbox, in order."""
    if not _outbox:
        return []
    return [entry["body"].split()[0] for item in _outbox.Outbox(host.state).read().items for entry in item.messages]
