"""A module that measures itself, for tests/measured.py: ``measured_module.py NAME``.

The last line of its standard error contains its CPU time in seconds, and the peak memory in megabytes of it or its Git
processes.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys

if __name__ == "__main__":
    program = sys.argv.pop()  # a module takes an argument for the file of its options
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    finally:
        spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        seconds = sum(one.ru_utime + one.ru_stime for one in spent)
        megabytes = max(one.ru_maxrss for one in spent) / 1024
        print(json.dumps([seconds, megabytes]), file=sys.stderr)
