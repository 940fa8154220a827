"""The overhead of Ansible: of a module, of a first and of a second set-up."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import yaml
from ansible_collections.acs.builders.tests.ansible_runner import SET_UP, Run, ad_hoc, ansible
from ansible_collections.acs.builders.tests.benchmark.history import add_commits
from ansible_collections.acs.builders.tests.benchmark.measuring import (
    Result,
    Row,
    Scale,
    alternate,
    compared,
    seconds_of,
)
from ansible_collections.acs.builders.tests.builders import make_builders
from ansible_collections.acs.builders.tests.sent_files import sent_files
from ansible_collections.acs.builders.tests.tasks import ON_CONTROLLER, Task, recorded, recording

OURS, PING, NOTHING = "ours", "ping", "no-op tasks"
VARIABLES = {name: value for name, value in json.loads(SET_UP).items() if name != "builders_trust_file"}
"""Variables with which the set-up installs nothing on the machine that measures."""


def set_up(folder: Path, **variables: str | Path) -> Run:
    """Run the set-up on the two servers of the embedded default."""
    return succeeded(
        ansible("playbook", "setup.yml", "-e", json.dumps(VARIABLES), folder=folder, python=sys.executable, **variables)
    )


def succeeded(done: Run) -> Run:
    """Return the result of a command that must have succeeded.

    :raises RuntimeError: if it failed.
    """
    if done.code:
        raise RuntimeError(done.output[-2000:])
    return done


def module(scale: Scale) -> list[Result]:
    """Compare `ansible build1 -m build_message` with `ansible build1 -m ping`."""
    set_up(scale.folder)
    sides = {
        OURS: lambda: succeeded(ad_hoc(scale.folder, "build1", "build_message", python=sys.executable)),
        PING: lambda: succeeded(ansible("adhoc", "build1", "-m", "ping", folder=scale.folder, python=sys.executable)),
    }
    times = alternate(sides, scale.pick(12, 1))
    return [
        compared("ansible build1 -m build_message / ping", times, OURS, PING, at_most=1.5),
        Result("files sent for build_message", len(sent_files(scale.folder, "build_message")), "", at_most=45),
    ]


def second_set_up(scale: Scale) -> list[Result]:
    """Compare a second run of setup.yml on two hosts and the operator with as many tasks that do nothing on each."""
    set_up(scale.folder)
    tasks = scale.folder / "tasks"
    set_up(scale.folder, **recording(tasks))
    ran = recorded(tasks)
    play = scale.folder / "nothing.yml"
    play.write_text(yaml.safe_dump(no_op_plays(ran)))
    sides = {
        OURS: lambda: set_up(scale.folder),
        NOTHING: lambda: succeeded(ansible("playbook", play, folder=scale.folder, python=sys.executable)),
    }
    times = alternate(sides, scale.pick(5, 1))
    counts = Counter(one.ended for one in ran)
    return [
        compared("second run of setup.yml / no-op tasks", times, OURS, NOTHING, at_most=1.3, tasks=dict(counts)),
        Result("second run of setup.yml: module calls", sum(one.modules for one in ran), ""),
        Result("second run of setup.yml: tasks that changed something", counts["changed"], "", at_most=0),
    ]


def first_set_up(scale: Scale) -> list[Result]:
    """Measure the first run of setup.yml on two hosts, with a repository of many commits, by role."""
    remote = make_builders(scale.folder, (), legacy=True).remote
    commits = scale.pick(100_000, 50)
    add_commits(remote, commits)
    tasks = scale.folder / "tasks"
    took = seconds_of(lambda: set_up(scale.folder, **recording(tasks)))
    longest: dict[tuple[str, str], float] = {}
    for one in recorded(tasks):
        role = "the plays" if one.role == "-" else one.role
        longest[role, one.id] = max(one.seconds, longest.get((role, one.id), 0))
    roles: dict[str, float] = {}
    for (role, _id), seconds in longest.items():
        roles[role] = roles.get(role, 0) + seconds
    name = f"first run of setup.yml, {commits:,} commits"
    slowest = sorted(roles, key=lambda role: -roles[role])
    found = [Result(f"{name}: of it, {role.rpartition('.')[2]}", roles[role] / took) for role in slowest]
    return [Result(name, took, "s"), *found]


def no_op_plays(ran: list[Task]) -> list[dict[str, object]]:
    """Return plays with a no-op task for each task that ran: on the same hosts, on the controller, or skipped."""
    plays: list[dict[str, object]] = []
    tasks = (list(task) for _id, task in groupby(ran, key=lambda one: one.id))
    for hosts, same in groupby(tasks, key=lambda task: sorted(one.host for one in task)):
        plays.append({"hosts": ":".join(hosts), "gather_facts": False, "tasks": [no_op_task(task) for task in same]})
    return plays


def no_op_task(task: list[Task]) -> dict[str, object]:
    """Return a no-op task.

    :param task: the task that it stands for, on each of its hosts.
    """
    on_controller = task[0].action.rpartition(".")[2] in ON_CONTROLLER
    nothing = {"ansible.builtin.debug": {"msg": ""}} if on_controller else {"ansible.builtin.ping": {}}
    skipped = [one.host for one in task if one.ended == "skipped"]
    return {**nothing, **({"when": f"inventory_hostname not in {skipped}"} if skipped else {})}


ROWS = (Row("ansible module", module), Row("first set-up", first_set_up), Row("second set-up", second_set_up))
