"""Test locks between processes of a server."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

HOLDER = textwrap.dedent(
    """
    import fcntl, os, sys
    fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
    """
)


def test_a_lock_that_another_process_holds(state: StateDirectory) -> None:
    """The lock is refused with a clear error, and available when that process is killed."""
    lock = state.make("repos") / "x.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateUnusable, match=f"held the lock {lock}") as caught, state.lock("repos/x.lock", 0.05):
            pass
        assert f"fuser -v {lock}" in caught.value.remedy
        holder.kill()
    with state.lock("repos/x.lock", 0):
        assert lock.exists()
