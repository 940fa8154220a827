"""Test that the texts of errors are complete sentences, and that commands in them can be pasted."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.acs.builders.plugins.module_utils.coordination import errors
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CoordinationError,
    InvalidInput,
    RemoteUnreachable,
    explain,
    sentence,
    unusable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft, check_draft

TOP = Path(__file__).resolve().parents[2]
KINDS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
PROGRAMS = ("dpkg-query ", "ssh-keygen ")
PARTS = {"DocumentDamaged"}
"""Errors that compose their text from their arguments."""
COMMAND = re.compile(r": (apt-get|builderctl|ansible-playbook|fuser|git|systemctl) [^']*$")
"""A command at the end of a text."""


def texts() -> Iterator[tuple[str, int, str]]:
    """Yield the texts of errors in the source: place, number of the argument, text with {} for values."""
    for path in sorted((TOP / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS - PARTS:
                for number, argument in enumerate(node.args):
                    if isinstance(argument, (ast.Constant, ast.JoinedStr)):
                        yield f"{path.name}:{node.lineno}", number, as_text(argument)


def as_text(node: ast.expr) -> str:
    """Return a text with {} for each value in it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(as_text(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "{}"


def test_advice_can_be_pasted() -> None:
    found = list(texts())
    assert len(found) > 150
    for where, _number, text in found:
        assert "…" not in text, f"{where}: the command is not complete: {text}"
        assert not re.search(r"\bsay '", text), f"{where}: the option is not named: {text}"
        command = COMMAND.search(text)
        assert not (command and text.endswith(".")), f"{where}: the full stop is part of the command: {text}"


def test_texts_are_sentences() -> None:
    for where, number, text in texts():
        if text != "{}":
            assert text[0].isupper() or text.startswith(("{}", "'", "-", *PROGRAMS)), f"{where}: {text}"
            assert number == 0 or text.endswith((".", "}")) or COMMAND.search(text), f"{where}: {text}"


@pytest.mark.parametrize(
    ("output", "whole"),
    [("it says no", "it says no."), ("it says no.\n", "it says no."), ("really?", "really?"), ("cut …", "cut …")],
)
def test_output_of_programs_gets_a_full_stop(output: str, whole: str) -> None:
    assert sentence(output) == whole
    assert str(RemoteUnreachable(output, "Try again later.")) == f"{whole} Try again later."


@pytest.mark.parametrize(
    ("number", "user", "advice"),
    [
        *((errno.ENOSPC, 0, "Free disk space"), (errno.EISDIR, 0, "Correct that")),
        *((errno.EACCES, 1000, "as root"), (errno.EACCES, 0, "chown root:root /some/file")),
    ],
)
def test_error_of_the_system_has_a_remedy(number: int, user: int, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    error = OSError(number, "It cannot be", "/some/file")
    assert str(unusable(error)).startswith("/some/file: It cannot be. ")
    assert advice in unusable(error).remedy
    assert explain(error) == str(unusable(error))
    assert unusable(error, Path("/the/file")).what == "/the/file: It cannot be."
    assert str(unusable(BrokenPipeError())).startswith("BrokenPipeError. ")


def advice(draft: Draft) -> str:
    """Return the remedy for a draft that cannot be sent."""
    with pytest.raises(InvalidInput) as refusal:
        check_draft(draft)
    return refusal.value.remedy


def test_advised_options_are_accepted() -> None:
    """They are written as in a play."""
    remedy = advice(Draft("x", "y", facts=({"name": "git"},)))
    (facts,) = re.findall(r"facts=(\[.*\])", remedy)
    remedy = advice(Draft("x", "y", request={}))
    (request,) = re.findall(r"request=(\{.*\})", remedy)
    check_draft(Draft("x", "y", facts=tuple(yaml.safe_load(facts)), request=yaml.safe_load(request)))


def test_every_error_has_a_kind() -> None:
    assert all(getattr(errors, name).kind for name in KINDS if issubclass(getattr(errors, name), CoordinationError))
