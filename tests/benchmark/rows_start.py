"""What a session of a manager begins with: nothing new to read, mail that is there, and a hook with nothing to say."""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial
from typing import Callable

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.benchmark.far_host import FarHost
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, Command, make_scene, move_remotes
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.hook_script import install_hook

READ, WAIT, REMOTE, LOADED, GITPYTHON, HOOK = "read", "wait", "git ls-remote", "loaded", "import git", "hook"


def starts(scale: Scale) -> list[Result]:
    """Commands of build2 with their start, over https with a round trip of 40 ms, without the service."""
    builders = make_scene(scale.folder)
    rounds = scale.pick(15, 1)
    threads = iter(send_each(builders, rounds + 1))
    command = Command(builders, "build2")
    state = scale.folder / "quiet"
    state.mkdir()
    (scale.folder / "hooks").mkdir()
    hook = install_hook(scale.folder / "hooks", state)
    remote = ["git", "-C", str(builders.clone("build2")), "ls-remote", "--quiet", "origin", "refs/heads/main"]
    with FarHost(scale.folder, scale.folder) as host:
        move_remotes(builders, host.url, host.certificate)
        command.configure(pat_file=str(host.pat_file))
        sides: dict[str, Callable[[], object]] = {
            READ: partial(command.run, "read", "--from", "build1", "--type", "error"),
            WAIT: lambda: command.run("wait", "--thread", next(threads)),
            REMOTE: partial(call, *remote),
            LOADED: command.load,
            GITPYTHON: partial(call, sys.executable, "-c", "import git"),
            HOOK: partial(call, str(hook), "turn-end", "claude"),
        }
        times = alternate(sides, rounds)
    hook_times = sorted(seconds * 1000 for seconds in times[HOOK])
    quartiles = statistics.quantiles(hook_times, n=4) if len(hook_times) > 1 else [hook_times[0]] * 3
    return [
        compared("read, nothing new, 40 ms / git ls-remote", times, READ, REMOTE, at_most=1.3),
        compared("wait that ends at once, 40 ms / git ls-remote", times, WAIT, REMOTE, at_most=1.3),
        compared("start of builderctl / python -c 'import git'", times, LOADED, GITPYTHON, at_most=1.1),
        Result(
            "hook with nothing to say",
            statistics.median(hook_times),
            "ms",
            at_most=100,
            spread=(quartiles[0], quartiles[2]),
            times={HOOK: times[HOOK]},
        ),
    ]


def send_each(builders: Builders, number: int) -> list[str]:
    """Send messages to build2, each in a thread of its own, and return the threads."""
    with builders.host("build1") as host:
        return [send(host, Draft(f"Measured {one}", BODY), ["build2"]).result[0].id for one in range(number)]


def call(*command: str) -> None:
    """Run a program with nothing on its standard input."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


ROWS = (Row("start", starts),)
