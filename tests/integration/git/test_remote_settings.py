"""Test settings of Git that change the remote, the user or the connection: used by all, or refused by name."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CloneInvalid, RemoteUnreachable
from ansible_collections.acs.builders.plugins.module_utils.coordination.git import remote_settings
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import call, module_variables, serve
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import GitHost, git_host
from ansible_collections.acs.builders.tests.running_service import COMMAND, config

TOKEN = "a-token-that-is-only-for-tests"
OTHER = "another-token-that-nobody-may-use"


@pytest.fixture
def host(builders: Builders) -> Iterator[GitHost]:
    """Return a Git host that requires the token, which is the remote of the clone of build1."""
    git("config", "http.receivepack", "true", cwd=builders.remote)
    (builders.folder / "PAT").write_text(f"{TOKEN}\n")
    with git_host(builders.folder, token=TOKEN) as host:
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
        yield host


@pytest.fixture
def home(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home folder of the current user, also for modules."""
    home = builders.folder / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that replaces /etc/gitconfig."""
    monkeypatch.setattr(remote_settings, "SYSTEM_FILE", str(tmp_path / "gitconfig"))
    monkeypatch.setattr(
        "ansible_collections.acs.builders.plugins.module_utils.coordination.git.clone_config.SYSTEM_FILE",
        str(tmp_path / "gitconfig"),
    )
    return tmp_path / "gitconfig"


def run_advice(advice: str, **values: str) -> None:
    """Run the commands of a remedy, with values in place of words in capitals."""
    for command in re.findall(r"(?:: |\()(git .+?)(?:\)\. |$)", advice):
        for name, value in values.items():
            command = command.replace(name, value)
        subprocess.run(command, shell=True, check=True)


REDIRECTING = [
    ("url.http://127.0.0.1:1/.insteadOf", "http://127.0.0.1", "leads to another address"),
    ("url.http://127.0.0.1:1/.pushInsteadOf", "http://127.0.0.1", "leads to another address"),
    ("http.extraHeader", f"Authorization: Bearer {OTHER}", "sends a credential in addition to the token"),
    ("http.http://127.0.0.1:PORT/.extraHeader", f"Authorization: Bearer {OTHER}", "sends a credential"),
    ("http.cookieFile", "/etc/cookies", "sends a credential"),
    ("http.sslVerify", "false", "could send the token to another host"),
    ("http.http://127.0.0.1:PORT/Build.git.sslVerify", "0", "could send the token to another host"),
]


@pytest.mark.parametrize("owner", ["clone", "person", "system"])
@pytest.mark.parametrize(("key", "value", "reason"), REDIRECTING)
def test_what_leads_elsewhere_is_refused_by_name(
    builders: Builders, host: GitHost, home: Path, system: Path, owner: str, key: str, value: str, reason: str
) -> None:
    clone = builders.clone("build1")
    files = {"clone": clone / ".git" / "config", "person": home / ".gitconfig", "system": system}
    name = key.replace("PORT", str(host.server_port))
    git("config", "--file", files[owner], name, value)
    pat_file = str(builders.folder / "PAT")
    with pytest.raises(CloneInvalid) as refused, builders.host("build1", pat_file=pat_file):
        pass
    assert reason in refused.value.what and f" in {files[owner]} " in refused.value.what
    assert "Nothing was sent." in refused.value.what and OTHER not in str(refused.value)
    assert host.requests == []
    run_advice(refused.value.remedy)
    with builders.host("build1", pat_file=pat_file) as server:
        assert list_messages(server, Filter()).messages == []
    assert set(host.passwords) == {TOKEN}


@pytest.mark.parametrize(
    "setting",
    [
        ("url.http://127.0.0.1:1/.insteadOf", "http://git.example/"),
        ("http.http://127.0.0.1:1/.extraHeader", "Authorization: x"),
        ("http.https://*.example/.sslVerify", "false"),
        ("http.http://127.0.0.1:PORT/Other.git.proxy", "http://127.0.0.1:1"),
        ("http.extraHeader", ""),
        ("http.sslVerify", "true"),
        ("http.postBuffer", "1000000"),
        ("alias.x", "!false"),
    ],
)
def test_what_is_for_others_or_changes_nothing_is_no_matter(
    builders: Builders, host: GitHost, home: Path, setting: tuple[str, str]
) -> None:
    key, value = setting
    git("config", "--file", home / ".gitconfig", key.replace("PORT", str(host.server_port)), value)
    with builders.host("build1", pat_file=str(builders.folder / "PAT")) as server:
        assert list_messages(server, Filter()).messages == []


def test_a_setting_of_a_work_tree_counts_where_git_reads_it(builders: Builders, host: GitHost, home: Path) -> None:
    clone = builders.clone("build1")
    settings = clone / ".git" / "config.worktree"
    git("config", "--file", settings, "url.http://127.0.0.1:1/.insteadOf", "http://127.0.0.1")
    with builders.host("build1"):
        pass
    git("config", "extensions.worktreeConfig", "true", cwd=clone)
    with pytest.raises(CloneInvalid, match="leads to another address") as refused, builders.host("build1"):
        pass
    assert f" in {settings} " in refused.value.what
    run_advice(refused.value.remedy)
    git("config", "--worktree", "http.proxy", "http://127.0.0.1:1", cwd=clone)
    with builders.host("build1", pat_file=str(builders.folder / "PAT")) as server, pytest.raises(RemoteUnreachable):
        list_messages(server, Filter())
    assert host.requests == []


def test_a_setting_whose_name_holds_a_password_is_edited(builders: Builders, home: Path) -> None:
    settings = home / ".gitconfig"
    git("config", "--file", settings, "url.https://person:swordfish@git.example/.insteadOf", builders.folder)
    with pytest.raises(CloneInvalid, match="leads to another address") as refused, builders.host("build1"):
        pass
    assert "swordfish" not in str(refused.value)
    assert refused.value.remedy.endswith(f"Remove it: git config --file {settings} --edit")


def test_other_urls_of_the_remote_are_refused(builders: Builders, host: GitHost, home: Path) -> None:
    clone = builders.clone("build1")
    git("config", "remote.origin.pushurl", "http://127.0.0.1:1/Other.git", cwd=clone)
    with pytest.raises(CloneInvalid, match="pushes to another address") as refused, builders.host("build1"):
        pass
    run_advice(refused.value.remedy)
    git("config", "--add", "remote.origin.url", "http://127.0.0.1:1/Other.git", cwd=clone)
    with pytest.raises(CloneInvalid, match="has several URLs") as refused, builders.host("build1"):
        pass
    run_advice(refused.value.remedy, URL=f"{host.url}/Build.git")
    with builders.host("build1") as server:
        assert server.repository.url == f"{host.url}/Build.git"


def test_no_other_credential_is_used(builders: Builders, host: GitHost, home: Path) -> None:
    """Neither of .netrc, nor of a helper of the user or of the clone, nor of a program that asks for one."""
    (home / ".netrc").write_text(f"machine 127.0.0.1 login x password {OTHER}\ndefault login x password {OTHER}\n")
    (home / ".netrc").chmod(0o600)
    helper = f"!f() {{ echo username=x; echo password={OTHER}; }}; f"
    for key in ("credential.helper", f"credential.{host.url}.helper"):
        git("config", "--file", home / ".gitconfig", key, helper)
        git("config", key, helper, cwd=builders.clone("build1"))
    git("config", "--file", home / ".gitconfig", f"credential.{host.url}.username", "person")
    asks = builders.folder / "asks"
    asks.write_text(f"#!/bin/sh\necho {OTHER}\n")
    asks.chmod(0o755)
    variables = {"SSH_ASKPASS": str(asks), "GIT_ASKPASS": str(asks)}
    assert call(builders, "build1", variables=variables).code == 0
    done = builderctl(builders, "read", **variables)
    assert done == 0
    assert set(host.passwords) == {TOKEN}
    (builders.folder / "PAT").unlink()
    failed = call(builders, "build1", variables=variables)
    assert failed.result["reason"] == "credential" and "does not exist" in failed.result["msg"]
    assert set(host.passwords) == {TOKEN}


def builderctl(builders: Builders, *words: str, **variables: str) -> int:
    """Run the command as build1, and return its exit code."""
    settings = str(config(builders, "build1"))
    environment = module_variables(builders, **variables)
    return serve("-m", COMMAND, "--config", settings, *words, cwd=builders.folder, variables=environment).code


def test_a_proxy_of_the_clone_counts_for_all_and_that_of_a_shell_for_none(
    builders: Builders, host: GitHost, home: Path
) -> None:
    clone = builders.clone("build1")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    assert call(builders, "build1", variables=nowhere).code == 0
    assert builderctl(builders, "read", **nowhere) == 0
    host.requests.clear()
    git("config", "http.proxy", "http://127.0.0.1:1", cwd=clone)
    assert (
        call(builders, "build1", state="sent", subject="x", body="y", offline="fail").result["reason"] == "unreachable"
    )
    assert builderctl(builders, "send", "--offline", "fail", "x", "y") == 3
    assert builderctl(builders, "heartbeat", "--once") == 3
    assert host.requests == []
    git("config", "http.proxy", host.url, cwd=clone)  # it also answers requests as a proxy
    git("remote", "set-url", "origin", "http://git.example/Build.git", cwd=clone)
    with builders.host("build1") as server, pytest.raises(Exception, match="credential"):
        list_messages(server, Filter())
    assert any("http://git.example/Build.git" in request for request in host.requests)


def test_a_proxy_of_a_person_is_moved_to_the_clone(builders: Builders, host: GitHost, home: Path) -> None:
    git("config", "--file", home / ".gitconfig", "http.proxy", "http://127.0.0.1:1")
    with pytest.raises(CloneInvalid, match="does not apply to the service") as refused, builders.host("build1"):
        pass
    run_advice(refused.value.remedy, VALUE=host.url)
    assert git("config", "http.proxy", cwd=builders.clone("build1")) == host.url
    with builders.host("build1"):
        pass
    git("config", "http.proxy", "http://person:swordfish@proxy.example", cwd=builders.clone("build1"))
    with pytest.raises(CloneInvalid, match="list of processes") as refused, builders.host("build1"):
        pass
    assert "swordfish" not in str(refused.value) and "git config --system http.proxy VALUE" in refused.value.remedy


def test_a_setting_is_seen_when_it_changes(builders: Builders, home: Path) -> None:
    with builders.host("build1") as server:
        send(server, Draft("x", "y"))
    record = builders.state("build1") / "repos" / "remote.json"
    before = json.loads(record.read_text())
    git("config", "--file", home / ".gitconfig", "user.name", "somebody")
    with builders.host("build1"):
        pass
    assert json.loads(record.read_text())["config"] != before["config"]
    included = home / "included"
    git("config", "--file", home / ".gitconfig", "include.path", included)
    with builders.host("build1"):
        pass
    git("config", "--file", included, "url./nonexistent/.insteadOf", builders.remote)
    with pytest.raises(CloneInvalid, match=str(included)), builders.host("build1"):
        pass


def test_settings_of_a_person_that_this_user_may_not_read_count_for_nobody(
    builders: Builders, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with sudo -u, where HOME is that of another user: Git ignores them, too."""
    read = Path.read_bytes

    def guarded(path: Path) -> bytes:
        if home in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    with builders.host("build1") as server:
        assert list_messages(server, Filter()).messages == []


def test_an_address_that_looks_like_an_option_runs_nothing(builders: Builders) -> None:
    git("config", "remote.origin.url", "--upload-pack=touch ran;:", cwd=builders.clone("build1"))
    with pytest.raises(CloneInvalid, match="begins with a dash"), builders.host("build1"):
        pass
    assert not list(builders.folder.rglob("ran*"))
