"""Test that all readers of the token file read it alike."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.secret_policy import own_token
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets import token_file
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.token_file import (
    problems,
    read_token,
    text_of,
)
from ansible_collections.acs.builders.tests.token_files import BAD, GOOD, ODD, TOKEN, refusal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the token file."""
    return tmp_path / "PAT"


@pytest.mark.parametrize("form", GOOD)
def test_white_space_and_byte_order_mark_are_ignored(path: Path, form: str) -> None:
    path.write_bytes(GOOD[form])
    path.chmod(0o600)
    assert (read_token(str(path)), text_of(str(path)), problems(str(path))) == (TOKEN, TOKEN, [])
    link = path.with_name("link")
    link.symlink_to(path)
    assert read_token(str(link)) == TOKEN


@pytest.mark.parametrize("form", BAD)
def test_invalid_content_is_rejected_and_redacted(path: Path, form: str) -> None:
    content, reason = BAD[form]
    path.write_bytes(content)
    path.chmod(0o600)
    error = refusal(path)
    assert re.search(reason, error), error
    assert [problem.startswith(f"{error} Write only the token") for problem in problems(str(path))] == [True]
    assert TOKEN in own_token(str(path)) or form in ("empty", "only lines")


@pytest.mark.parametrize("form", ODD)
def test_special_files_are_rejected_without_blocking(path: Path, form: str) -> None:
    make, reason = ODD[form]
    make(path)
    error = refusal(path)
    assert re.search(reason, error), error
    assert problems(str(path)) == [f"{error} Put a file with the token there."]
    assert text_of(str(path)) == ""


def test_missing_file_is_not_a_problem(path: Path) -> None:
    assert refusal(path) == f"{path} does not exist."
    assert problems(str(path)) == []
    assert refusal("") == "No token file is configured."


def test_unreadable_file_advises_sudo(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(TOKEN)

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:  # pytest opens files, too
        patched.setattr(token_file.os, "open", refuse)
        found = problems(str(path))
    assert found == [f"{path} cannot be read (Permission denied). Run this as root, with sudo."]


def test_readable_by_others_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(TOKEN)
    path.chmod(0o640)
    (problem,) = problems(str(path))
    assert f"(mode 0640). Run 'chmod 600 {path}'" in problem
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 12345, 0)
    else:
        monkeypatch.setattr(token_file.os, "geteuid", lambda: 12345)
    (problem,) = problems(str(path))
    assert f"belongs to another user (uid {path.stat().st_uid}). Run 'chown root:root {path}'" in problem
