"""What the service uses over thousands of cycles."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale
from ansible_collections.acs.builders.tests.benchmark.scene import SYSTEM_PYTHON, Command, make_scene

MEGABYTE = 10**6
INTERVAL = 60
"""Seconds from one cycle to the next on a server."""


def service(scale: Scale) -> list[Result]:
    """Run cycles of the service at full speed, with the installed package."""
    command = Command(make_scene(scale.folder))
    program = str(Path(__file__).with_name("cycles.py"))
    cycles = scale.pick(5000, 20)
    done = subprocess.run(
        [SYSTEM_PYTHON, "-I", program, str(command.package), str(command.config), str(cycles)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    first, last = map(json.loads, done.stdout.splitlines())
    per_cycle = (last["cpu"] - first["cpu"]) / (last["cycle"] - first["cycle"])
    detail = {"cycles": cycles, "CPU ms a cycle": round(per_cycle * 1000, 1)}
    return [
        Result("service: resident memory", last["memory"] / MEGABYTE, "MB", at_most=40),
        Result("service: growth of memory", (last["memory"] - first["memory"]) / MEGABYTE, "MB", at_most=1),
        Result("service: CPU at an interval of 60 s", 100 * per_cycle / INTERVAL, "%", at_most=0.5, detail=detail),
        Result("service: more descriptors", last["descriptors"] - first["descriptors"], "", at_most=0),
        Result("service: more child processes", last["children"] - first["children"], "", at_most=0),
    ]


ROWS = (Row("service", service),)
