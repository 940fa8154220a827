"""The role build_repository: a clone through the credential helper, and a bad clone mended without losing anything."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.copying import install_helper
from ansible_collections.acs.builders.tests.git_server import git_host

FILES = TOP / "roles" / "build_repository" / "files"
TOKEN = "ghp_" + "T" * 36
URL = "https://git.example/Build.git"


def mend(clone: Path, url: str | Path, *options: str, helper: str = "") -> dict[str, Any]:
    """Run the script that mends a clone."""
    done = subprocess.run(
        [sys.executable, str(FILES / "repair-clone"), *options, str(clone), str(url), "main", helper],
        env={**os.environ, "GIT_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def without_time(note: str) -> str:
    """A note without the time that is part of a ref's name."""
    return re.sub(r"\d{8}T\d{6}Z", "TIME", note)


def digests(folder: Path) -> dict[str, str]:
    """All files of a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_and_commit(clone: Path, name: str, text: str) -> None:
    """Commit a file in a clone."""
    (clone / name).write_text(text)
    git("add", name, cwd=clone)
    git("commit", "--quiet", "--message", f"mine: {text}", cwd=clone)


def diverged(builders: Builders, clone: Path) -> None:
    """A commit of one's own to a file that the remote changed too."""
    write_and_commit(clone, "shared", "my commit\n")
    builders.commit("shared", b"theirs\n")
    git("fetch", "--quiet", cwd=clone)


def changed(builders: Builders, clone: Path) -> None:
    """The same, with changes in the work tree and in the index, and a new file."""
    diverged(builders, clone)
    (clone / "shared").write_text("my staged change\n")
    git("add", "shared", cwd=clone)
    (clone / "shared").write_text("my change\n")
    (clone / "new").write_text("my new file\n")


def rebasing(builders: Builders, clone: Path) -> None:
    """What the old scripts left when two servers wrote at once."""
    diverged(builders, clone)
    git("rebase", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/rebase-merge").is_dir()


def stashed(builders: Builders, clone: Path) -> None:
    """A rebase that has put changes aside."""
    (clone / "other").write_text("other\n")
    git("add", "other", cwd=clone)
    diverged(builders, clone)
    (clone / "other").write_text("my change that was put aside\n")
    git("rebase", "--autostash", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/rebase-merge/autostash").is_file()


def merging(builders: Builders, clone: Path) -> None:
    diverged(builders, clone)
    git("merge", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/MERGE_HEAD").is_file()


def picking(builders: Builders, clone: Path) -> None:
    diverged(builders, clone)
    git("cherry-pick", "origin/main", cwd=clone, check=False)
    assert (clone / ".git/CHERRY_PICK_HEAD").is_file()


def detached(builders: Builders, clone: Path) -> None:
    git("checkout", "--quiet", "--detach", cwd=clone)
    write_and_commit(clone, "shared", "my commit\n")
    (clone / "new").write_text("my new file\n")


def damaged_index(builders: Builders, clone: Path) -> None:
    (clone / "shared").write_text("my change\n")
    (clone / ".git/index").write_bytes(b"DIRC garbage")


def no_index(builders: Builders, clone: Path) -> None:
    (clone / "shared").write_text("my change\n")
    (clone / ".git/index").unlink()


def locked(builders: Builders, clone: Path) -> None:
    rebasing(builders, clone)
    for name in ("index.lock", "config.lock", "refs/heads/main.lock"):
        (clone / ".git" / name).touch()
        os.utime(clone / ".git" / name, (time.time() - 3600,) * 2)


Spoil = Callable[[Builders, Path], None]


def blocked(builders: Builders, clone: Path) -> None:
    """Local changes of a file that the remote has changed: nothing can be brought up to date."""
    builders.commit("shared", b"theirs\n")
    git("fetch", "--quiet", "origin", cwd=clone)
    (clone / "shared").write_text("my change\n")


def half_updated(builders: Builders, clone: Path) -> None:
    """What a fast-forward leaves whose Git process was killed: a lock, and files of the new commit."""
    builders.commit("shared", b"theirs\n")
    git("fetch", "--quiet", "origin", cwd=clone)
    git("checkout", "--quiet", "origin/main", "--", "shared", cwd=clone)
    (clone / ".git/index.lock").touch()
    os.utime(clone / ".git/index.lock", (time.time() - 3600,) * 2)


BAD: dict[Spoil, set[str]] = {
    blocked: {"my change\n"},
    half_updated: {"theirs\n"},
    diverged: {"my commit\n"},
    changed: {"my commit\n", "my change\n", "my staged change\n", "my new file\n"},
    rebasing: {"my commit\n"},
    stashed: {"my commit\n", "my change that was put aside\n"},
    merging: {"my commit\n"},
    picking: {"my commit\n"},
    detached: {"my commit\n", "my new file\n"},
    damaged_index: {"my change\n"},
    no_index: {"my change\n"},
    locked: {"my commit\n"},
}
"""What makes a clone bad, and what has to be found again."""


@pytest.fixture
def clone(builders: Builders) -> Path:
    """The clone of build1, which has what the remote has."""
    builders.commit("shared", b"first\n")
    git("pull", "--quiet", cwd=builders.clone("build1"))
    return builders.clone("build1")


def kept(clone: Path) -> set[str]:
    """The contents of all files of the commits that were kept."""
    revisions = git("rev-list", "--glob=refs/acs-builders", cwd=clone, check=False).split()
    trees = [git("ls-tree", "-r", revision, cwd=clone) for revision in revisions]
    blobs = {line.split()[2] for tree in trees for line in tree.splitlines()}
    return {git("cat-file", "blob", blob, cwd=clone, check=False) + "\n" for blob in blobs}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_bad_clone_follows_the_remote_again(builders: Builders, clone: Path, spoil: Spoil) -> None:
    spoil(builders, clone)
    before = digests(clone)
    foretold = mend(clone, builders.remote, "--check")
    assert digests(clone) == before
    done = mend(clone, builders.remote)
    assert foretold["changed"] and done["changed"]
    assert [without_time(note) for note in foretold["notes"]] == [without_time(note) for note in done["notes"]]
    assert BAD[spoil] <= kept(clone), done
    for reference in git("for-each-ref", "--format=%(refname)", "refs/acs-builders", cwd=clone).split():
        assert any(reference in note for note in done["notes"]), done
    assert git("symbolic-ref", "--short", "HEAD", cwd=clone) == "main"
    assert git("rev-parse", "HEAD", cwd=clone) == git("rev-parse", "main", cwd=builders.remote)
    assert git("status", "--porcelain", "--untracked-files=no", cwd=clone) == ""
    assert "rebas" not in git("status", cwd=clone)
    write_and_commit(clone, "next", "next\n")
    git("push", "--quiet", cwd=clone)
    assert mend(clone, builders.remote) == {"changed": False, "notes": []}


def behind_with_changes(builders: Builders, clone: Path) -> None:
    builders.commit("another", b"theirs\n")
    (clone / "shared").write_text("my change\n")


def ahead(builders: Builders, clone: Path) -> None:
    write_and_commit(clone, "shared", "my commit\n")


def on_a_branch(builders: Builders, clone: Path) -> None:
    diverged(builders, clone)
    git("checkout", "--quiet", "-b", "topic", cwd=clone)
    git("branch", "--force", "main", "origin/main", cwd=clone)
    (clone / "new").write_text("my new file\n")


@pytest.mark.parametrize("work", [behind_with_changes, ahead, on_a_branch])
def test_a_clone_where_somebody_works_is_left_alone(builders: Builders, clone: Path, work: Spoil) -> None:
    work(builders, clone)
    status, head = git("status", "--porcelain", cwd=clone), git("rev-parse", "HEAD", cwd=clone)
    assert mend(clone, builders.remote) == {"changed": False, "notes": []}
    assert (git("status", "--porcelain", cwd=clone), git("rev-parse", "HEAD", cwd=clone)) == (status, head)


def test_a_clone_without_commits_is_good(builders: Builders) -> None:
    assert mend(builders.clone("build1"), builders.remote) == {"changed": False, "notes": []}


def test_git_that_works_in_the_clone_is_not_disturbed(builders: Builders, clone: Path) -> None:
    rebasing(builders, clone)
    (clone / ".git/refs/heads/main.lock").touch()
    os.utime(clone / ".git/refs/heads/main.lock", (time.time() - 3600,) * 2)
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=clone, stdin=subprocess.PIPE) as process:
        busy = mend(clone, builders.remote)
        assert process.stdin is not None
        process.stdin.close()
    assert not busy["changed"] and "Git runs in it" in busy["notes"][0]
    assert (clone / ".git/refs/heads/main.lock").exists()
    assert (clone / ".git/rebase-merge").exists()
    (clone / ".git/index.lock").touch()
    assert any("Git runs in it" in note for note in mend(clone, builders.remote)["notes"])
    assert (clone / ".git/rebase-merge").exists()


def no_object(clone: Path) -> None:
    name = git("rev-parse", "HEAD:shared", cwd=clone)
    (clone / ".git/objects" / name[:2] / name[2:]).unlink()


def empty_object(clone: Path) -> None:
    """What a power cut leaves."""
    name = git("rev-parse", "HEAD", cwd=clone)
    (clone / ".git/objects" / name[:2] / name[2:]).chmod(0o600)
    (clone / ".git/objects" / name[:2] / name[2:]).write_bytes(b"")


def no_content(clone: Path) -> None:
    """The same, of a file that only a new index needs."""
    name = git("rev-parse", "HEAD:shared", cwd=clone)
    (clone / ".git/objects" / name[:2] / name[2:]).chmod(0o600)
    (clone / ".git/objects" / name[:2] / name[2:]).write_bytes(b"")
    (clone / "shared").write_text("my change\n")
    (clone / ".git/index").unlink()


def no_head(clone: Path) -> None:
    (clone / ".git/HEAD").write_text("")


def no_branch(clone: Path) -> None:
    (clone / ".git/refs/heads/main").write_text("")


def no_git(clone: Path) -> None:
    (clone / ".git").rename(clone / "git")


@pytest.mark.parametrize("spoil", [no_object, empty_object, no_content, no_head, no_branch, no_git])
def test_what_is_no_clone_is_moved_aside(builders: Builders, clone: Path, spoil: Callable[[Path], None]) -> None:
    spoil(clone)
    before = {name for name in digests(clone) if "index" not in name}
    assert mend(clone, builders.remote, "--check")["changed"]
    assert clone.exists()
    done = mend(clone, builders.remote)
    (aside,) = clone.parent.glob("Build.broken-*")
    assert any(str(aside) in note for note in done["notes"])
    assert before <= set(digests(aside)) | ({"shared"} if "my change\n" in kept(aside) else set())
    assert not clone.exists()


def test_what_the_old_set_up_left_is_taken_out(builders: Builders, clone: Path) -> None:
    with_token = f"https://{TOKEN}@git.example/Build.git"
    for name, value in (("remote.origin.url", with_token), ("remote.origin.pushurl", with_token)):
        git("config", name, value, cwd=clone)
    git("config", "credential.helper", "store", cwd=clone)
    git("config", "core.hooksPath", "scripts/hooks", cwd=clone)
    git("config", "--unset", "remote.origin.fetch", cwd=clone)
    git("config", "url./nonexistent/.insteadOf", "https://git.example/", cwd=clone)
    assert mend(clone, URL, "--check", helper="/helper x")["changed"]
    assert TOKEN in (clone / ".git/config").read_text()
    done = mend(clone, URL, helper="/helper x")
    text = "\n".join(done["notes"])
    assert all(word in text for word in ("remote origin", "pushurl", "scripts/hooks", "credential.helper"))
    config = dict(line.partition("=")[::2] for line in git("config", "--local", "--list", cwd=clone).splitlines())
    assert config["remote.origin.url"] == URL
    assert config["remote.origin.fetch"] == "+refs/heads/*:refs/remotes/origin/*"
    assert config["http.followredirects"] == "false"
    assert git("config", "--local", "--get-all", "credential.https://git.example.helper", cwd=clone) == "/helper x"
    assert not {"remote.origin.pushurl", "credential.helper", "core.hookspath"} & set(config)
    assert not [path for path in clone.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert not mend(clone, URL, helper="/helper x")["changed"]


@pytest.mark.parametrize(
    ("remote", "asked", "action", "given"),
    [
        ("https git.example", "protocol=https\nhost=git.example", "get", True),
        ("https git.example:8443", "protocol=https\nhost=git.example:8443", "get", True),
        ("http 127.0.0.1:80", "protocol=http\nhost=127.0.0.1:80", "get", True),
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


def play(
    folder: Path,
    url: str,
    hosts: Iterable[str],
    *arguments: str | Path,
    variables: Mapping[str, str] | None = None,
    **depths: int,
) -> Run:
    """Run the role on hosts of their own on this machine.

    :param variables: those of the environment of who runs it.
    :param depths: the variable build_repository_depth of some of them.
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
    options = {"inventory": inventory, "ANSIBLE_PIPELINING": "1", **(variables or {})}
    return ansible("playbook", playbook, *library, *arguments, folder=folder, **options)


def recap(done: Run) -> dict[str, tuple[int, int]]:
    """How many tasks changed something and how many failed, by host."""
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
    """Their .netrc, settings and variables: the service has none of them."""
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
