"""Test the script repair-clone: it updates a damaged clone from the remote without loss of work."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.integration.roles.clones import (
    TOKEN,
    UNCHANGED,
    digests,
    diverged,
    kept,
    rebasing,
    repair,
    without_time,
    write_and_commit,
)

URL = "https://git.example/Build.git"


def changed(builders: Builders, clone: Path) -> None:
    """Diverge, with changes in the work tree and in the index, and a new file."""
    diverged(builders, clone)
    (clone / "shared").write_text("my staged change\n")
    git("add", "shared", cwd=clone)
    (clone / "shared").write_text("my change\n")
    (clone / "new").write_text("my new file\n")


def stashed(builders: Builders, clone: Path) -> None:
    """Leave an interrupted rebase that has stashed changes."""
    (clone / "other").write_text("other\n")
    git("add", "other", cwd=clone)
    diverged(builders, clone)
    (clone / "other").write_text("my change that was put aside\n")
    git("rebase", "--autostash", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/rebase-merge/autostash").is_file()


def merging(builders: Builders, clone: Path) -> None:
    diverged(builders, clone)
    git("merge", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/MERGE_HEAD").is_file()


def picking(builders: Builders, clone: Path) -> None:
    diverged(builders, clone)
    git("cherry-pick", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/CHERRY_PICK_HEAD").is_file()


def detached(builders: Builders, clone: Path) -> None:
    git("checkout", "--quiet", "--detach", cwd=clone)
    write_and_commit(clone, "shared", "my commit\n")
    (clone / "new").write_text("my new file\n")


def damaged_index(builders: Builders, clone: Path) -> None:
    (clone / "shared").write_text("my change\n")
    (clone / ".git/index").write_bytes(b"DIRC garbage")


def no_index(builders: Builders, clone: Path) -> None:
    (clone / "shared").write_text("my change\n")
    (clone / ".git/index").unlink()


def locked(builders: Builders, clone: Path) -> None:
    rebasing(builders, clone)
    for name in ("index.lock", "config.lock", "refs/heads/main.lock"):
        (clone / ".git" / name).touch()
        os.utime(clone / ".git" / name, (time.time() - 3600,) * 2)


Prepare = Callable[[Builders, Path], None]


def blocked(builders: Builders, clone: Path) -> None:
    """Change a file that the remote has changed, so that the clone cannot be updated."""
    builders.commit("shared", b"theirs\n")
    git("fetch", "--quiet", "origin", cwd=clone)
    (clone / "shared").write_text("my change\n")


def half_updated(builders: Builders, clone: Path) -> None:
    """Leave what a killed fast-forward leaves: a lock, and files of the new commit."""
    builders.commit("shared", b"theirs\n")
    git("fetch", "--quiet", "origin", cwd=clone)
    git("checkout", "--quiet", "origin/main", "--", "shared", cwd=clone)
    (clone / ".git/index.lock").touch()
    os.utime(clone / ".git/index.lock", (time.time() - 3600,) * 2)


BAD: dict[Prepare, set[str]] = {
    blocked: {"my change\n"},
    half_updated: {"theirs\n"},
    diverged: {"my commit\n"},
    changed: {"my commit\n", "my change\n", "my staged change\n", "my new file\n"},
    rebasing: {"my commit\n"},
    stashed: {"my commit\n", "my change that was put aside\n"},
    merging: {"my commit\n"},
    picking: {"my commit\n"},
    detached: {"my commit\n", "my new file\n"},
    damaged_index: {"my change\n"},
    no_index: {"my change\n"},
    locked: {"my commit\n"},
}
"""Damages of a clone, and the contents that must be kept."""


@pytest.fixture
def clone(builders: Builders) -> Path:
    """Return the clone of build1, which is up to date."""
    builders.commit("shared", b"first\n")
    git("pull", "--quiet", cwd=builders.clone("build1"))
    return builders.clone("build1")


@pytest.mark.parametrize("prepare", BAD, ids=lambda prepare: prepare.__name__)
def test_a_bad_clone_follows_the_remote_again(builders: Builders, clone: Path, prepare: Prepare) -> None:
    prepare(builders, clone)
    before = digests(clone)
    predicted = repair(clone, builders.remote, "--check")
    assert digests(clone) == before
    done = repair(clone, builders.remote)
    assert predicted["changed"] and done["changed"]
    assert [without_time(note) for note in predicted["notes"]] == [without_time(note) for note in done["notes"]]
    assert BAD[prepare] <= kept(clone), done
    for reference in git("for-each-ref", "--format=%(refname)", "refs/acs-builders", cwd=clone).split():
        assert any(reference in note for note in done["notes"]), done
    assert git("symbolic-ref", "--short", "HEAD", cwd=clone) == "main"
    assert git("rev-parse", "HEAD", cwd=clone) == git("rev-parse", "main", cwd=builders.remote)
    assert git("status", "--porcelain", "--untracked-files=no", cwd=clone) == ""
    assert "rebas" not in git("status", cwd=clone)
    write_and_commit(clone, "next", "next\n")
    git("push", "--quiet", cwd=clone)
    assert repair(clone, builders.remote) == UNCHANGED


def behind_with_changes(builders: Builders, clone: Path) -> None:
    builders.commit("another", b"theirs\n")
    (clone / "shared").write_text("my change\n")


def ahead(builders: Builders, clone: Path) -> None:
    write_and_commit(clone, "shared", "my commit\n")


def on_a_branch(builders: Builders, clone: Path) -> None:
    diverged(builders, clone)
    git("checkout", "--quiet", "-b", "topic", cwd=clone)
    git("branch", "--force", "main", "origin/main", cwd=clone)
    (clone / "new").write_text("my new file\n")


@pytest.mark.parametrize("work", [behind_with_changes, ahead, on_a_branch])
def test_a_clone_where_somebody_works_is_left_alone(builders: Builders, clone: Path, work: Prepare) -> None:
    work(builders, clone)
    status, head = git("status", "--porcelain", cwd=clone), git("rev-parse", "HEAD", cwd=clone)
    assert repair(clone, builders.remote) == UNCHANGED
    assert (git("status", "--porcelain", cwd=clone), git("rev-parse", "HEAD", cwd=clone)) == (status, head)


def test_a_clone_without_commits_is_good(builders: Builders) -> None:
    assert repair(builders.clone("build1"), builders.remote) == UNCHANGED


def test_git_that_works_in_the_clone_is_not_disturbed(builders: Builders, clone: Path) -> None:
    rebasing(builders, clone)
    (clone / ".git/refs/heads/main.lock").touch()
    os.utime(clone / ".git/refs/heads/main.lock", (time.time() - 3600,) * 2)
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=clone, stdin=subprocess.PIPE) as process:
        busy = repair(clone, builders.remote)
        assert process.stdin is not None
        process.stdin.close()
    assert not busy["changed"] and "Git runs in it" in busy["notes"][0]
    assert (clone / ".git/refs/heads/main.lock").exists()
    assert (clone / ".git/rebase-merge").exists()
    (clone / ".git/index.lock").touch()
    assert any("Git runs in it" in note for note in repair(clone, builders.remote)["notes"])
    assert (clone / ".git/rebase-merge").exists()


def no_object(clone: Path) -> None:
    name = git("rev-parse", "HEAD:shared", cwd=clone)
    (clone / ".git/objects" / name[:2] / name[2:]).unlink()


def empty_object(clone: Path) -> None:
    """Empty an object, as a power failure does."""
    name = git("rev-parse", "HEAD", cwd=clone)
    (clone / ".git/objects" / name[:2] / name[2:]).chmod(0o600)
    (clone / ".git/objects" / name[:2] / name[2:]).write_bytes(b"")


def no_content(clone: Path) -> None:
    """Empty the object of a file that only a new index needs."""
    name = git("rev-parse", "HEAD:shared", cwd=clone)
    (clone / ".git/objects" / name[:2] / name[2:]).chmod(0o600)
    (clone / ".git/objects" / name[:2] / name[2:]).write_bytes(b"")
    (clone / "shared").write_text("my change\n")
    (clone / ".git/index").unlink()


def no_head(clone: Path) -> None:
    (clone / ".git/HEAD").write_text("")


def no_branch(clone: Path) -> None:
    (clone / ".git/refs/heads/main").write_text("")


def no_git(clone: Path) -> None:
    (clone / ".git").rename(clone / "git")


@pytest.mark.parametrize("prepare", [no_object, empty_object, no_content, no_head, no_branch, no_git])
def test_what_is_no_clone_is_renamed(builders: Builders, clone: Path, prepare: Callable[[Path], None]) -> None:
    prepare(clone)
    before = {name for name in digests(clone) if "index" not in name}
    assert repair(clone, builders.remote, "--check")["changed"]
    assert clone.exists()
    done = repair(clone, builders.remote)
    (broken,) = clone.parent.glob("Build.broken-*")
    assert any(str(broken) in note for note in done["notes"])
    assert before <= set(digests(broken)) | ({"shared"} if "my change\n" in kept(broken) else set())
    assert not clone.exists()


def test_what_the_old_set_up_left_is_removed(builders: Builders, clone: Path) -> None:
    with_token = f"https://{TOKEN}@git.example/Build.git"
    for name, value in (("remote.origin.url", with_token), ("remote.origin.pushurl", with_token)):
        git("config", name, value, cwd=clone)
    git("config", "credential.helper", "store", cwd=clone)
    git("config", "core.hooksPath", "scripts/hooks", cwd=clone)
    git("config", "--unset", "remote.origin.fetch", cwd=clone)
    git("config", "url./nonexistent/.insteadOf", "https://git.example/", cwd=clone)
    assert repair(clone, URL, "--check", helper="/helper x")["changed"]
    assert TOKEN in (clone / ".git/config").read_text()
    done = repair(clone, URL, helper="/helper x")
    text = "\n".join(done["notes"])
    assert all(word in text for word in ("remote origin", "pushurl", "scripts/hooks", "credential.helper"))
    config = dict(line.partition("=")[::2] for line in git("config", "--local", "--list", cwd=clone).splitlines())
    assert config["remote.origin.url"] == URL
    assert config["remote.origin.fetch"] == "+refs/heads/*:refs/remotes/origin/*"
    assert config["http.followredirects"] == "false"
    assert git("config", "--local", "--get-all", "credential.https://git.example.helper", cwd=clone) == "/helper x"
    assert not {"remote.origin.pushurl", "credential.helper", "core.hookspath"} & set(config)
    assert not [path for path in clone.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert not repair(clone, URL, helper="/helper x")["changed"]
