"""Forged messages: entries in the mailbox without a signature of their sender."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.tests.cluster.beats import delivered
from ansible_collections.acs.builders.tests.cluster.rig import Rig

FORGE = """
rm -rf /root/forger && git clone --quiet /root/Build /root/forger && cp /root/Build/.git/config /root/forger/.git/config
cd /root/forger && git pull --quiet && python3 - <<'END'
import json
path = "coordination/messages.json"
mail = json.load(open(path))
mail["messages"] += json.loads(r'''ENTRIES''')
json.dump(mail, open(path, "w"), indent=2)
END
git -c core.hooksPath=/dev/null commit --quiet --all --message forged && git push --quiet
"""
"""The script of :func:`forge`. It uses a separate clone, because the service may update /root/Build at any time."""


def forge(rig: Rig, *entries: dict[str, Any]) -> None:
    """Push entries to the mailbox without a signature of their sender."""
    delivered(rig)  # so that no service pushes at the same time
    rig.ssh("build2", FORGE.replace("ENTRIES", json.dumps(entries)))
