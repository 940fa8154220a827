"""Test the collection from a plain clone and from its archive, with only ansible-core and GitPython."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import (
    TASKS,
    TOP,
    Run,
    ansible,
    copy_checkout,
    environment,
    finding_tests,
    make_python,
    run,
)
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.python_server import OF_ANSIBLE, OF_MODULES, PythonServer
from ansible_collections.acs.builders.tests.waiting import LIMIT

SUFFIXES = (
    *("", ".py", ".yml", ".j2", ".css", ".js", ".md", ".rst", ".json", ".svg", ".png", ".txt", ".1", ".zsh", ".bash"),
)
OUTSIDE = {"README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.json", "FILES.json"}
FOLDERS = {"docs", "extensions", "meta", "playbooks", "plugins", "roles"}
"""The folders at the top of an archive."""


class Place(NamedTuple):
    """A folder in which Ansible runs, with an inventory and the folder of the embedded servers.

    :param controller: the server in whose forks Ansible runs.
    :param served: variables with which modules run on a server that has loaded Ansible's modules.
    """

    cwd: Path
    inventory: Path
    controller: PythonServer
    servers: Path
    served: dict[str, str]
    variables: dict[str, Any]

    def ansible(self, program: str, *arguments: str, **variables: str) -> Run:
        """Run Ansible in the folder; it must succeed."""
        options = {"cwd": self.cwd, "inventory": self.inventory, "server": self.controller, **self.variables}
        done = ansible(program, *arguments, folder=self.servers, **options, **variables)
        assert done.code == 0, done.output
        return done

    def module(self, name: str, server: str = "build1", **options: Any) -> dict[str, Any]:
        """Run a module in a separate process, and return its result."""
        given = " ".join(f"{option}='{value}'" for option, value in options.items())
        places = "repo='{{ builders_repo }}' state_dir='{{ builders_state_dir }}'"
        return self.ansible("adhoc", server, "-m", name, "-a", f"{places} {given}").result

    def counts(self, playbook: str, *arguments: str) -> dict[str, dict[str, int]]:
        """Run a playbook and return the counts of its recap, by server."""
        recap = self.ansible("playbook", playbook, *arguments, **self.served, **TASKS).stdout.partition("PLAY RECAP")[2]
        lines = re.findall(r"^(\w+) +: (.*)$", recap, re.MULTILINE)
        return {server: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", counts)} for server, counts in lines}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with only ansible-core, GitPython and their dependencies."""
    return make_python(tmp_path_factory.mktemp("control") / "python", "ansible-core", "GitPython")


@pytest.fixture(scope="module")
def served(python: Path) -> dict[str, str]:
    """Return the variables of a server of modules that uses this Python."""
    return PythonServer(finding_tests(), OF_MODULES, python).variables


@pytest.fixture(scope="module")
def controller(python: Path) -> PythonServer:
    """Return a server of Ansible that uses this Python."""
    return PythonServer(finding_tests(), OF_ANSIBLE, python)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plain clone of this checkout, including uncommitted changes."""
    folder = tmp_path_factory.mktemp("clone")
    copy_checkout(folder / "source")
    git("init", "--quiet", "--initial-branch=main", folder / "source")
    git("add", "--all", "--force", cwd=folder / "source")
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    git(*identity, "commit", "--quiet", "--message=all", cwd=folder / "source")
    git("clone", "--quiet", folder / "source", folder / "builders")
    shutil.rmtree(folder / "source")
    return folder / "builders"


@pytest.fixture(scope="module")
def archive(clone: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the archive, built in a clone with files of normal work."""
    folder = tmp_path_factory.mktemp("archive")
    worked_in = folder / "builders"
    shutil.copytree(clone, worked_in, symlinks=True)
    for junk in (
        ".venv/run/bin/python",
        ".embedded/Build.git/HEAD",
        ".mypy_cache/x.json",
        "plugins/modules/__pycache__/build_message.cpython-311.pyc",
        "plugins/module_utils/coordination/__pycache__/fleet.cpython-311.pyc",
        "plugins/modules/.build_message.py.swp",
        "tests/output/x.txt",
        "acs-builders-0.0.1.tar.gz",
        "build/x",
    ):
        (worked_in / junk).parent.mkdir(parents=True, exist_ok=True)
        (worked_in / junk).write_text("junk")
    variables = environment(folder / "home")
    done = run(python, "-m", "ansible", "galaxy", "collection", "build", cwd=worked_in, variables=variables)
    assert done.code == 0, done.output
    (built,) = set(worked_in.glob("acs-builders-*.tar.gz")) - {worked_in / "acs-builders-0.0.1.tar.gz"}
    return built


@pytest.fixture
def in_clone(clone: Path, controller: PythonServer, served: dict[str, str], tmp_path: Path) -> Place:
    """Return a plain clone before the set-up."""
    return Place(clone, clone / "inventory" / "local.yml", controller, tmp_path, served, {})


@pytest.fixture(scope="module")
def collections(archive: Path, python: Path) -> Path:
    """Install the archive outside of any checkout, and return the folder."""
    folder = archive.parent.parent / "collections"
    install = ("galaxy", "collection", "install", archive, "-p", folder, "--offline")
    done = run(python, "-m", "ansible", *install, cwd=folder.parent, variables=environment(folder.parent / "home"))
    assert done.code == 0, done.output
    return folder


@pytest.fixture
def installed(collections: Path, controller: PythonServer, served: dict[str, str], tmp_path: Path) -> Place:
    """Return a folder with an inventory that uses the installed archive."""
    cwd, servers = tmp_path / "project", tmp_path / "servers"
    (cwd / "group_vars").mkdir(parents=True)
    servers.mkdir()
    shutil.copy(TOP / "inventory" / "local.yml", cwd / "inventory.yml")
    shutil.copy(TOP / "inventory" / "group_vars" / "operators.yml", cwd / "group_vars")
    variables = {"ANSIBLE_COLLECTIONS_PATH": collections}
    return Place(cwd, cwd / "inventory.yml", controller, servers, served, variables)


def run_modules(place: Place, prefix: str = "") -> None:
    """Run each module, by its name with this prefix, on the servers of a place."""
    message, job = f"{prefix}build_message", f"{prefix}build_job"
    sent = place.module(message, state="sent", subject="Ready", body="build1 is ready.")
    assert (sent["changed"], sent["delivery"]) == (True, "pushed")
    (step,) = place.module(f"{prefix}build_response", "build2")["steps"]
    assert step["message"]["id"] == sent["message"]["id"]
    inbox = place.module(message, "build2")
    assert [(m["from"], m["subject"]) for m in inbox["messages"]] == [("build1", "Ready")]
    assert place.module(f"{prefix}build_status", status="idle")["status"]["manager"] == "Codex"
    facts = place.module(f"{prefix}build_heartbeat_fact")["ansible_facts"]["build_heartbeat"]
    assert (facts["server_id"], facts["partner"], set(facts["servers"])) == ("build1", "build2", {"build1", "build2"})
    folders = {"source": str(place.servers), "log_folder": f"{place.servers}/logs"}
    place.module(job, state="started", job="job_1", command="touch a.deb", artifacts="*.deb", **folders)
    ended = place.module(job, wait=LIMIT)["job"]
    assert (ended["exit_code"], ended["artifacts"][0]["path"]) == (0, str(place.servers / "a.deb"))
    seen = place.ansible("adhoc", "build1", "-m", f"{prefix}build_environment_fact").result
    assert seen["ansible_facts"]["build_environment"]["toolchain"]["git"]
    subjects = [entry["subject"] for entry in Builders(place.servers, ()).messages()]
    assert subjects == ["Ready", "Build started: job_1", "Build succeeded: job_1"]


def check_set_up(place: Place, *servers: str) -> None:
    """Check that only these servers were set up."""
    for server in ("build1", "build2"):
        identity = place.servers / server / "state" / "server_id"
        assert identity.exists() == (server in servers)
        if identity.exists():
            assert identity.read_text() == f"{server}\n"
            assert (place.servers / server / "Build" / ".git").is_dir()


def test_a_plain_clone(in_clone: Place) -> None:
    only = in_clone.counts("setup.yml", "--limit", "build2")
    assert (set(only), only["build2"]["failed"]) == ({"build2"}, 0)
    check_set_up(in_clone, "build2")
    both = in_clone.counts("acs.builders.setup", "--limit", "builders")
    assert both["build1"]["changed"] > 0
    assert (both["build2"]["ok"] > 3, both["build2"]["changed"]) == (True, 1), "the trusted keys: build1 is new"
    check_set_up(in_clone, "build1", "build2")
    run_modules(in_clone)
    left = set(git("status", "--short", "--ignored", cwd=in_clone.cwd).splitlines())
    cached = {f"!! plugins/{kind}/__pycache__/" for kind in ("action", "filter")}
    assert left <= {"!! .ansible/", *cached}, "only caches of Ansible and Python"


def test_what_is_installed_from_the_archive(installed: Place) -> None:
    counts = installed.counts("acs.builders.setup")
    assert all(count["changed"] > 0 and count["failed"] == 0 for count in counts.values())
    check_set_up(installed, "build1", "build2")
    run_modules(installed, "acs.builders.")


def test_the_archive_holds_what_a_user_needs_and_nothing_else(archive: Path, clone: Path) -> None:
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert [member.name for member in members if not (member.isreg() or member.isdir())] == []
    names = {member.name for member in members if member.isreg()}
    assert {name.partition("/")[0] for name in names} <= OUTSIDE | FOLDERS
    assert {name for name in names if "/" not in name} <= OUTSIDE
    assert names >= {"MANIFEST.json", "FILES.json", "LICENSE", "meta/runtime.yml", "playbooks/setup.yml"}
    for folder, pattern in (
        ("plugins", "*.py"),
        ("extensions", "*.*"),
        ("roles", "*.yml"),
        ("roles", "*.j2"),
        ("playbooks", "*.yml"),
    ):
        assert names >= {str(path.relative_to(clone)) for path in (clone / folder).rglob(pattern)}
    for name in names:
        assert not any(part.startswith(".") for part in Path(name).parts), name
        assert Path(name).suffix in SUFFIXES, name
        assert not {"tests", "molecule", "tools", "__pycache__", "inventory"} & set(Path(name).parts), name


def test_the_documentation_that_is_installed(collections: Path, python: Path, tmp_path: Path) -> None:
    variables = environment(tmp_path / "home", ANSIBLE_COLLECTIONS_PATH=collections, PAGER="cat")
    names = ("message", "status", "heartbeat_fact", "response", "job", "environment_fact", "dashboard")
    modules = [f"acs.builders.build_{name}" for name in names]
    done = run(python, "-m", "ansible", "doc", *modules, cwd=tmp_path, variables=variables)
    assert done.code == 0 and done.stderr == "", done.output
    assert done.stdout.count("state_dir") >= 3
