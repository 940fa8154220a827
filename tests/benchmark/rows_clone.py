"""The cost of clones with more and less history, of a repository with 100,000 commits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ansible_collections.acs.builders.tests.benchmark.history import add_commits
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, seconds_of
from ansible_collections.acs.builders.tests.builders import git, make_builders

MEGABYTE = 10**6
KINDS = {
    "all": (),
    "all, blob:none": ("--filter=blob:none",),
    "depth 1000": ("--depth=1000", "--no-single-branch"),
    "depth 1": ("--depth=1", "--no-single-branch"),
}


def size(clone: Path) -> int:
    """Return the bytes of the Git folder of a clone."""
    return sum(path.stat().st_size for path in (clone / ".git").rglob("*") if path.is_file())


def clones(scale: Scale) -> list[Result]:
    """Clone over file:// with more and less history."""
    remote = make_builders(scale.folder, (), legacy=True).remote
    commits = scale.pick(100_000, 50)
    add_commits(remote, commits)
    git("config", "uploadpack.allowFilter", "true", cwd=remote)
    results = []
    for kind, options in KINDS.items():
        clone = scale.folder / kind.replace(" ", "-")
        took = seconds_of(partial(git, "clone", "--quiet", *options, f"file://{remote}", clone))
        detail = {"commits": commits, "MB": round(size(clone) / MEGABYTE, 2)}
        results.append(Result(f"clone of {commits:,} commits, {kind}: time", took, "s", detail=detail))
        results.append(Result(f"clone of {commits:,} commits, {kind}: size", size(clone) / MEGABYTE, "MB"))
    return results


ROWS = (Row("clone", clones),)
