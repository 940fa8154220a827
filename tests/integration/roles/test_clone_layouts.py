"""Test clones that are linked work trees, have a separate Git folder, or are shallow."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.integration.roles.clones import (
    UNCHANGED,
    digests,
    diverged,
    kept,
    repair,
    without_time,
)


@pytest.fixture
def clone(builders: Builders) -> Path:
    """Return the clone of build1, which is up to date."""
    builders.commit("shared", b"first\n")
    git("pull", "--quiet", cwd=builders.clone("build1"))
    return builders.clone("build1")


def work_tree(builders: Builders, clone: Path) -> Path:
    """Replace the clone by a work tree of another clone, and return its Git folder."""
    whole = builders.folder / "whole"
    clone.rename(whole)
    git("checkout", "--quiet", "--detach", cwd=whole)
    git("worktree", "add", "--quiet", clone, "main", cwd=whole)
    return whole / ".git" / "worktrees" / "Build"


def separated(builders: Builders, clone: Path) -> Path:
    """Move the Git folder of the clone, and return its path."""
    git("init", "--quiet", f"--separate-git-dir={builders.folder / 'separate'}", cwd=clone)
    return builders.folder / "separate"


def shallow(builders: Builders, clone: Path) -> Path:
    """Replace the clone by one with only the newest commit, and return its Git folder."""
    builders.commit("shared", b"second\n")
    shutil.rmtree(clone)
    git("clone", "--quiet", "--depth=1", f"file://{builders.remote}", clone)
    git("remote", "set-url", "origin", builders.remote, cwd=clone)
    git("config", "user.name", "build1", cwd=clone)
    git("config", "user.email", "build1@localhost", cwd=clone)
    return clone / ".git"


LAYOUTS = (work_tree, separated, shallow)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_good_clone_of_any_layout_is_left_alone(
    builders: Builders, clone: Path, layout: Callable[[Builders, Path], Path]
) -> None:
    layout(builders, clone)
    (clone / "new").write_text("my new file\n")
    assert repair(clone, builders.remote, "--check") == UNCHANGED
    assert repair(clone, builders.remote) == UNCHANGED
    with builders.host("build1") as host:
        send(host, Draft("x", "y"))
        assert host.repository.notes == []
    assert git("rev-parse", "HEAD", cwd=clone) == git("rev-parse", "main", cwd=builders.remote)
    assert git("status", "--porcelain", cwd=clone) == "?? new"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("damage", ["changed", "rebasing", "damaged index", "no index"])
def test_a_bad_clone_of_any_layout_is_repaired(
    builders: Builders, clone: Path, layout: Callable[[Builders, Path], Path], damage: str
) -> None:
    folder = layout(builders, clone)
    if damage in ("changed", "rebasing"):
        diverged(builders, clone)
    if damage == "changed":
        (clone / "shared").write_text("my change\n")
    if damage == "rebasing":
        git("rebase", "origin/main", cwd=clone, check=False)
        assert (folder / "rebase-merge").is_dir()
    if damage in ("damaged index", "no index"):
        (clone / "shared").write_text("my change\n")
        (folder / "index").unlink()
    if damage == "damaged index":
        (folder / "index").write_bytes(b"DIRC garbage")
    (folder / "HEAD.lock").touch()
    os.utime(folder / "HEAD.lock", (time.time() - 3600,) * 2)
    before = digests(folder)
    predicted = repair(clone, builders.remote, "--check")
    assert digests(folder) == before
    done = repair(clone, builders.remote)
    assert [without_time(note) for note in predicted["notes"]] == [without_time(note) for note in done["notes"]]
    assert {"my commit\n" if damage == "rebasing" else "my change\n"} <= kept(clone)
    assert git("rev-parse", "HEAD", cwd=clone) == git("rev-parse", "main", cwd=builders.remote)
    assert git("status", "--porcelain", "--untracked-files=no", cwd=clone) == ""
    assert repair(clone, builders.remote) == UNCHANGED
