"""The time and the size of the page of a fleet with 100 and with 10,000 messages."""

from __future__ import annotations

import json
import statistics

from ansible_collections.acs.builders.plugins.filter.dashboard_page import dashboard_page
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.dashboard import read_dashboard
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.benchmark.history import add_past_messages
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, seconds_of
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, make_scene
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders

MEGABYTE = 10**6
SERVERS = ("build1", "build2", "build3", "build4", "build5", "build6")


def write_page(builders: Builders) -> str:
    """Fetch, read the facts as the modules do in their processes, and render the page."""
    with builders.host("build1") as host:
        health = read_health(host)
    with builders.host("build1") as host:
        dashboard = read_dashboard(host)
    return dashboard_page({"health": health, "dashboard": dashboard})


def page_of(scale: Scale, total: int, signed: int) -> list[Result]:
    """Write the page of a mailbox whose newest messages are signed."""
    builders = make_scene(scale.folder / str(total), SERVERS)
    for number in range(signed // (len(SERVERS) - 1)):
        server = SERVERS[number % len(SERVERS)]
        with builders.host(server) as host:
            draft = Draft(f"Message {number}", BODY, ("info", "request")[number % 5 == 0])
            send(host, draft, [other for other in SERVERS if other != server])
    newest = builders.messages()
    add_past_messages(builders, total - len(newest))
    entries = [*builders.messages(), *newest]
    builders.commit(MESSAGES, json.dumps({"messages": entries}, indent=2).encode(), "the past before the newest")
    first = seconds_of(lambda: write_page(builders))
    times = [seconds_of(lambda: write_page(builders)) for _round in range(scale.pick(10, 1))]
    size = len(write_page(builders).encode()) / MEGABYTE
    name = f"page about {total} messages"
    detail = {"first time, signatures unchecked, s": round(first, 2)}
    spread = (min(times), max(times))
    return [
        Result(
            f"{name}: time",
            statistics.median(times),
            "s",
            at_most=3,
            spread=spread,
            times={"ours": times},
            detail=detail,
        ),
        Result(f"{name}: size", size, "MB", at_most=1),
    ]


def pages(scale: Scale) -> list[Result]:
    """Measure a small and a large mailbox."""
    small, large = scale.pick(((100, 100), (10_000, 300)), ((20, 5), (50, 10)))
    return [*page_of(scale, *small), *page_of(scale, *large)]


ROWS = (Row("page", pages),)
