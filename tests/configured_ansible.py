"""Ansible with its configuration loaded, which takes most of the time of its start.

A process that has loaded it serves all runs with the same configuration: it forks for each (tests/python_forks.py).
Nothing of an inventory, of a playbook or of a collection is loaded before the fork.
"""

from __future__ import annotations

import atexit
import importlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

PROGRAMS = ("adhoc", "playbook", "ansible", "ansible-playbook")
"""The programs that are run in forks: the names after ``python -m ansible`` and those of the scripts."""
DECISIVE = re.compile(r"_?ansible_|lc_|lang|tz$|term$|columns$|lines$|no_color$|pager$|editor$", re.IGNORECASE)
"""The variables that configure Ansible (ansible/config/base.yml), and those of the terminal."""
LOADED = (
    *("ansible.cli.adhoc", "ansible.cli.playbook", "ansible.executor.process.worker"),
    *("ansible.plugins.callback.default", "ansible.plugins.callback.minimal", "ansible.plugins.strategy.linear"),
    *("ansible.plugins.connection.local", "ansible.plugins.shell.sh", "ansible.plugins.cache.memory"),
    *("ansible.plugins.inventory.yaml", "ansible.plugins.vars.host_group_vars"),
    *("ansible.plugins.action.normal", "ansible.plugins.action.assert", "ansible.plugins.action.command"),
    *("ansible.plugins.action.copy", "ansible.plugins.action.debug", "ansible.plugins.action.fail"),
    *("ansible.plugins.action.include_vars", "ansible.plugins.action.set_fact", "ansible.plugins.action.template"),
    "ansible.plugins.action.validate_argument_spec",
)

DESCRIBED = ("become", "callback", "connection", "inventory", "shell")
"""The kinds of plugins whose documentation each run reads for their options, which takes a fifth of a second."""


def configuration(
    cwd: str, words: list[str], variables: Mapping[str, str], descriptors: Iterable[int]
) -> Hashable | None:
    """Return everything that determines the configuration of a run; None if it must be a separate process.

    :param words: the command line of Python.
    :param descriptors: the standard input, output and error; Ansible behaves differently on a terminal.
    """
    program = words[2:3] if words[:2] == ["-m", "ansible"] else [os.path.basename(word) for word in words[:1]]
    if not program or program[0] not in PROGRAMS or any(map(os.isatty, descriptors)):
        return None
    decisive = frozenset(item for item in variables.items() if DECISIVE.match(item[0]))
    return cwd, "ANSIBLE_HOME" in variables or variables.get("HOME"), decisive


def load(cache: Path) -> None:
    """Load Ansible in the current folder and environment.

    :param cache: a folder to create for the modules that it wraps.
    """
    for name in LOADED:
        importlib.import_module(name)
    constants, manager = sys.modules["ansible.constants"], sys.modules["ansible.config.manager"]
    plugins = sys.modules["ansible.plugins.loader"]
    for kind in DESCRIBED:
        list(getattr(plugins, f"{kind}_loader").all(class_only=True))
    _read_metadata()
    shutil.rmtree(constants.DEFAULT_LOCAL_TMP)
    atexit.unregister(manager.cleanup_tmp_file)
    cache.mkdir()


def _read_metadata() -> None:
    """Read the metadata of ansible.builtin, ten thousand lines of YAML, before the runs that need it."""
    finder: Any = importlib.import_module("ansible.utils.collection_loader._collection_finder")
    path = Path(importlib.import_module("ansible").__file__ or "").parent / "config" / "ansible_builtin_runtime.yml"
    parse, content = finder._meta_yml_to_dict, path.read_bytes()
    known = {content: parse(content, None)}
    finder._meta_yml_to_dict = lambda data, content_id: known.pop(data, None) or parse(data, content_id)


def begin(cache: Path) -> None:
    """Do in a fork the rest of what Ansible does when it is loaded: create its folder, and synchronize its output."""
    constants: Any = sys.modules["ansible.constants"]
    manager = sys.modules["ansible.config.manager"]
    display = sys.modules["ansible.utils.display"]
    all_own = Path(constants.DEFAULT_LOCAL_TMP).parent
    all_own.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=all_own)
    atexit.register(manager.cleanup_tmp_file, own, warn=True)
    Path(own, "ansiballz_cache").symlink_to(cache)
    constants.DEFAULT_LOCAL_TMP = own
    for stream in (sys.stdout, sys.stderr):
        display._synchronize_textiowrapper(stream, display.Display()._lock)
