"""Test the token file with the credential helper of the clone, and with a real Git host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.secret_policy import ALLOW
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CredentialRejected, SecretFound
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.copying import install_helper
from ansible_collections.acs.builders.tests.git_server import GitHost, git_host
from ansible_collections.acs.builders.tests.token_files import BAD, GOOD, ODD, TOKEN, refusal


def run_helper(path: Path, host: str = "git.example") -> subprocess.CompletedProcess[str]:
    """Run the credential helper of the clone as Git does."""
    return subprocess.run(
        [*install_helper(path.parent / "library"), path, "https", host, "get"],
        input="protocol=https\nhost=git.example\n\n",
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the token file."""
    return tmp_path / "PAT"


@pytest.fixture
def host(builders: Builders) -> Iterator[GitHost]:
    """Return a Git host that requires the token, which is the remote of the clone of build1."""
    git("config", "http.receivepack", "true", cwd=builders.remote)
    with git_host(builders.folder, token=TOKEN) as host:
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
        yield host


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
    assert host.passwords == [TOKEN] * len(host.requests), "each request was sent once, with the token"


@pytest.mark.parametrize("form", ["two lines", "pipe", "missing"])
def test_the_core_says_what_is_wrong_with_it(builders: Builders, host: GitHost, path: Path, form: str) -> None:
    if form == "pipe":
        os.mkfifo(path)
    elif form == "two lines":
        path.write_bytes(BAD[form][0])
    reason = refusal(path)
    with builders.host("build1", pat_file=str(path)) as server, pytest.raises(CredentialRejected) as refused:
        send(server, Draft("x", "y"), ["build2"])
    assert reason in refused.value.what and f"({path}, option pat_file)" in refused.value.remedy
    assert host.passwords == []


@pytest.mark.parametrize("form", GOOD)
def test_the_helper_gives_a_token_whatever_stands_around_it(path: Path, form: str) -> None:
    path.write_bytes(GOOD[form])
    link = path.with_name("link")
    link.symlink_to(path)
    assert run_helper(link).stdout == f"username=x-access-token\npassword={TOKEN}\n"


@pytest.mark.parametrize("form", BAD)
def test_the_helper_says_why_a_file_gives_none(path: Path, form: str) -> None:
    path.write_bytes(BAD[form][0])
    done = run_helper(path)
    assert (done.stdout, done.stderr) == ("quit=1\n", f"git-credential-pat: {refusal(path)}\n")


@pytest.mark.parametrize("form", ODD)
def test_the_helper_takes_no_token_from_what_is_no_file(path: Path, form: str) -> None:
    ODD[form][0](path)
    assert run_helper(path).stdout == "quit=1\n"
