"""What the service uses over thousands of cycles."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale
from ansible_collections.acs.builders.tests.benchmark.scene import Command, make_scene

MEGABYTE = 10**6
INTERVAL = 60
"""Seconds from one cycle to the next on a server."""


def service(scale: Scale) -> list[Result]:
    """Run cycles of two servers' services at full speed, with the installed package, so that each sees the other beat.

    Told is what the one that uses more uses.
    """
    builders = make_scene(scale.folder)
    cycles = scale.pick(5000, 20)
    running = [start(Command(builders, server), cycles) for server in builders.ids]
    used = [usage(process) for process in running]
    grown = [{name: last[name] - settled[name] for name in last} for _loaded, settled, last in used]
    early = max(settled["memory"] - loaded["memory"] for loaded, settled, _last in used)
    late = max(more["memory"] for more in grown)
    per_cycle = max(more["cpu"] for more in grown) / cycles
    detail = {"cycles": cycles, "CPU ms a cycle": round(per_cycle * 1000, 1)}
    return [
        Result("service: resident memory", max(last["memory"] for *_before, last in used) / MEGABYTE, "MB", at_most=40),
        Result(f"service: growth of memory until cycle {used[0][1]['cycle']}", early / MEGABYTE, "MB"),
        Result(f"service: growth of memory in {cycles:,} more cycles", late / MEGABYTE, "MB", at_most=1),
        Result("service: CPU at an interval of 60 s", 100 * per_cycle / INTERVAL, "%", at_most=0.5, detail=detail),
        Result("service: more descriptors", max(more["descriptors"] for more in grown), "", at_most=0),
        Result("service: more child processes", max(more["children"] for more in grown), "", at_most=0),
    ]


def days(scale: Scale) -> list[Result]:
    """Simulate days of both services in one process, with their looks and with conversations."""
    builders = make_scene(scale.folder)
    length = scale.pick(3, 0.003)
    commands = [Command(builders, server) for server in builders.ids]
    program = str(Path(__file__).with_name("days.py"))
    given = [str(commands[0].package), str(length), *(str(one.config) for one in commands)]
    process = subprocess.Popen([sys.executable, "-I", program, *given], stdout=subprocess.PIPE, text=True)
    settled, last = usage(process)
    name = f"{length:g} simulated days of two services"
    counts = {what: last[what] for what in ("beats", "looks", "messages")}
    grown = {what: (last[what] - settled[what]) / MEGABYTE for what in ("memory", "disk")}
    return [
        Result(f"{name}: resident memory of both", last["memory"] / MEGABYTE, "MB", at_most=40, detail=counts),
        Result(f"{name}: growth of memory after a tenth of it", grown["memory"], "MB", at_most=1),
        Result(f"{name}: CPU of the busier one", 100 * last["service"] / last["seconds"], "%", at_most=0.5),
        Result(f"{name}: growth of clones and state after a tenth of it", grown["disk"], "MB"),
        Result(f"{name}: more descriptors", last["descriptors"] - settled["descriptors"], "", at_most=0),
    ]


def start(command: Command, cycles: int) -> subprocess.Popen[str]:
    """Start the cycles of a server."""
    program = str(Path(__file__).with_name("cycles.py"))
    given = [str(command.package), str(command.config), str(cycles)]
    return subprocess.Popen([sys.executable, "-I", program, *given], stdout=subprocess.PIPE, text=True)


def usage(process: subprocess.Popen[str]) -> list[dict[str, float]]:
    """What a process told that it uses: loaded, settled, and in the end."""
    told, _nothing = process.communicate()
    assert process.returncode == 0, f"the cycles ended with {process.returncode}"
    return [json.loads(line) for line in told.splitlines()]


ROWS = (Row("service", service), Row("simulated days", days))
