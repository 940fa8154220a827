"""Modules that are measured while they run: what they need of the processor and of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

from ansible_collections.acs.builders.tests.ansible_runner import module_command, module_input, module_variables
from ansible_collections.acs.builders.tests.builders import Builders

MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=sys.stdin, capture_output=True, check=False)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
sys.stdout.write(json.dumps([done.returncode, spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1024,
    done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")]))
"""


class Measured(NamedTuple):
    """How a module ended: seconds of the processor, and the megabytes that it or a Git of its own had at most."""

    code: int
    seconds: float
    megabytes: float
    stdout: str
    stderr: str


def measure(fleet: Builders, server: str, module: str = "build_message", /, **options: Any) -> Measured:
    """Run a module and measure it."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *module_command(module)],
        cwd=fleet.folder,
        env=module_variables(fleet),
        input=module_input(fleet, server, **options),
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(*json.loads(done.stdout))
