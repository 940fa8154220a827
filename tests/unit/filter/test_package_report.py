"""Test the report about the installation of packages."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.package_report import package_report

OK = "install ok installed"


def found(version: str, status: str = OK) -> dict[str, Any]:
    """Return a package as in the package database."""
    return {"version": version, "status": status, "installed_at": "2026-11-22T07:11:46Z"}


@pytest.mark.parametrize(
    ("wanted", "state", "observed", "ok", "version"),
    [
        ("jq", "present", {"jq": found("1.6")}, True, "1.6"),
        ("jq", "present", {}, False, ""),
        ("jq", "present", {"jq": found("1.6", "deinstall ok config-files")}, False, ""),
        ("jq", "present", {"jq": found("1.6", "install ok half-configured")}, False, ""),
        ("jq=1.6", "present", {"jq": found("1.6")}, True, "1.6"),
        ("jq=1.7", "present", {"jq": found("1.6")}, False, "1.6"),
        ("jq", "latest", {"jq": found("1.6", "hold ok installed")}, True, "1.6"),
        ("jq", "absent", {}, True, ""),
        ("jq", "absent", {"jq": found("1.6", "deinstall ok config-files")}, True, ""),
        ("jq", "absent", {"jq": found("1.6")}, False, "1.6"),
    ],
)
def test_a_package_is_as_it_was_wanted_or_not(
    wanted: str, state: str, observed: dict[str, Any], ok: bool, version: str
) -> None:
    (result,) = package_report([wanted], observed, state)
    assert (result["name"], result["ok"], result["version"]) == ("jq", ok, version)


def test_output_of_package_manager_after_failure() -> None:
    words = {"jq=1.7": "x" * 2000 + "E: Version '1.7' for 'jq' was not found\n", "git": "E: broken"}
    jq, git = package_report(["jq=1.7", "git"], {"jq": found("1.6"), "git": found("2")}, "present", words)
    assert jq["words"].endswith("was not found") and len(jq["words"]) == 1000
    assert (git["ok"], git["words"]) == (True, ""), "it is installed nevertheless"
    (latest,) = package_report(["git"], {"git": found("2")}, "latest", words)
    assert (latest["ok"], latest["words"]) == (False, "E: broken"), "it is not known whether it is the latest"


@pytest.mark.parametrize(("wanted", "state"), [(["-o"], "present"), ([], "present"), (["jq"], "broken")])
def test_invalid_packages_are_rejected(wanted: list[str], state: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"\.$"):
        package_report(wanted, {}, state)


def test_provided_package_is_present() -> None:
    observed = {"git-core": {**found("1:2.39"), "provided_by": "git"}}
    (present,) = package_report(["git-core"], observed, "present", {"git-core": "E: a virtual package"})
    assert (present["ok"], present["version"], present["provided_by"]) == (True, "1:2.39", "git")
    (absent,) = package_report(["git-core"], observed, "absent")
    assert (absent["ok"], absent["provided_by"]) == (True, "git")
    (version,) = package_report(["git-core=1:2.39"], observed, "present", {"git-core=1:2.39": "E: not found"})
    assert (version["ok"], version["words"]) == (False, "E: not found")


def test_check_mode_predicts_success_without_error() -> None:
    missing, refused, installed = package_report(
        ["jq", "nothing", "git"], {"git": found("2")}, "present", {"nothing": "E: Unable to locate"}, True
    )
    assert [(one["ok"], one["predicted"]) for one in (missing, refused, installed)] == [
        (True, True),
        (False, False),
        (True, False),
    ]
    (kept,) = package_report(["git"], {"git": found("2")}, "absent", {}, True)
    assert kept["predicted"]
