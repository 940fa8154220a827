"""Fixture: system folders that a test can write to."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

COVERED = ("/root", "/var/lib", "/var/log", "/etc", "/usr/local")
"""Folders that the set-up writes to; each is covered with an overlay."""

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
    """Return a command prefix that runs a command with overlays on these folders, removed when it ends."""
    layers.mkdir(exist_ok=True)
    script = COVER.format(layers=shlex.quote(str(layers)), covered=" ".join(COVERED))
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


@pytest.fixture
def covered(tmp_path: Path) -> list[str]:
    """Return the command prefix, or skip the test if overlays are not available."""
    need = "needs root, unshare(1) and overlay mounts, to write to the default paths of a server"
    if os.geteuid() != 0:
        pytest.skip(f"not run: {need}; this user is not root")
    try:
        tried = subprocess.run([*cover(tmp_path / "layers"), "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"not run: {need} ({error})")
    if tried.returncode != 0:
        pytest.skip(f"not run: {need} ({tried.stderr.strip()})")
    return cover(tmp_path / "layers")
