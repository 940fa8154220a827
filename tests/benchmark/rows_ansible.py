"""What Ansible adds: a module against ping, and a second set-up against as many tasks that do nothing."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import yaml
from ansible_collections.acs.builders.tests.ansible_runner import SET_UP, TOP, Run, ad_hoc, ansible
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared

OURS, PING, NOTHING = "ours", "ping", "no-op tasks"
ON_CONTROLLER = {"assert", "debug", "fail", "import_role", "include_role", "include_tasks", "meta", "set_fact"}
"""Actions that run no module on a host."""
VARIABLES = {name: value for name, value in json.loads(SET_UP).items() if name != "builders_trust_file"}
"""With which the set-up installs nothing on the machine that measures."""


def set_up(folder: Path, **variables: str | Path) -> Run:
    """Run the set-up on the two servers of the embedded default."""
    return succeeded(
        ansible("playbook", "setup.yml", "-e", json.dumps(VARIABLES), folder=folder, python=sys.executable, **variables)
    )


def succeeded(done: Run) -> Run:
    """A command that must have ended well.

    :raises RuntimeError: when it has not.
    """
    if done.code:
        raise RuntimeError(done.output[-2000:])
    return done


def module(scale: Scale) -> list[Result]:
    """`ansible build1 -m build_message` against `ansible build1 -m ping`."""
    set_up(scale.folder)
    sides = {
        OURS: lambda: succeeded(ad_hoc(scale.folder, "build1", "build_message", python=sys.executable)),
        PING: lambda: succeeded(ansible("adhoc", "build1", "-m", "ping", folder=scale.folder, python=sys.executable)),
    }
    times = alternate(sides, scale.pick(12, 1))
    return [compared("ansible build1 -m build_message / ping", times, OURS, PING, at_most=1.25)]


def second_set_up(scale: Scale) -> list[Result]:
    """A second run of setup.yml on two hosts against a play with as many tasks that do nothing."""
    set_up(scale.folder)
    tasks = scale.folder / "tasks"
    own = TOP / "tests" / "benchmark" / "callback"
    set_up(scale.folder, ANSIBLE_CALLBACK_PLUGINS=own, ANSIBLE_CALLBACKS_ENABLED="tasks", TASKS_FILE=tasks)
    ran = [line.split() for line in tasks.read_text(encoding="utf-8").splitlines()]
    play = scale.folder / "nothing.yml"
    play.write_text(yaml.safe_dump([no_op_play([(action, ended) for host, action, ended in ran if host == "build2"])]))
    sides = {
        OURS: lambda: set_up(scale.folder),
        NOTHING: lambda: succeeded(ansible("playbook", play, folder=scale.folder, python=sys.executable)),
    }
    times = alternate(sides, scale.pick(5, 1))
    counts = Counter(ended for _host, _action, ended in ran)
    return [
        compared("second run of setup.yml / no-op tasks", times, OURS, NOTHING, at_most=1.5, tasks=dict(counts)),
        Result("second run of setup.yml: tasks that changed something", counts["changed"], "", at_most=0),
    ]


def no_op_play(ran: list[tuple[str, str]]) -> dict[str, object]:
    """A play with a task that does nothing for each that ran: on the host, on the controller, or skipped.

    :param ran: the action of each, and how it ended.
    """
    tasks: list[dict[str, object]] = []
    for action, ended in ran:
        on_controller = action.rpartition(".")[2] in ON_CONTROLLER
        nothing = {"ansible.builtin.debug": {"msg": ""}} if on_controller else {"ansible.builtin.ping": {}}
        tasks.append({**nothing, **({"when": False} if ended == "skipped" else {})})
    return {"hosts": "builders", "gather_facts": False, "tasks": tasks}


ROWS = (Row("ansible module", module), Row("second set-up", second_set_up))
