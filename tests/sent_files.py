"""The files that Ansible sends to a server to run a module."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ansible_collections.acs.builders.tests.ansible_runner import ansible, run

PACKAGE = Path("ansible_collections", "acs", "builders", "plugins", "module_utils")


def sent_files(folder: Path, module: str) -> list[str]:
    """Return the files of this collection below module_utils that are sent with a module.

    :param folder: the folder of the embedded servers.
    """
    kept = folder / "sent" / module
    ansible(
        *("adhoc", "build1", "-m", module),
        folder=folder,
        python=sys.executable,
        ANSIBLE_KEEP_REMOTE_FILES="1",
        ANSIBLE_REMOTE_TEMP=kept,
    )
    (archive,) = kept.rglob(f"AnsiballZ_{module}.py")
    exploded = run(sys.executable, archive, "explode", cwd=archive.parent, variables=os.environ)
    assert exploded.code == 0, exploded.output
    package = archive.parent / "debug_dir" / PACKAGE
    return sorted(str(path.relative_to(package)) for path in package.rglob("*.py"))
