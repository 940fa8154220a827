"""Test the command builderctl mcp without the SDK that it needs."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import mcp
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the module search path of this process."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def fail(capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, check that it prints an error of one line, and return the error."""
    assert main(["mcp"]) == 5
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    return printed.err.removeprefix("builderctl: ").strip()


def test_without_the_sdk_it_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(mcp, "PYTHON", (3, 9))
    monkeypatch.setattr(metadata, "version", missing)
    error = fail(capsys)
    assert "is not installed. Set build_manager_mcp: true in the inventory" in error
    assert error.endswith("run on the controller: ansible-playbook setup.yml")


def test_another_major_version_of_the_sdk_is_not_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mcp, "PYTHON", (3, 9))
    monkeypatch.setattr(metadata, "version", lambda _name: "1.29.0")
    assert "is version 1.29.0, not 2. Set build_manager_mcp: true" in fail(capsys)


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(mcp, "PYTHON", (99, 0))
    assert "needs Python 99.0 or later, and this server has Python 3." in fail(capsys)
