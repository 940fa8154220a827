"""A machine whose system folders a test may write to."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

COVERED = ("/root", "/var/lib", "/var/log", "/etc", "/usr/local")
"""Folders that the set-up writes to; each is covered with one of its own, through which the real one shows."""

COVER = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs {layers}
for folder in {covered}; do
    layer={layers}$folder
    mkdir -p $layer/upper $layer/work
    mount -t overlay overlay -o lowerdir=$folder,upperdir=$layer/upper,workdir=$layer/work $folder
done
for folder in /root/Build /var/lib/acs-builders /etc/acs-builders; do
    if [ -d $folder ]; then mount -t tmpfs tmpfs $folder; fi
done
rm -rf /etc/build_server_id /usr/local/lib/acs-builders /usr/local/bin/builderctl
exec "$@"
"""


def cover(layers: Path) -> list[str]:
    """The beginning of a command that runs with its own version of these folders, gone when it ends."""
    layers.mkdir(exist_ok=True)
    script = COVER.format(layers=shlex.quote(str(layers)), covered=" ".join(COVERED))
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


@pytest.fixture
def covered(tmp_path: Path) -> list[str]:
    """The same, where it can be done."""
    need = "needs root, unshare(1) and overlay mounts, for the paths of a real server are written to behind a cover"
    if os.geteuid() != 0:
        pytest.skip(f"not run: {need}; this user is not root")
    try:
        tried = subprocess.run([*cover(tmp_path / "layers"), "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"not run: {need} ({error})")
    if tried.returncode != 0:
        pytest.skip(f"not run: {need} ({tried.stderr.strip()})")
    return cover(tmp_path / "layers")
