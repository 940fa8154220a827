"""Running the modules as Ansible does, and Ansible itself, without variables of the caller that could affect them."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.python_server import MODULES, OF_ANSIBLE, PythonServer, modules_server
from ansible_collections.acs.builders.tests.python_start import sitecustomize
from ansible_collections.acs.builders.tests.waiting import LIMIT
from packaging.requirements import Requirement

TOP = Path(__file__).resolve().parent.parent
LOCAL_INVENTORY = TOP / "inventory" / "local.yml"
SET_UP = json.dumps(
    {
        "build_repository_packages": [],
        "build_heartbeat_packages": [],
        "build_trust_packages": [],
        "build_heartbeat_service": False,
        "builders_trust_file": "/root/signers.json",
    }
)
"""Variables with which the set-up installs no package and no service on the machine that runs the tests, and does not
change this checkout."""


TASKS = {"ANSIBLE_STDOUT_CALLBACK": "default"}
"""Variables with which Ansible prints the result of each task."""


class Run(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Standard output and standard error."""
        return f"{self.stdout}\n{self.stderr}"

    @property
    def result(self) -> dict[str, Any]:
        """The result of the module: alone on stdout, or as `ansible` prints it."""
        printed = re.search(r"^\w+ \| [A-Z!]+ => ", self.stdout, re.MULTILINE)
        result: dict[str, Any] = json.loads(self.stdout[printed.end() if printed else 0 :])
        return result


def neutral() -> dict[str, str]:
    """Return the variables of this process, except those that configure Ansible, Git, Python or a proxy."""
    configuring = ("ANSIBLE_", "GIT_", "PYTHON", "ACS_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(configuring) and not name.lower().endswith("_proxy")
    }
    return {**kept, "LC_ALL": "C.UTF-8"}


def environment(home: Path, **more: str | Path) -> dict[str, str]:
    """Return the variables for a command: neutral ones, and its own home folder."""
    home.mkdir(exist_ok=True)
    return {**neutral(), "HOME": str(home), **{name: str(value) for name, value in more.items()}}


def run(*command: str | Path, cwd: Path, variables: Mapping[str, str], stdin: str = "") -> Run:
    """Run a command, which may be a script of several plays."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=dict(variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=5 * LIMIT,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def as_operator(covered: list[str], builders: Builders, script: str) -> Run:
    """Run a script in the checkout as an operator would; every host of the inventory is this machine.

    :param covered: the words of a command that covers the system folders of this machine and runs another command.
    """
    variables = environment(
        builders.folder / "home",
        **served(),
        **TASKS,
        ANSIBLE_TRANSPORT="local",
        ANSIBLE_PYTHON_INTERPRETER=sys.executable,
        REMOTE=builders.remote,
        SET_UP=SET_UP,
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    return run(*covered, "sh", "-euc", script, cwd=TOP, variables=variables)


def ansible(program: str, *arguments: str | Path, folder: Path, **options: Any) -> Run:
    """Run Ansible in this checkout, on the embedded servers in a folder.

    :param program: ``adhoc`` or ``playbook``.
    :param options: ``cwd``, ``inventory``, and environment variables in capitals; ``python``, to run Ansible as a
        process of this Python, or ``server``, to run it in a server with another Python: with both, its modules are
        processes.
    """
    cwd, python, server = options.pop("cwd", TOP), options.pop("python", None), options.pop("server", None)
    inventory = options.pop("inventory", LOCAL_INVENTORY)
    configuration = {"ANSIBLE_CONFIG": cwd / "ansible.cfg"} if (cwd / "ansible.cfg").exists() else {}
    here = {} if python or server else served()
    variables = environment(folder / "home", ACS_BUILDERS_SCRATCH=folder, **{**configuration, **here, **options})
    words = ("-m", "ansible", program, "-i", str(inventory), *map(str, arguments))
    if python:
        return run(python, *words, cwd=cwd, variables=variables)
    return Run(*(server or controller()).run(*words, cwd=cwd, variables=variables))


def ad_hoc(folder: Path, server: str, module: str, *arguments: str, **options: Any) -> Run:
    """Run one module of this collection with `ansible` on an embedded server.

    :param options: those of :func:`ansible`, and ``options``, those of the module.
    """
    given = {"repo": "{{ builders_repo }}", "state_dir": "{{ builders_state_dir }}", **options.pop("options", {})}
    return ansible("adhoc", server, "-m", module, "-a", json.dumps(given), *arguments, folder=folder, **options)


def module_command(module: str = "build_message") -> list[str]:
    """Return the command that runs a module as a process; it reads its arguments from standard input."""
    return [sys.executable, "-m", f"{MODULES}.{module}"]


def module_input(builders: Builders, speaker: str, /, **options: Any) -> str:
    """Return the standard input of a module; ``check`` and ``diff`` are the modes it runs in."""
    check, diff = options.pop("check", False), options.pop("diff", False)
    places = {
        "repo": str(builders.clone(speaker)),
        "state_dir": str(builders.state(speaker)),
        "pat_file": str(builders.folder / "PAT"),
        "timeout": LIMIT,
    }
    arguments = {**places, **options, "_ansible_check_mode": check, "_ansible_diff": diff}
    return json.dumps({"ANSIBLE_MODULE_ARGS": {name: value for name, value in arguments.items() if value is not None}})


def module_variables(builders: Builders, **more: str | Path) -> dict[str, str]:
    """Return the environment of a module."""
    return environment(builders.folder / "home", PYTHONPATH=TOP / "collections", **more)


def call(builders: Builders, speaker: str, module: str = "build_message", /, **options: Any) -> Run:
    """Run a module on a server, as Ansible does; ``variables`` are added to its environment."""
    variables = module_variables(builders, **options.pop("variables", {}))
    stdin = module_input(builders, speaker, **options)
    return serve(*module_command(module)[1:], cwd=builders.folder, variables=variables, stdin=stdin)


def serve(*words: str, cwd: Path, variables: Mapping[str, str], **options: Any) -> Run:
    """Run Python with these words on its command line: as isolated as a process, but faster.

    :param options: ``stdin`` and ``limit``.
    """
    return Run(*modules().run(*words, cwd=cwd, variables=variables, **options))


@functools.cache
def modules() -> PythonServer:
    """Return the server that runs modules for this process."""
    return modules_server(finding_tests())


@functools.cache
def controller() -> PythonServer:
    """Return the server that runs Ansible for this process."""
    return PythonServer(finding_tests(), OF_ANSIBLE)


def served() -> dict[str, str]:
    """Return variables with which the programs of Ansible, and the modules that they run, run in these two servers.

    All runs have the same ANSIBLE_HOME, so that the configuration of Ansible does not depend on the home of a test.
    """
    own_home = Path(controller().address).with_name("ansible")
    return {**modules().variables, sitecustomize.ANSIBLE: controller().address, "ANSIBLE_HOME": str(own_home)}


def finding_tests() -> dict[str, str]:
    """Return an environment in which Python finds the package of the tests."""
    return {**neutral(), "PYTHONPATH": str(TOP / "collections")}


def succeed(builders: Builders, speaker: str, module: str = "build_message", /, **options: Any) -> dict[str, Any]:
    """Run a module, which must succeed, and return its result."""
    done = call(builders, speaker, module, **options)
    assert done.code == 0, done.output
    return done.result


def fail(builders: Builders, speaker: str, module: str = "build_message", /, **options: Any) -> dict[str, Any]:
    """Run a module, which must fail with a message of one line and no traceback, and return its result."""
    done = call(builders, speaker, module, **options)
    check_failure(done)
    return done.result


def check_failure(done: Run) -> None:
    """Check that a module failed with a message of one line and no traceback."""
    assert done.code != 0, done.output
    assert "Traceback" not in done.output
    assert "Error:" not in done.output
    result = done.result
    assert result["failed"] is True
    assert "exception" not in result
    assert "\n" not in result["msg"].strip()
    assert 20 < len(result["msg"]) < 700


def send(builders: Builders, speaker: str, subject: str = "Ready", body: str = "All set.", **options: Any) -> str:
    """Send a message and return its id."""
    result = succeed(builders, speaker, state="sent", subject=subject, body=body, **options)
    message_id: str = result["message"]["id"]
    return message_id


def listed(builders: Builders, speaker: str, **options: Any) -> list[str]:
    """Return the subjects that a server lists."""
    return [message["subject"] for message in succeed(builders, speaker, **options)["messages"]]


def kept_state(builders: Builders, server: str) -> dict[str, str]:
    """Return the digest of each file of a server's state, except its repositories, an empty outbox and some locks."""
    state = builders.state(server)
    outbox = Outbox(StateDirectory(state)).read()
    left_out = ("repos/", "beats.", "waiting.lock", *(() if outbox.items or outbox.rejected else ("outbox.",)))
    files = (path for path in sorted(state.rglob("*")) if path.is_file())
    names = ((str(path.relative_to(state)), path) for path in files)
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in names if not name.startswith(left_out)
    }


def copy_checkout(folder: Path) -> None:
    """Copy the files of this checkout that Git knows or would add, links as links."""
    listed = run(
        *("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), cwd=TOP, variables=os.environ
    ).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # it was removed, maybe just now
            shutil.copy2(TOP / name, folder / name, follow_symlinks=False)


def make_python(folder: Path, *distributions: str) -> Path:
    """Create a Python with only these distributions and their requirements, linked from the one that runs the tests."""
    venv.EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", script, cwd=folder, variables={}).stdout.strip())
    for name in _closure(distributions):
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            if not (site / top).exists():
                (site / top).symlink_to(str(found.locate_file(top)))
    return python


def _closure(names: tuple[str, ...]) -> set[str]:
    """Return the distributions and all that they require."""
    done: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in done:
            done.add(name)
            requirements = map(Requirement, distribution(name).requires or [])
            todo += [r.name for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})]
    return done
