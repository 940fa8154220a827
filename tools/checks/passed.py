"""The record of the newest commit on which all checks passed."""

from __future__ import annotations

import subprocess

from .steps import OUTPUT, TOP

RECORD = OUTPUT / "passed"


def current_tree() -> str:
    """Return the hash of the committed files; an empty text if the work tree differs from them."""
    changes = _git("status", "--porcelain")
    return "" if changes is None or changes else _git("rev-parse", "HEAD^{tree}") or ""


def record_pass(tree: str) -> None:
    """Record that all checks passed, if the files did not change.

    :param tree: the result of :func:`current_tree` before the checks.
    """
    if tree and tree == current_tree():
        OUTPUT.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(f"{tree}\n", encoding="utf-8")


def has_passed() -> bool:
    """Return whether all checks have passed on the current commit, without changes in the work tree."""
    return RECORD.exists() and RECORD.read_text(encoding="utf-8").strip() == current_tree() != ""


def _git(*words: str) -> str | None:
    """Return the output of Git; None if it fails, as outside of a repository."""
    done = subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.strip()
