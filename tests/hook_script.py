"""The script that the clients of a manager call, as the role build_manager installs it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from ansible_collections.acs.builders.tests.ansible_runner import TOP
from ansible_collections.acs.builders.tests.running_service import COMMAND
from ansible_collections.acs.builders.tests.waiting import LIMIT
from jinja2 import Environment

COMMAND_SCRIPT = """#!/bin/sh
PYTHONPATH={path} exec {python} -m {command} --config {config} "$@"
"""


def install_hook(folder: Path, state: Path, limit: float = LIMIT) -> Path:
    """Write the script and a command ``builderctl`` for it into a folder, and return the path of the script.

    :param limit: seconds after which it ends the command.
    """
    config, command, hook = folder / "builderctl.json", folder / "builderctl", folder / "hook"
    if not config.exists():
        config.write_text(json.dumps({"state_dir": str(state)}))
    values = {"path": TOP / "collections", "python": sys.executable, "command": COMMAND, "config": config}
    command.write_text(COMMAND_SCRIPT.format(**values))
    environment = Environment(autoescape=False)
    environment.filters["quote"] = shlex.quote
    template = environment.from_string((TOP / "roles/build_manager/templates/hook.j2").read_text(encoding="utf-8"))
    text = template.render(
        build_manager_state_dir=str(state), build_manager_builderctl=str(command), build_manager_hook_limit=limit
    )
    hook.write_text(text)
    for path in (command, hook):
        path.chmod(0o755)
    return hook
