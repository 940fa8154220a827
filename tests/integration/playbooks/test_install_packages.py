"""Test the play that installs packages, on embedded servers with a stand-in for the package manager."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.acs.builders.tests.ansible_runner import TASKS, TOP, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.tasks import recorded, recording

ONLY_BUILD1 = ("--limit", "build1")


def install(builders: Builders, *arguments: str, tasks: Path | None = None, **variables: Any) -> Run:
    """Run the play.

    :param tasks: the file in which its tasks are recorded.
    """
    extra, kept = json.dumps(variables), recording(tasks) if tasks else {}
    play = ("playbooks/install_packages.yml", "-e", extra)
    return ansible("playbook", *play, *arguments, folder=builders.folder, **TASKS, **kept)


def reported(builders: Builders, server: str) -> list[tuple[str, str]]:
    """Return the types and first lines of the messages of a server."""
    return [(one["type"], one["body"].splitlines()[0]) for one in builders.messages() if one["from"] == server]


def one_line(done: Run) -> str:
    """Return the output on one line."""
    return " ".join(done.output.replace("\\n", " ").replace("\\'", "'").split())


def check_calls(tasks: Path) -> None:
    """Check that each server has called three modules, and that few tasks have run."""
    ran = recorded(tasks)
    assert [sum(task.modules for task in ran if task.host == server) for server in ("build1", "build2")] == [3, 3]
    assert len([task for task in ran if task.ended != "skipped"]) <= 2 * 17, ran


def test_each_server_reports_to_its_partner_what_has_changed(builders: Builders, tmp_path: Path) -> None:
    """The play needs few module calls: one to install, one to read, and one to report."""
    assert install(builders, tasks=tmp_path / "first", packages=["jq"]).code == 0
    check_calls(tmp_path / "first")
    first = builders.messages()
    assert [(entry["from"], entry["to"], entry["type"]) for entry in sorted(first, key=lambda one: one["from"])] == [
        ("build1", "build2", "info"),
        ("build2", "build1", "info"),
    ]
    facts = {fact["name"]: fact["value"] for fact in first[0]["facts"]}
    assert (facts["jq"], facts["jq aligned"], facts["jq status"]) == ("1.0", "yes", "install ok installed")
    again = install(builders, tasks=tmp_path / "again", packages=["jq"])
    check_calls(tmp_path / "again")
    assert again.code == 0 and again.stdout.count("changed=0") == 2 and builders.messages() == first
    for state in ("absent", "present"):
        assert install(builders, *ONLY_BUILD1, packages=["jq"], state=state).code == 0
    lines = [(kind, line.partition(" on build1")[0]) for kind, line in reported(builders, "build1")]
    assert lines == [
        ("info", "jq version 1.0 is installed"),
        ("info", "jq is not installed"),
        ("info", "jq version 1.0 is installed"),
    ]


def test_a_mismatch_is_a_warning(builders: Builders) -> None:
    versions = "{{ ['jq=1.5'] if inventory_hostname == 'build1' else ['jq=1.6'] }}"
    done = install(builders, packages=versions)
    assert done.code == 0, done.output
    assert "NOT aligned: build2 has 1.6." in done.stdout and "NOT aligned: build1 has 1.5." in done.stdout
    assert [kind for server in builders.ids for kind, _line in reported(builders, server)] == ["warning", "warning"]


def test_nothing_named_is_one_sentence(builders: Builders) -> None:
    done = install(builders)
    assert done.code != 0 and "No packages are named." in done.output
    (advised,) = set(re.findall(r"-e '(\{.*?\})'", done.stdout))
    assert yaml.safe_load(advised) == {"packages": ["libssl-dev"]}


def test_nothing_is_done_anywhere_when_one_server_has_something_that_is_no_package(builders: Builders) -> None:
    for bad, expected in (
        ("{{ ['jq*'] if inventory_hostname == 'build2' else ['jq'] }}", "'jq*' is not the name of a package."),
        (["jq", "jq=1.0"], "A package is listed with two versions."),
        ("jq", "No packages are named."),
    ):
        done = install(builders, packages=bad)
        assert done.code != 0 and expected in one_line(done) and "Traceback" not in done.output
    assert not (builders.folder / "build1" / "packages").exists() and not git("for-each-ref", cwd=builders.remote)


def test_the_packages_of_the_controller_itself_are_left_alone(builders: Builders) -> None:
    done = install(builders, packages=["acs-no-such-package"], state="absent", build_packages_manager="apt")
    assert done.code != 0
    assert "build1 shares the machine of the controller, whose packages are not changed." in one_line(done)
    assert f"-e build_packages_manager={TOP}/playbooks/stand_in" in one_line(done)


def test_check_mode_predicts_and_changes_nothing(builders: Builders) -> None:
    done = install(builders, "--check", *ONLY_BUILD1, packages=["jq"])
    assert done.code == 0, done.output
    assert "jq is not installed on build1." in done.stdout
    assert "The package manager would change this." in done.stdout
    assert not (builders.state("build1") / "series.json").exists()
    assert not (builders.folder / "build1" / "packages").exists()


def test_what_stands_in_the_place_of_a_package_is_reported(builders: Builders) -> None:
    packages = builders.folder / "build1" / "packages"
    packages.mkdir()
    found = {"version": "1:2.39", "status": "install ok installed", "provided_by": "git"}
    (packages / "git-core").write_text(json.dumps(found))
    folder = builders.folder / "virtual"
    folder.mkdir()
    (folder / "apply.yml").write_text("[]")
    (folder / "observe.yml").write_text((TOP / "playbooks/stand_in/observe.yml").read_text())
    for state, expected in (
        ("present", "git version 1:2.39, which provides git-core, is installed on build1."),
        ("absent", "No package git-core is installed. git was not removed; name it to remove it."),
    ):
        done = install(builders, *ONLY_BUILD1, packages=["git-core"], state=state, build_packages_manager=str(folder))
        assert done.code == 0 and expected in done.stdout, done.output
    present, absent = builders.messages()
    assert "git was not removed" in absent["body"]
    assert {fact["name"]: fact["value"] for fact in present["facts"]}["git-core provided by"] == "git"
