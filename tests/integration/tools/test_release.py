"""Test `make release`: the version, changelog, archive and tag agree, and a refusal changes nothing."""

from __future__ import annotations

import json
import re
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.acs.builders.plugins.module_utils.coordination import __version__
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, copy_checkout, environment, run
from ansible_collections.acs.builders.tests.builders import git

IDENTITY = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
MAJOR = f"{int(__version__.partition('.')[0]) + 1}.0.0"


def commit(folder: Path) -> None:
    """Commit everything, and record that all checks passed on it."""
    git("add", "--all", cwd=folder)
    git(*IDENTITY, "commit", "--quiet", "--message=all", cwd=folder)
    (folder / "tests" / "output").mkdir(exist_ok=True)
    (folder / "tests" / "output" / "passed").write_text(git("rev-parse", "HEAD^{tree}", cwd=folder))


def add_fragment(folder: Path, name: str) -> None:
    """Add a changelog fragment."""
    (folder / "changelogs" / "fragments" / f"{name}.yml").write_text(f"bugfixes:\n  - The error {name} is corrected.\n")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of this checkout with passed checks and one change to release."""
    folder = tmp_path_factory.mktemp("release") / "builders"
    copy_checkout(folder)
    add_fragment(folder, "one")
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    commit(folder)
    return folder


def release(clone: Path, version: str) -> Run:
    """Make a release, as make does."""
    identity = {f"GIT_{role}_{what}": "tester" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    variables = environment(clone.parent / "home", **identity)
    return run(sys.executable, clone / "tools" / "release", version, cwd=clone, variables=variables)


def versions_in(folder: Path) -> set[str]:
    """Return the versions in the files of a checkout."""
    changelog = folder / "changelogs" / "changelog.yaml"
    releases = yaml.safe_load(changelog.read_text())["releases"] if changelog.exists() else {}
    source = (folder / "plugins" / "module_utils" / "coordination" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.*)"$', source, re.MULTILINE)
    versions = {yaml.safe_load((folder / "galaxy.yml").read_text())["version"], found[1] if found else "missing"}
    return versions | set(list(releases)[-1:])


def test_this_checkout_has_one_version() -> None:
    assert versions_in(TOP) == {__version__}


def test_the_places_of_the_collection_are_below_its_repository() -> None:
    galaxy = yaml.safe_load((TOP / "galaxy.yml").read_text())
    places = [galaxy[name] for name in ("repository", "documentation", "homepage", "issues")]
    assert all(place.startswith(galaxy["repository"]) for place in places)


def test_a_release(clone: Path) -> None:
    done = release(clone, MAJOR)
    assert done.code == 0, done.output
    assert f"git push origin main {MAJOR}" in done.stdout
    assert versions_in(clone) == {MAJOR}
    changelog = (clone / "CHANGELOG.md").read_text().replace("\\", "")  # it escapes marks of Markdown
    assert f"## v{MAJOR}" in changelog and "The error one is corrected." in changelog
    assert [path.name for path in (clone / "changelogs" / "fragments").iterdir()] == [".keep"]
    assert git("status", "--porcelain", cwd=clone) == ""
    assert git("rev-parse", f"{MAJOR}^{{commit}}", cwd=clone) == git("rev-parse", "HEAD", cwd=clone)
    assert git("log", "-1", "--format=%s", cwd=clone).strip() == f"Release {MAJOR}"
    with tarfile.open(clone / "build" / f"acs-builders-{MAJOR}.tar.gz") as archive:
        member = archive.extractfile("MANIFEST.json")
        assert member and json.load(member)["collection_info"]["version"] == MAJOR
        assert "CHANGELOG.md" in archive.getnames()
    again = release(clone, MAJOR)
    assert again.code == 1 and f"The version {MAJOR} is not later than {MAJOR}." in again.stderr


@pytest.mark.parametrize(
    ("version", "change", "error"),
    [
        ("1.0", "", "'1.0' is not a version such as 1.2.3"),
        ("v1.0.0", "", "'v1.0.0' is not a version such as 1.2.3"),
        ("0.0.9", "", "The version 0.0.9 is not later than"),
        ("9.0.0", "README.md", "The work tree has changes. Commit or remove them: git status"),
        ("9.0.0", "a new file", "The work tree has changes. Commit or remove them: git status"),
    ],
)
def test_a_refusal_changes_nothing(clone: Path, tmp_path: Path, version: str, change: str, error: str) -> None:
    git("clone", "--quiet", clone, tmp_path / "other")
    if change:
        (tmp_path / "other" / change).write_text("changed")
    before = git("status", "--porcelain", cwd=tmp_path / "other")
    done = release(tmp_path / "other", version)
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"release: {error}")
    assert git("status", "--porcelain", cwd=tmp_path / "other") == before
    assert versions_in(tmp_path / "other") == versions_in(clone)


def test_an_existing_tag_is_refused(clone: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", clone, tmp_path / "other")
    git("tag", "9.0.0", cwd=tmp_path / "other")
    assert "The tag 9.0.0 exists already" in release(tmp_path / "other", "9.0.0").stderr
