"""Copies of servers that were created once, with their state."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from ansible_collections.acs.builders.tests.builders import Builders, git

TOP = Path(__file__).resolve().parent.parent


def scratch_folder() -> Path:
    """Return an empty folder for servers to copy; it is removed when this process ends."""
    scratch = tempfile.TemporaryDirectory(prefix="servers-")
    atexit.register(scratch.cleanup)
    return Path(scratch.name).resolve()


def copy_of(template: Builders, folder: Path) -> Builders:
    """Copy servers with their remote and their state."""
    shutil.copytree(template.folder, folder, symlinks=True, dirs_exist_ok=True)
    copy = Builders(folder, template.ids)
    for config in folder.glob("*/Build/.git/config"):
        config.write_text(config.read_text().replace(str(template.remote), str(copy.remote)))
        git("update-index", "--refresh", cwd=config.parent.parent)
    old, new = (hashlib.sha256(str(one.remote).encode()).hexdigest()[:16] for one in (template, copy))
    for kept in folder.glob(f"*/state/repos/{old}.*"):
        kept.rename(kept.with_name(kept.name.replace(old, new)))
    return copy


def install_helper(folder: Path) -> list[str]:
    """Copy Git's credential helper to a folder as the role does, and return the first words of its command."""
    folder.mkdir(exist_ok=True)
    for file in (
        "roles/build_repository/files/git-credential-pat",
        "plugins/module_utils/coordination/secrets/token_file.py",
    ):
        shutil.copy(TOP / file, folder)
    return [sys.executable, str(folder / "git-credential-pat")]
