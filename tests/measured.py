"""Measuring the CPU time and the memory of modules."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ansible_collections.acs.builders.tests import measured_module
from ansible_collections.acs.builders.tests.ansible_runner import module_command, module_input, module_variables, serve
from ansible_collections.acs.builders.tests.builders import Builders


class Measured(NamedTuple):
    """The result of a module, its CPU time in seconds, and the peak memory in megabytes of it or its Git processes."""

    code: int
    seconds: float
    megabytes: float
    stdout: str
    stderr: str


def measure(fleet: Builders, server: str, module: str = "build_message", /, **options: Any) -> Measured:
    """Run a module and measure it."""
    program, stdin = module_command(module)[-1], module_input(fleet, server, **options)
    done = serve(*(measured_module.__file__, program), cwd=fleet.folder, variables=module_variables(fleet), stdin=stdin)
    *stderr, needed = done.stderr.splitlines()
    seconds, megabytes = json.loads(needed)
    return Measured(done.code, seconds, megabytes, done.stdout, "\n".join(stderr))
