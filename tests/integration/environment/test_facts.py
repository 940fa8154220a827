"""Test the facts of a machine: of this one, and of others that are simulated by programs on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import facts
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.facts import observe
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import ObservationFailed
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.outage import time_over
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

Install = Callable[[str, str], Path]
dpkg_needed = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="not run: needs dpkg-query")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for programs as long as a busy machine needs."""
    for name in ("TIMEOUT", "DPKG_TIMEOUT"):
        monkeypatch.setattr(facts, name, LIMIT)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a shell script first on PATH. Slow programs are replaced by failing ones."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    for slow in ("java", "mvn", "node"):
        write(slow, "exit 1")
    return write


@pytest.fixture
def info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that replaces dpkg's."""
    folder = tmp_path / "info"
    folder.mkdir()
    monkeypatch.setattr(facts, "DPKG_INFO", folder)
    return folder


def lines(*packages: tuple[str, str, str, str], code: int = 0) -> str:
    """Return a script that prints packages as dpkg-query does."""
    table = "".join("\t".join(package) + "\n" for package in packages)
    return f"cat <<'END'\n{table}END\nexit {code}"


def packages(*names: str) -> dict[str, dict[str, Any]]:
    """Return the observed packages with these names; without names, all."""
    found: dict[str, dict[str, Any]] = observe(names or None, [])["packages"]
    return found


def test_the_shape() -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    seen = observe([], [])
    observed = datetime.strptime(seen["observed_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert before <= observed <= datetime.now(timezone.utc)
    assert seen["kernel"] == os.uname().release and seen["machine"] == os.uname().machine
    assert seen["os"] and '"' not in seen["os"]
    assert seen["toolchain"]["git"] == git("--version").split()[2]
    assert 0 < seen["disk"]["free_gb"] < seen["disk"]["total_gb"]
    assert 0 < seen["memory"]["used_gb"] < seen["memory"]["total_gb"]
    assert len(seen["load"]) == 3 and all(load == round(load, 2) for load in seen["load"])
    assert (seen["packages"], seen["commits"]) == ({}, {})


@dpkg_needed
@pytest.mark.usefixtures("install")
def test_the_packages_of_this_machine() -> None:
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${Version} ${db:Status-Status}\n"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    installed = {tuple(line.split()[:2]) for line in shown if line.endswith(" installed")}
    found = packages()
    assert {(name, package["version"]) for name, package in found.items()} <= installed
    assert set(found) == {name for name, _version in installed}
    named = packages("dpkg", "no-such-package", "--version", "*", "", "dpkg:no-arch", "nul\0")
    assert named == {"dpkg": found["dpkg"]}
    listed = datetime.fromtimestamp(Path("/var/lib/dpkg/info/dpkg.list").stat().st_mtime, timezone.utc)
    assert named["dpkg"]["installed_at"] == listed.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert packages("*") == {}


def test_one_line_for_each_architecture(install: Install, info: Path) -> None:
    ok = "install ok installed"
    for name, moment in (("libc6:amd64", 1_795_245_106), ("libc6:i386", 0), ("make", 0)):
        (info / f"{name}.list").touch()
        os.utime(info / f"{name}.list", (moment, moment))
    install("dpkg", "echo amd64")
    both = (("libc6", "2.36-9", ok, "i386"), ("libc6", "2.36-8", ok, "amd64"), ("make", "4.3", ok, "amd64"))
    for shown in (both, both[::-1]):
        install("dpkg-query", lines(*shown))
        found = packages()
        assert found["libc6"] == {
            "version": "2.36-8",
            "status": ok,
            "architecture": "amd64",
            "installed_at": "2026-11-21T07:11:46Z",
        }
        assert found["make"]["installed_at"] == "1970-01-01T00:00:00Z"
    install("dpkg-query", lines(("gone-list", "1", ok, "all")))
    assert packages()["gone-list"]["installed_at"] is None


def test_removed_package_is_returned_by_name(install: Install, info: Path) -> None:
    (info / "ntp.list").touch()
    install(
        "dpkg-query",
        "case $* in *Provides*) exit 0;; esac\n"
        + lines(
            ("ntp", "1:4.2", "deinstall ok config-files", "amd64"),
            ("nano", "", "unknown ok not-installed", ""),
            ("held", "2", "hold ok installed", "all"),
            ("waiting", "3", "install ok triggers-pending", "all"),
            ("broken", "4", "install reinstreq half-installed", "all"),
            code=1,
        ),
    )
    assert set(packages()) == {"held", "waiting"}
    named = packages("ntp", "nano", "held", "waiting", "broken")
    assert set(named) == {"ntp", "held", "waiting", "broken"}
    assert (named["ntp"]["status"], named["ntp"]["installed_at"]) == ("deinstall ok config-files", None)


def test_what_stands_in_the_place_of_a_package_is_reported(install: Install, info: Path) -> None:
    (info / "git.list").touch()
    os.utime(info / "git.list", (0, 0))
    ok = "install ok installed"
    known = lines(("ntp", "1", "deinstall ok config-files", "all"), ("jq", "1.6", ok, "amd64"), code=1)
    provides = (
        ("git", "1:2.39", ok, "amd64", "git-completion, git-core (= 1:2.39)"),
        ("ntpsec", "1.2", ok, "amd64", "ntp"),
        ("removed", "9", "deinstall ok config-files", "all", "nothing, jq"),
        ("jq", "1.6", ok, "amd64", ""),
    )
    table = "".join("\t".join(package) + "\n" for package in provides)
    install("dpkg-query", f"case $* in *Provides*) cat <<'END'\n{table}END\n;; *)\n{known};; esac")
    found = packages("git-core", "ntp", "jq", "nothing")
    assert found["git-core"] == {
        "version": "1:2.39",
        "status": ok,
        "architecture": "amd64",
        "installed_at": "1970-01-01T00:00:00Z",
        "provided_by": "git",
    }
    assert (found["ntp"]["version"], found["ntp"]["provided_by"]) == ("1.2", "ntpsec")
    assert "nothing" not in found and "provided_by" not in found["jq"]


@dpkg_needed
@pytest.mark.usefixtures("install")
def test_installed_provider_is_returned() -> None:
    """Debian's Perl provides perlapi-VERSION, which is no package."""
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Provides}", "perl-base"], check=True, capture_output=True, text=True
    ).stdout
    name = next(one.split()[0] for one in shown.split(", ") if one.startswith("perlapi-"))
    assert packages(name)[name]["provided_by"] == "perl-base"


def test_a_machine_without_dpkg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = observe(None, [str(tmp_path)])
    assert (seen["packages"], seen["toolchain"], seen["commits"]) == ({}, {}, {})


def test_a_dpkg_that_fails(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("dpkg-query", "echo 'error: the database is damaged' >&2; exit 2")
    with pytest.raises(ObservationFailed, match=r"database is damaged\)\. Run 'dpkg --audit'"):
        packages()
    install("dpkg-query", f"exec sleep {LIMIT}")
    monkeypatch.setattr(facts, "DPKG_TIMEOUT", 0.2)
    with pytest.raises(ObservationFailed, match="no result within"):
        packages()


def test_the_toolchain(install: Install) -> None:
    install("java", """printf 'Picked up JAVA_TOOL_OPTIONS: -Xmx1g\\nopenjdk version "17.0.9" 2023-10-17\\n' >&2""")
    install("mvn", "printf '\\033[1mApache Maven 3.8.7\\033[m\\nMaven home: /usr/share/maven\\n'")
    install("git", 'test "$LC_ALL" = C && test "$PWD" = / && echo git version 2.39.5')
    install("python3", "echo Python 3.11.2")
    install("node", "echo v18.19.0")
    versions = {"java": "17.0.9", "maven": "3.8.7", "git": "2.39.5", "python": "3.11.2", "node": "18.19.0"}
    assert observe([], [])["toolchain"] == versions
    assert observe([], [], toolchain=False)["toolchain"] == {}
    install("java", "echo 'version \"1\"'; exit 1")
    install("mvn", "echo no maven here").write_bytes(b"\0")
    install("node", "printf '\\377'")
    assert set(observe([], [])["toolchain"]) == {"git", "python"}


def test_a_program_that_hangs_is_left_out_and_ended_with_its_children(install: Install, tmp_path: Path) -> None:
    pid_file = tmp_path / "child"
    install("java", f"sleep {LIMIT} & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait")
    with time_over("java", pid_file.exists):
        seen = observe([], [])
    assert "java" not in seen["toolchain"] and "git" in seen["toolchain"]
    child = Path("/proc") / pid_file.read_text().strip()
    until(lambda: not child.exists() or ") Z " in (child / "stat").read_text(), "no end of the child")


@pytest.mark.usefixtures("install")
def test_commits(tmp_path: Path) -> None:
    repository, inside, empty = tmp_path / "a b", tmp_path / "a b" / "inside", tmp_path / "empty"
    git("init", "--quiet", "--initial-branch=feature/x", repository)
    git("init", "--quiet", empty)
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    git(*identity, "commit", "--quiet", "--allow-empty", "--message=one", cwd=repository)
    inside.mkdir()
    (tmp_path / "link").symlink_to(repository)
    git("worktree", "add", "--quiet", "--detach", tmp_path / "tree", cwd=repository)
    commit = git("rev-parse", "HEAD", cwd=repository)
    paths = [*map(str, (repository, inside, empty, tmp_path / "link", tmp_path / "tree", tmp_path / "none")), "nul\0"]
    on_branch = {"commit": commit, "branch": "feature/x"}
    assert observe([], paths)["commits"] == {
        str(repository): on_branch,
        str(tmp_path / "link"): on_branch,
        str(tmp_path / "tree"): {"commit": commit, "branch": None},
    }


@pytest.mark.usefixtures("install")
def test_a_git_variable_of_the_caller_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", "--quiet", tmp_path / "a")
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    git(*identity, "commit", "--quiet", "--allow-empty", "--message=one", cwd=tmp_path / "a")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "a" / ".git"))
    assert observe([], [str(tmp_path)])["commits"] == {}


@pytest.mark.usefixtures("install")
@pytest.mark.skipif(os.geteuid() != 0, reason="not run: needs root, to give a repository to another user")
def test_repository_of_another_user_is_omitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    git("init", "--quiet", tmp_path / "a")
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    git(*identity, "commit", "--quiet", "--allow-empty", "--message=one", cwd=tmp_path / "a")
    assert set(observe([], [str(tmp_path / "a")])["commits"]) == {str(tmp_path / "a")}
    for path in (tmp_path / "a", tmp_path / "a" / ".git"):
        os.chown(path, 65534, 65534)
    assert observe([], [str(tmp_path / "a")])["commits"] == {}
