"""Test that the record of passed checks applies exactly to the committed files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.builders import git
from checks import passed

IDENTITY = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one commit that replaces this checkout; the record is outside."""
    folder = tmp_path / "checkout"
    git("init", "--quiet", folder)
    (folder / "file").write_text("one")
    git("add", "--all", cwd=folder)
    git(*IDENTITY, "commit", "--quiet", "--message=one", cwd=folder)
    monkeypatch.setattr(passed, "TOP", folder)
    monkeypatch.setattr(passed, "OUTPUT", tmp_path / "output")
    monkeypatch.setattr(passed, "RECORD", tmp_path / "output" / "passed")
    return folder


def test_a_pass_is_recorded_for_what_is_committed(checkout: Path) -> None:
    assert not passed.has_passed()
    passed.record_pass(passed.current_tree())
    assert passed.has_passed()
    git(*IDENTITY, "commit", "--quiet", "--allow-empty", "--message=same files", cwd=checkout)
    assert passed.has_passed()
    (checkout / "file").write_text("two")
    assert not passed.has_passed()
    git(*IDENTITY, "commit", "--quiet", "--all", "--message=two", cwd=checkout)
    assert not passed.has_passed()


def test_files_that_change_during_the_checks_are_not_recorded(checkout: Path) -> None:
    tree = passed.current_tree()
    (checkout / "file").write_text("two")
    passed.record_pass(tree)
    passed.record_pass(passed.current_tree())
    git("checkout", "--quiet", "--", "file", cwd=checkout)
    assert not passed.has_passed()


def test_outside_of_a_repository_nothing_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passed, "TOP", tmp_path)
    monkeypatch.setattr(passed, "RECORD", tmp_path / "passed")
    passed.record_pass(passed.current_tree())
    assert not passed.has_passed()
