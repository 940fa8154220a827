"""The tests that a change affects: those that import or name a changed file, directly or indirectly."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from .steps import TOP

COLLECTION = "ansible_collections.acs.builders."
FOLDERS = ("plugins", "roles", "playbooks", "tests/unit", "tests/contract", "tests/integration")
WORD = re.compile(r"[\w-]+(?:\.yml)?")


def touched(changed: Iterable[str]) -> list[str]:
    """Return the test files that use changed files.

    A test also uses what it names: builderctl, a module, a filter, a role, or a playbook as NAME.yml.

    :param changed: paths below the folder of the collection.
    """
    wanted = {TOP / name for name in changed}
    tests = (path for folder in FOLDERS[-3:] for path in (TOP / folder).rglob("test_*.py"))
    return sorted(str(test.relative_to(TOP)) for test in tests if wanted & _used_by(test))


def _used_by(path: Path) -> set[Path]:
    """Return all files that a file uses, directly or indirectly, and the file itself."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += _next(here)
    return found


@cache
def _next(path: Path) -> set[Path]:
    """Return the files that a file imports or names."""
    text = path.read_text(encoding="utf-8", errors="replace")
    words = set() if path.is_relative_to(TOP / "plugins") else set(WORD.findall(text))  # their messages name others
    named = {file for word in words for file in _names().get(word, ())}
    if path.suffix != ".py":
        return named
    shared = {folder / "conftest.py" for folder in path.parents if folder.is_relative_to(TOP / "tests")}
    return {file for file in {*named, *_imports(path, text), *shared} if file.is_file()}


def _imports(path: Path, text: str) -> Iterator[Path]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            folder = list(path.relative_to(TOP).parts[: -node.level]) if node.level else []
            module = ".".join([*folder, *(node.module or "").split(".")]).strip(".")
            modules = [module, *(f"{module}.{name.name}" for name in node.names)]
        else:
            continue
        for module in modules:
            place = module.removeprefix(COLLECTION).replace(".", "/")
            yield from (TOP / f"{place}.py", TOP / place / "__init__.py", TOP / "tools" / f"{place}.py")


@cache
def _names() -> dict[str, list[Path]]:
    """Return the files of each name."""
    names = {"builderctl": [*(TOP / "plugins" / "module_utils" / "builderctl").glob("*.py")]}  # it imports them by name
    for folder in ("modules", "action", "filter"):
        for path in (TOP / "plugins" / folder).glob("[!_]*.py"):
            names.setdefault(path.stem, []).append(path)
    for path in (TOP / "playbooks").glob("*.yml"):
        names[path.name] = [path]
    for role in (TOP / "roles").iterdir():
        names[role.name] = [path for path in role.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return names
