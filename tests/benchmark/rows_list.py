"""The time of a list of 50 unread signed messages of 1,000, compared with a fetch alone."""

from __future__ import annotations

import json
import subprocess

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.benchmark.far_host import FarHost
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.scene import make_scene, move_remotes
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders

OURS, FETCH = "ours", "git fetch"


def list_unread(builders: Builders, unread: int, **options: str) -> None:
    """List the unread messages through the core, as a module does in its process."""
    with builders.host("build2", **options) as host:
        messages = list_messages(host, Filter()).messages
    assert [one["verified"] for one in messages] == ["true"] * unread, len(messages)


def fetch(builders: Builders) -> None:
    """Fetch with Git alone."""
    subprocess.run(["git", "-C", builders.clone("build2"), "fetch", "--quiet"], check=True)


def fill(builders: Builders, unread: int, old: int) -> None:
    """Commit old messages that are read to the mailbox, and send unread, signed ones, in one commit each."""
    entries = [
        {"id": f"old_{number}", "from": "build1", "to": "build2", "subject": "Old", "body": "x" * 500, "read": True}
        for number in range(old)
    ]
    builders.commit(MESSAGES, json.dumps({"messages": entries}, indent=2).encode())
    with builders.host("build1") as host:
        for number in range(unread):
            send(host, Draft(f"Unread {number}", "x" * 500), ["build2"])


def lists(scale: Scale) -> list[Result]:
    """Measure a list on this disk, and over https with a round trip of 40 ms."""
    builders = make_scene(scale.folder)
    unread, old = scale.pick((50, 950), (3, 5))
    fill(builders, unread, old)
    list_unread(builders, unread)
    rounds = scale.pick(25, 1)
    near = alternate({OURS: lambda: list_unread(builders, unread), FETCH: lambda: fetch(builders)}, rounds)
    with FarHost(scale.folder, scale.folder) as host:
        move_remotes(builders, host.url, host.certificate)
        options = {"pat_file": str(host.pat_file)}
        list_unread(builders, unread, **options)
        before = host.counts()
        list_unread(builders, unread, **options)
        requests = host.counts() - before
        sides = {OURS: lambda: list_unread(builders, unread, **options), FETCH: lambda: fetch(builders)}
        away = alternate(sides, rounds)
    fetches = requests["GET git-upload-pack"]
    return [
        compared("list of 50 unread of 1,000, local: ours / git fetch", near, OURS, FETCH, at_most=1.5),
        compared("list of 50 unread of 1,000, 40 ms: ours / git fetch", away, OURS, FETCH, at_most=1.5),
        Result("list: fetches", fetches, "", at_most=1, at_least=1, detail=dict(requests)),
    ]


ROWS = (Row("list", lists),)
