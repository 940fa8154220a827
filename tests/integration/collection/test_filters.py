"""What Ansible loads for a filter: all filters of the collection, in each process that runs a task with one of them."""

from __future__ import annotations

import sys

from ansible_collections.acs.builders.tests.ansible_runner import TOP, finding_tests, run

LOAD = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(f"ansible_collections.acs.builders.plugins.filter.{name}").FilterModule().filters()
print(*(name for name in sys.modules if ".module_utils." in name and name.startswith("ansible_collections.")))
"""


def test_a_filter_loads_what_it_needs_when_it_is_used() -> None:
    names = sorted(path.stem for path in (TOP / "plugins" / "filter").glob("*.py"))
    loaded = run(sys.executable, "-c", LOAD, *names, cwd=TOP, variables=finding_tests())
    assert len(names) >= 12 and (loaded.code, loaded.stdout.split()) == (0, []), loaded.output
