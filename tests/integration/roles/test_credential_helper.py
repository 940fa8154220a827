"""Test the credential helper of Git: it returns the token only for one remote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.copying import install_helper

TOKEN = "ghp_" + "T" * 36


@pytest.mark.parametrize(
    ("remote", "asked", "action", "given"),
    [
        ("https git.example", "protocol=https\nhost=git.example", "get", True),
        ("https git.example:8443", "protocol=https\nhost=git.example:8443", "get", True),
        ("http 127.0.0.1:80", "protocol=http\nhost=127.0.0.1:80", "get", True),
        ("http [::1]:80", "protocol=http\nhost=[::1]:80", "get", True),
        ("https git.example", "protocol=https\nhost=git.example", "store", False),
        ("https git.example", "protocol=http\nhost=git.example", "get", False),
        ("https git.example", "protocol=https\nhost=git.example:8443", "get", False),
        ("https git.example", "protocol=https\nhost=evil.example", "get", False),
        ("https git.example", "protocol=https", "get", False),
        ("https git.example", "", "get", False),
        ("http git.example", "protocol=http\nhost=git.example", "get", False),
        ("http 127.0.0.1.evil.example", "protocol=http\nhost=127.0.0.1.evil.example", "get", False),
    ],
)
def test_the_helper_gives_the_token_to_one_remote(
    tmp_path: Path, remote: str, asked: str, action: str, given: bool
) -> None:
    (tmp_path / "P A T").write_text(f"{TOKEN}\n")
    command = [*install_helper(tmp_path / "library"), str(tmp_path / "P A T"), *remote.split(), action]
    done = subprocess.run(command, input=f"{asked}\n\n", capture_output=True, text=True, check=True)
    assert done.stdout == (f"username=x-access-token\npassword={TOKEN}\n" if given else "")


def test_the_helper_gives_nothing_when_there_is_no_token(tmp_path: Path) -> None:
    command = [*install_helper(tmp_path / "library"), str(tmp_path / "PAT"), "https", "git.example", "get"]
    asked = "protocol=https\nhost=git.example\n"
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", f"git-credential-pat: {tmp_path}/PAT does not exist.\n")
