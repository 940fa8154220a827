"""The steps of the checks."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
OUTPUT = Path(os.environ.get("BUILDERS_OUTPUT", TOP / "tests" / "output"))
"""Where the output of each step is kept."""
LINKED = "collections/ansible_collections/acs/builders"
SCRIPTS = (
    *("roles/build_heartbeat/files/pack", "roles/build_repository/files/repair-clone"),
    *("tools/coverage", "tools/docs", "tools/docs-lint", "tools/galaxy-import", "tools/import-order"),
    *("tools/man_page.py", "tools/matrix", "tools/release", "tools/sanity", "tools/screenshot"),
    *("tools/served", "tools/test", "tools/test-changed"),
)
FORMS = {
    "dependabot": [".github/dependabot.yml"],
    "github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    "github-issue-forms": [f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug_report", "feature_request")],
}
"""The files of each schema that check-jsonschema contains."""
WORKFLOWS = sorted(str(path.relative_to(TOP)) for path in TOP.glob(".github/workflows/*.yml"))
REPORTS = "{reports}"
"""The placeholder in a command for the folder of the reports of the step."""
SCRATCH = "{scratch}"
"""The placeholder in a command for the folder of temporary files."""
PYTEST = (
    *("pytest", "--numprocesses=auto", "--dist=worksteal", f"--report-log={REPORTS}/pytest.jsonl"),
    f"--basetemp={SCRATCH}/p",  # short, since the path of a socket has at most 107 bytes (unix(7))
)


class Step(NamedTuple):
    """One check.

    :param group: the make target of the step.
    :param name: the name in the output.
    :param command: the program of the development environment, and its arguments.
    :param clean_up: a command that cleans up after the step was interrupted.
    :param arguments_variable: the environment variable for further arguments; empty if they are appended to the
        command.
    """

    group: str
    name: str
    command: tuple[str, ...]
    clean_up: tuple[str, ...] = ()
    arguments_variable: str = ""

    @property
    def slug(self) -> str:
        """The name as part of a file name."""
        return self.name.replace(" ", "-")


STEPS = (
    Step(
        "cluster",
        "molecule cluster",
        ("molecule", "test", "--scenario-name=cluster"),
        ("python", "tests/cluster", "down", "--all"),
        "SIDE_EFFECTS",
    ),
    Step("unit integration", "pytest", PYTEST),
    Step("molecule", "molecule default", ("python", "tools/served", "molecule", "test", "--scenario-name=default")),
    Step("sanity", "ansible-test sanity", ("python", "tools/sanity")),
    Step("matrix", "ansible-core versions", ("python", "tools/matrix", "--short")),
    Step("lint", "mypy", ("mypy", *(f"{LINKED}/{name}" for name in ("plugins", "extensions", "tests")), *SCRIPTS)),
    Step("lint", "ansible-lint", ("ansible-lint", "--strict")),
    Step("docs-lint", "documentation site", ("python", "tools/docs")),
    Step("docs-lint", "documentation", ("python", "tools/docs-lint")),
    Step("docs-lint", "galaxy-importer", ("python", "tools/galaxy-import")),
    Step("docs-lint", "changelog", ("antsibull-changelog", "lint")),
    Step("lint", "import order", ("python", "tools/import-order")),
    Step("lint", "yamllint", ("yamllint", "--strict", ".")),
    *(
        Step("lint", f"{schema} forms", ("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files))
        for schema, files in FORMS.items()
    ),
    Step("lint", "workflows", ("jactionlint", "--profile=correctness", "--shellcheck=", *WORKFLOWS)),
    Step("lint", "licenses", ("reuse", "lint", "--quiet")),
    Step("lint", "ruff check", ("ruff", "check")),
    Step("lint", "ruff format", ("ruff", "format", "--check")),
)
"""The steps in the order of their start, the longest first."""

PARTS = (
    Step("unit", "unit tests", (*PYTEST, "-o", "testpaths=tests/unit tests/contract", "-m", "not processes")),
    Step(
        "integration",
        "integration tests",
        (*PYTEST, "-o", "testpaths=tests/integration tests/contract", "-m", "not memory"),
    ),
)
"""The two halves of pytest, which run when they are named: without processes, and with them."""


def part_of(test: str) -> str:
    """Return the group of the half that a test of pytest belongs to."""
    return "unit" if test.startswith("tests/unit/") or "[memory" in test else "integration"


def cannot_run(step: Step) -> str:
    """Return why a step cannot run here; an empty string if it can, and always in CI."""
    if step.group != "cluster" or "CI" in os.environ:
        return ""
    if not shutil.which("apt-get"):
        return "it boots hosts, which needs Debian or Ubuntu"
    return "" if os.geteuid() == 0 else "it boots hosts, which needs root. Run it with: sudo make cluster"
