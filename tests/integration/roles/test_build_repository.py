"""Test the role build_repository: a clone with the credential helper, and the repair of an existing clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible_collections.acs.builders.tests.ansible_runner import TASKS, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.integration.roles.clones import (
    TOKEN,
    digests,
    kept,
    rebasing,
    write_and_commit,
)


def play(
    folder: Path,
    url: str,
    hosts: Iterable[str],
    *arguments: str | Path,
    variables: Mapping[str, str] | None = None,
    **depths: int,
) -> Run:
    """Run the role on hosts on this machine.

    :param variables: environment variables of the user.
    :param depths: the variable build_repository_depth of some hosts.
    """
    inventory, playbook = folder / "inventory.json", folder / "play.yml"
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "builders_remote_url": url,
        "builders_repo": f"{folder}/{{{{ inventory_hostname }}}}/Build",
        "builders_state_dir": f"{folder}/{{{{ inventory_hostname }}}}/state",
        "builders_pat_file": f"{folder}/PAT",
        "build_repository_packages": [],
    }
    given = {host: {"build_repository_depth": depths[host]} if host in depths else {} for host in hosts}
    inventory.write_text(json.dumps({"builders": {"hosts": given, "vars": common}}))
    playbook.write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "roles": ["acs.builders.build_repository"]}])
    )
    library = ("--extra-vars", f"build_repository_library={folder}/library")
    options = {"inventory": inventory, "ANSIBLE_PIPELINING": "1", **TASKS, **(variables or {})}
    return ansible("playbook", playbook, *library, *arguments, folder=folder, **options)


def recap(done: Run) -> dict[str, tuple[int, int]]:
    """Return the number of changed and of failed tasks, by host."""
    found = re.findall(r"^(\S+)\s+: ok=.*\bchanged=(\d+).*\bfailed=(\d+)", done.stdout, re.MULTILINE)
    return {host: (int(changed), int(failed)) for host, changed, failed in found}


def test_the_role(builders: Builders) -> None:
    folder, hosts = builders.folder, ("build1", "build2", "build3")
    builders.commit("shared", b"first\n")
    git("config", "http.receivepack", "true", cwd=builders.remote)
    old, broken = builders.clone("build1"), builders.clone("build2")
    git("pull", "--quiet", cwd=old)
    rebasing(builders, old)
    (broken / ".git/HEAD").write_text("")
    (broken / "notes").write_text("mine\n")
    (folder / "PAT").write_text(f"{TOKEN}\n")
    with git_host(folder, token=TOKEN) as host:
        url = f"{host.url}/Build.git"
        git("remote", "set-url", "origin", url.replace("//", f"//{TOKEN}@"), cwd=old)
        before = digests(folder / "build1"), digests(folder / "build2")
        checked = play(folder, url, hosts, "--check", "--diff", "--limit", "build1,build3")
        assert (digests(folder / "build1"), digests(folder / "build2")) == before
        assert not (folder / "build3").exists() and not (folder / "library").exists()
        done = play(folder, url, hosts, "-vvvv", "--diff")
        again = play(folder, url, hosts, "--diff", "--limit", "build2,build3")
        for run in (checked, done):
            assert all(changed and not failed for changed, failed in recap(run).values()), run.output
        assert recap(again) == {"build2": (0, 0), "build3": (0, 0)}, again.output
        assert "refs/acs-builders/rescued/" in done.stdout and "Build.broken-" in done.stdout
        assert "my commit\n" in kept(old)
        assert (next(broken.parent.glob("Build.broken-*")) / "notes").read_text() == "mine\n"
        for server in hosts:
            clone = builders.clone(server)
            assert git("config", "remote.origin.url", cwd=clone) == url
            git("config", "user.name", server, cwd=clone)
            git("config", "user.email", server, cwd=clone)
            git("pull", "--quiet", cwd=clone, GIT_TERMINAL_PROMPT="0")
            write_and_commit(clone, server, "pushed\n")
            variables = {**os.environ, "HOME": str(folder / "home"), "GIT_TRACE": "1", "GIT_TERMINAL_PROMPT": "0"}
            push = subprocess.run(["git", "push"], cwd=clone, env=variables, capture_output=True, text=True, check=True)
            assert "git-credential-pat" in push.stderr and TOKEN not in push.stderr
            assert builders.show(server) == b"pushed\n"
    assert set(host.passwords) == {TOKEN}
    for run in (checked, done, again):
        assert TOKEN not in run.output
    holders = {path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()}
    assert holders == {folder / "PAT"}


def test_what_steers_the_git_of_who_runs_it_counts_for_no_clone(builders: Builders) -> None:
    """The .netrc, settings and variables of the user are ignored, because the service does not have them."""
    builders.commit("shared", b"first\n")
    home = builders.folder / "home"
    (home / "xdg" / "git").mkdir(parents=True)
    (home / ".netrc").write_text("default login x password another-token\n")
    (builders.folder / "PAT").write_text(f"{TOKEN}\n")
    with git_host(builders.folder, token=TOKEN) as host:
        for number, file in enumerate((home / ".gitconfig", home / "xdg" / "git" / "config")):
            git("config", "--file", file, f"url./nonexistent/{number}.insteadOf", host.url)
        variables = {
            "XDG_CONFIG_HOME": str(home / "xdg"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "url./nonexistent/2.insteadOf",
            "GIT_CONFIG_VALUE_0": host.url,
            "GIT_SSL_NO_VERIFY": "a value\nof two lines",
        }
        done = play(builders.folder, f"{host.url}/Build.git", ("build1", "build3"), variables=variables)
    assert [failed for _changed, failed in recap(done).values()] == [0, 0], done.output
    assert "the remote says" not in done.stdout and set(host.passwords) == {TOKEN}
    for server in ("build1", "build3"):
        newest = git("rev-parse", "origin/main", cwd=builders.clone(server))
        assert newest == git("rev-parse", "main", cwd=builders.remote)


def test_a_new_clone_gets_as_much_history_as_asked_for(builders: Builders) -> None:
    for number in range(4):
        builders.commit("shared", f"{number}\n".encode())
    git("config", "http.receivepack", "true", cwd=builders.remote)
    hosts = ("build3", "build4")
    (builders.folder / "PAT").write_text(f"{TOKEN}\n")
    with git_host(builders.folder, token=TOKEN) as host:
        url = f"{host.url}/Build.git"
        done = play(builders.folder, url, hosts, build3=2, build4=0)
        assert [failed for _changed, failed in recap(done).values()] == [0, 0], done.output
        again = play(builders.folder, url, hosts, build3=3, build4=3)
        assert recap(again) == dict.fromkeys(hosts, (0, 0)), again.output
        shallow, whole = map(builders.clone, hosts)
        assert [git("rev-list", "--count", "HEAD", cwd=clone) for clone in (shallow, whole)] == ["2", "4"]
        git("config", "user.name", "person", cwd=shallow)
        git("config", "user.email", "person@localhost", cwd=shallow)
        write_and_commit(shallow, "mine", "pushed\n")
        git("push", "--quiet", cwd=shallow)
    assert builders.show("mine") == b"pushed\n"
    assert git("config", "remote.origin.fetch", cwd=shallow) == "+refs/heads/*:refs/remotes/origin/*"


def test_a_url_with_a_token_is_refused(builders: Builders) -> None:
    done = play(builders.folder, f"https://{TOKEN}@git.example/Build.git", ("build1",), "-vvvv")
    assert recap(done) == {"build1": (0, 1)}
    assert "contains a user or a password" in done.stdout
    assert TOKEN not in done.output
