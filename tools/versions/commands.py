"""The commands of daily work, on two servers of this machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from .pythons import Environment

PLACES = "repo='{{ builders_repo }}' state_dir='{{ builders_state_dir }}'"
COMMANDS: dict[str, tuple[str, ...]] = {
    "set up": ("playbook", "setup.yml"),
    "set up again": ("playbook", "acs.builders.setup", "--check", "--diff"),
    "announce": ("playbook", "playbooks/announce.yml", "-e", "subject=Maintenance", "-e", "body=Soon."),
    "request": (
        *("adhoc", "build1", "-m", "acs.builders.build_message"),
        *("-a", f"{PLACES} state=sent type=request subject='Status check' body='What is your status?'"),
    ),
    "request a check": (
        *("adhoc", "build1", "-m", "acs.builders.build_message"),
        *("-a", f"{PLACES} state=sent type=request subject='Check package libssl-dev' body=x"),
    ),
    "list": ("adhoc", "build2", "-m", "build_message", "-a", f"{PLACES} query=[?type=='request']"),
    "respond": ("playbook", "playbooks/respond.yml"),
    "install packages": ("playbook", "playbooks/install_packages.yml", "-e", '{"packages": ["libssl-dev"]}'),
    "compare": ("playbook", "playbooks/check_environment.yml"),
    "build": (
        *("playbook", "playbooks/run_build.yml", "-l", "build1", "-e", "job=job_42"),
        *("-e", "source={folder}", "-e", "command=true"),
    ),
    "status": ("adhoc", "build1", "-m", "acs.builders.build_status", "-a", f"{PLACES} status=idle", "--diff"),
    "rotate a key": ("playbook", "playbooks/trust.yml", "-e", "build_trust_rotate=build1"),
    "heartbeat": ("adhoc", "builders", "-m", "acs.builders.build_heartbeat_fact", "-a", f"{PLACES} beat=true"),
    "health": ("playbook", "playbooks/health.yml"),
    "page": ("playbook", "playbooks/dashboard.yml", "-e", "dest={folder}/page.html"),
    "recover": ("playbook", "playbooks/recover.yml"),
    "environment": ("adhoc", "build1", "-m", "acs.builders.build_environment_fact"),
}
AS_SERVER = ("set up", "request", "list", "build", "status", "heartbeat", "environment")
"""Commands that run each module on a server."""
ON_CONTROLLER = tuple(name for name in COMMANDS if name != "environment")
SHORT = ("set up", "request", "request a check", "list", "respond", "heartbeat", "health")
SHOWN = 15
"""The number of lines that are printed of the output of a command that failed."""


class Scene:
    """Two servers of this machine, in an empty folder.

    :param top: the folder of the checkout.
    :param folder: the folder of the servers.
    :param environment: the Python that runs Ansible.
    :param server_python: the Python of the servers; that of Ansible if it is not given.
    """

    def __init__(self, top: Path, folder: Path, environment: Environment, server_python: str | None = None) -> None:
        self._top, self._folder, self._python = top, folder, environment.python
        self._options = ("-e", json.dumps({"ansible_python_interpreter": server_python})) if server_python else ()

    def run(self, names: tuple[str, ...]) -> str:
        """Run commands one after the other, and return their outcome in one line."""
        failed, warned = [], []
        for name in names:
            done = self._run([word.replace("{folder}", str(self._folder)) for word in COMMANDS[name]])
            if done.returncode:
                failed.append(name)
                lines = (done.stdout + done.stderr).splitlines()
                print("\n".join([f"==> {name} failed with {self._python}", *lines[-SHOWN:]]), flush=True)
            elif "WARNING]" in done.stdout + done.stderr:
                warned.append(name)
        counts = f"{'FAILED' if failed else 'ok'}: {len(names) - len(failed)} of {len(names)} commands"
        lists = (("failed", failed), ("with warnings", warned))
        return "; ".join([counts, *(f"{what}: {', '.join(which)}" for what, which in lists if which)])

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        configuring = ("ANSIBLE_", "GIT_", "PYTHON", "ACS_")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(configuring)}
        variables.update(
            HOME=str(self._folder / "home"),
            LC_ALL="C.UTF-8",
            ACS_BUILDERS_SCRATCH=str(self._folder),
            ANSIBLE_CONFIG=str(self._top / "ansible.cfg"),
            ANSIBLE_NOCOLOR="1",
        )
        (self._folder / "home").mkdir(exist_ok=True)
        program, *arguments = words
        inventory = ("-i", str(self._top / "inventory" / "local.yml"))
        command = [self._python, "-m", "ansible", program, *inventory, *arguments, *self._options]
        return subprocess.run(
            command, cwd=self._top, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
