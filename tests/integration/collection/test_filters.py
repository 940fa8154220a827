"""Test what is loaded with all filters, as Ansible loads them in each process that uses one of them."""

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
