"""What the comparison of the environments of a large fleet takes."""

from __future__ import annotations

import random
import statistics
from functools import partial
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.comparison import (
    compare_environments,
)
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, seconds_of

SERVERS, PACKAGES = 50, 700
SEED = 700


def compare(scale: Scale) -> list[Result]:
    """Compare the environments of many servers, in which one package in ten has two versions or is missing."""
    chosen = random.Random(SEED)
    environments = {f"build{number}": environment(chosen) for number in range(1, SERVERS + 1)}
    times = [seconds_of(partial(compare_environments, environments)) for _round in range(scale.pick(15, 1))]
    spread = (min(times), max(times))
    name = f"comparison of {SERVERS} servers with {PACKAGES} packages"
    return [Result(name, statistics.median(times), "s", at_most=0.1, spread=spread, times={"ours": times})]


def environment(chosen: random.Random) -> dict[str, Any]:
    """The environment of a server as its module reports it."""
    packages = {}
    for number in range(PACKAGES):
        version = chosen.choice(["1.0-1", "1.0-2", None]) if number % 10 == 0 else "1.0-1"
        if version:
            packages[f"package-{number}"] = {"version": version, "status": "install ok installed"}
    return {"kernel": "6.1.0-28-amd64", "toolchain": {"git": "2.39.5", "maven": "3.8.7"}, "packages": packages}


ROWS = (Row("compare", compare),)
