"""The side effects: each folder of them runs on its own copy of the converged rig, all at the same time.

After a folder's side effects, the tests of the set-up run on its copy again. The environment variable SIDE_EFFECTS
contains arguments for pytest that select some of them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.cluster.lifecycle import copy
from ansible_collections.acs.builders.tests.cluster.places import TOP, place

SCENARIO = TOP / "molecule/cluster"


def run_side_effects(source: str) -> bool:
    """Run all side effects, print the output of pytest for each folder, and return whether all passed.

    :param source: the name of the converged rig.
    """
    folders = sorted(folder for folder in (SCENARIO / "side_effects").iterdir() if list(folder.glob("test_*.py")))
    copy(source, *[folder.name for folder in folders])
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(_run, folders))
    for folder, process in zip(folders, ended):
        print(f"\n==> side effects: {folder.name}, and the tests of the set-up\n{process.stdout}", flush=True)
    good = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} if os.environ.get("SIDE_EFFECTS") else {0}
    codes = {process.returncode for process in ended}
    return codes <= good and 0 in codes


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    rig = place(folder.name)
    reports = os.environ.get("ACS_BUILDERS_REPORTS")
    report = [f"--report-log={reports}/cluster-{folder.name}.jsonl"] if reports else []
    options = ("-v", "--durations=10", "-p", "no:cacheprovider", f"--ansible-inventory={rig}/inventory.yml")
    given = shlex.split(os.environ.get("SIDE_EFFECTS", ""))
    basetemp = f"--basetemp={rig}/pytest"  # because pytest removes files of other runs in the shared one
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, basetemp, *report, folder, SCENARIO / "tests", *given],
        cwd=TOP,
        env={**os.environ, "RIG": str(rig), "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
