"""The token file is read in one way, by whoever reads it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.secret_policy import ALLOW, own_token
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CredentialRejected, SecretFound
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets import token_file
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.token_file import (
    MAX_SIZE,
    NoToken,
    problems,
    read_token,
    text_of,
)
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.copying import install_helper
from ansible_collections.acs.builders.tests.git_server import GitHost, git_host

TOKEN = "own+a/token=of+this-server.of~an-odd_form"
GOOD = {
    "alone": TOKEN.encode(),
    "a line": f"{TOKEN}\n".encode(),
    "CRLF": f"{TOKEN}\r\n".encode(),
    "blanks": f" \t{TOKEN} \n".encode(),
    "an empty line first": f"\n{TOKEN}\n".encode(),
    "empty lines behind": f"{TOKEN}\n\n\r\n".encode(),
    "a byte order mark": b"\xef\xbb\xbf" + f"{TOKEN}\r\n".encode(),
}
BAD = {
    "empty": (b"", r"PAT is empty\."),
    "only lines": (b"\xef\xbb\xbf \n\r\n", r"PAT is empty\."),
    "two lines": (f"{TOKEN}\n{TOKEN}x\n".encode(), r"PAT contains 2 words, but a token is one word\."),
    "an assignment": (f"export PAT={TOKEN}\n".encode(), r"PAT contains 2 words"),
    "UTF-16": (TOKEN.encode("utf-16"), r"PAT is UTF-16 text"),
    "not ASCII": (f"{TOKEN}é\n".encode(), r"PAT contains characters that are not printable ASCII characters\."),
    "a control character": (
        f"{TOKEN}\x1b[0m\n".encode(),
        r"PAT contains characters that are not printable ASCII characters\.",
    ),
    "long": (TOKEN.encode() + b"x" * MAX_SIZE, r"PAT is longer than 4096 bytes"),
}
ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, r"PAT is a directory, not a file with a token\."),
    "pipe": (os.mkfifo, r"PAT is a named pipe, not a file with a token\."),
    "device": (lambda path: path.symlink_to("/dev/zero"), r"PAT is a device, not a file with a token\."),
    "link to nothing": (lambda path: path.symlink_to("gone"), r"PAT is a link to gone, which does not exist\."),
    "loop": (lambda path: path.symlink_to(path), r"PAT cannot be read \(Too many levels of symbolic links\)\."),
    "socket": (lambda path: socket.socket(socket.AF_UNIX).bind(str(path)), r"PAT cannot be read \(No such device"),
}


def refusal(path: Path | str) -> str:
    """Why a file gives no token."""
    with pytest.raises(NoToken) as refused:
        read_token(str(path))
    assert TOKEN[:12] not in str(refused.value)
    return str(refused.value)


def helped(path: Path, host: str = "git.example") -> subprocess.CompletedProcess[str]:
    """What the credential helper of the clone tells Git."""
    return subprocess.run(
        [*install_helper(path.parent / "library"), path, "https", host, "get"],
        input="protocol=https\nhost=git.example\n\n",
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the token file is."""
    return tmp_path / "PAT"


@pytest.fixture
def host(builders: Builders) -> Iterator[GitHost]:
    """A Git host that lets in who has the token, to which the clone of build1 points."""
    git("config", "http.receivepack", "true", cwd=builders.remote)
    with git_host(builders.folder, token=TOKEN) as host:
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
        yield host


@pytest.mark.parametrize("form", GOOD)
def test_white_space_and_byte_order_mark_are_ignored(path: Path, form: str) -> None:
    path.write_bytes(GOOD[form])
    path.chmod(0o600)
    assert (read_token(str(path)), text_of(str(path)), problems(str(path))) == (TOKEN, TOKEN, [])
    link = path.with_name("link")
    link.symlink_to(path)
    assert read_token(str(link)) == TOKEN
    assert helped(link).stdout == f"username=x-access-token\npassword={TOKEN}\n"


@pytest.mark.parametrize("form", BAD)
def test_invalid_content_is_rejected_and_redacted(path: Path, form: str) -> None:
    content, says = BAD[form]
    path.write_bytes(content)
    path.chmod(0o600)
    said = refusal(path)
    assert re.search(says, said), said
    assert [problem.startswith(f"{said} Write only the token") for problem in problems(str(path))] == [True]
    done = helped(path)
    assert (done.stdout, done.stderr) == ("quit=1\n", f"git-credential-pat: {said}\n")
    assert TOKEN in own_token(str(path)) or form in ("empty", "only lines")


@pytest.mark.parametrize("form", ODD)
def test_special_files_are_rejected_without_blocking(path: Path, form: str) -> None:
    make, says = ODD[form]
    make(path)
    said = refusal(path)
    assert re.search(says, said), said
    assert problems(str(path)) == [f"{said} Put a file with the token there."]
    assert text_of(str(path)) == ""
    assert helped(path).stdout == "quit=1\n"


def test_missing_file_is_not_a_problem(path: Path) -> None:
    assert refusal(path) == f"{path} does not exist."
    assert problems(str(path)) == []
    assert refusal("") == "No token file is configured."


def test_unreadable_file_advises_sudo(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(TOKEN)

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(token_file.os, "open", refuse)
    assert problems(str(path)) == [f"{path} cannot be read (Permission denied). Run this as root, with sudo."]


def test_readable_by_others_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(TOKEN)
    path.chmod(0o640)
    (told,) = problems(str(path))
    assert f"(mode 0640). Run 'chmod 600 {path}'" in told
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 12345, 0)
    else:
        monkeypatch.setattr(token_file.os, "geteuid", lambda: 12345)
    (told,) = problems(str(path))
    assert f"belongs to another user (uid {path.stat().st_uid}). Run 'chown root:root {path}'" in told


@pytest.mark.parametrize("form", ["CRLF", "an empty line first", "a byte order mark"])
def test_the_core_uses_it_and_keeps_it_secret(builders: Builders, host: GitHost, path: Path, form: str) -> None:
    path.write_bytes(GOOD[form])
    path.chmod(0o600)
    with builders.host("build1", pat_file=str(path)) as server:
        send(server, Draft("x", "y"), ["build2"])
        with pytest.raises(SecretFound):
            send(server, Draft("x", TOKEN), ["build2"], ALLOW)
        assert not any(str(path) in problem for problem in read_health(server)["problems"])
        path.chmod(0o644)
        assert any("is readable by other users" in problem for problem in read_health(server)["problems"])
    assert set(host.passwords) == {TOKEN}


@pytest.mark.parametrize("form", ["two lines", "pipe", "missing"])
def test_the_core_says_what_is_wrong_with_it(builders: Builders, host: GitHost, path: Path, form: str) -> None:
    if form == "pipe":
        os.mkfifo(path)
    elif form == "two lines":
        path.write_bytes(BAD[form][0])
    said = refusal(path)
    with builders.host("build1", pat_file=str(path)) as server, pytest.raises(CredentialRejected) as refused:
        send(server, Draft("x", "y"), ["build2"])
    assert said in refused.value.what and f"({path}, option pat_file)" in refused.value.remedy
    assert host.passwords == []
