"""A cache of the code that Python compiles from zip archives, in which Ansible sends its modules: saves a third of the
time of a module.

Python imports it at its start on the hosts of the rig, except in isolated mode, as for the service.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import zipimport
from types import CodeType
from typing import Any

FOLDER = "/var/cache/compiled"
_compile: Any = zipimport._compile_source  # type: ignore[attr-defined]


def compile_once(path: str, source: bytes) -> CodeType:
    """Compile a source, or return the cached code."""
    kept = os.path.join(FOLDER, hashlib.sha256(source).hexdigest())
    try:
        with open(kept, "rb") as file:
            return marshal.load(file)  # type: ignore[no-any-return]
    except OSError:
        pass
    code: CodeType = _compile(path, source)
    new = f"{kept}.{os.getpid()}"
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    with open(new, "wb") as file:
        marshal.dump(code, file)
    os.rename(new, kept)
    return code


if os.geteuid() == 0 and not sys.flags.isolated:
    zipimport._compile_source = compile_once  # type: ignore[attr-defined]
