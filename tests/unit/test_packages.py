"""What came of packages, and whether they are the same on other servers."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.match_packages import match_packages
from ansible_collections.acs.builders.plugins.filter.package_report import package_report
from ansible_collections.acs.builders.plugins.filter.package_specs import package_specs
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import is_allowed, is_safe

OK = "install ok installed"


def found(version: str, status: str = OK) -> dict[str, Any]:
    """What the package database says of a package."""
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
    (told,) = package_report([wanted], observed, state)
    assert (told["name"], told["ok"], told["version"]) == ("jq", ok, version)


def test_output_of_package_manager_after_failure() -> None:
    words = {"jq=1.7": "x" * 2000 + "E: Version '1.7' for 'jq' was not found\n", "git": "E: broken"}
    jq, git = package_report(["jq=1.7", "git"], {"jq": found("1.6"), "git": found("2")}, "present", words)
    assert jq["words"].endswith("was not found") and len(jq["words"]) == 1000
    assert (git["ok"], git["words"]) == (True, ""), "it is there all the same"
    (latest,) = package_report(["git"], {"git": found("2")}, "latest", words)
    assert (latest["ok"], latest["words"]) == (False, "E: broken"), "whether it is the latest, nobody knows"


@pytest.mark.parametrize(("wanted", "state"), [(["-o"], "present"), ([], "present"), (["jq"], "broken")])
def test_invalid_packages_are_rejected(wanted: list[str], state: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"\.$"):
        package_report(wanted, {}, state)


def test_package_versions_on_other_servers() -> None:
    report = package_report(["jq", "git", "gone"], {"jq": found("1.6"), "git": found("2")})
    observed = {"build2": {"jq": found("1.6"), "git": found("3")}}
    matched = match_packages(report, observed)
    assert [one["matches"] for one in matched] == ["yes", "no", "yes"]
    assert [one["versions"] for one in matched] == [{"build2": "1.6"}, {"build2": "3"}, {"build2": ""}]
    told = {"build2": [{"name": "jq", "value": "1.5"}]}
    assert [one["matches"] for one in match_packages(report, {}, told)] == ["no", "unknown", "unknown"]
    assert [one["matches"] for one in match_packages(report, observed, told)] == ["yes", "no", "yes"]
    three = {**observed, "build3": {"jq": found("1.7")}}
    assert match_packages(report, three)[0]["matches"] == "no"


def test_patterns_are_those_of_the_shell_and_match_whole_names() -> None:
    assert is_allowed("libssl-dev", ["lib*-dev"]) and is_allowed("jq", ["git", "jq"])
    assert not is_allowed("libssl-dev-evil", ["lib*-dev"]) and not is_allowed("jq", []) and not is_allowed("jq", ["JQ"])


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="there is no apt here to ask")
def test_final_plus_or_minus_needs_a_package_of_that_name() -> None:
    assert is_safe("jq") and not is_safe("openssh-server-") and not is_safe("no-such-package+")


def test_without_apt_such_a_name_is_never_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert is_safe("jq") and not is_safe("g++")


@pytest.mark.parametrize(
    ("names", "state"),
    [
        *(
            ([name], "present")
            for name in ("lib*", "lib?", "lib[a]", "!lib", "~nlib", "?name(x)", "lib:amd64", "lib/sid")
        ),
        *(
            ([name], "present")
            for name in ("lib>=1.5", "lib=1.*", "lib=", "lib=1 -y", "lib^", "--purge", "./x.deb", "Lib", "", 5)
        ),
        (["lib", "lib=1.0"], "present"),
        (["lib=1.0"], "absent"),
        (["lib=1.0"], "latest"),
        (["lib"], "purged"),
        ("lib", "present"),
        ([], "absent"),
    ],
)
def test_options_and_paths_are_not_packages(names: Any, state: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"\.$"):
        package_specs(names, state)


def test_good_names_are_named_once() -> None:
    assert package_specs(["g++", "jq", "lib=1:2~b+c-1", "jq"]) == ["g++", "jq", "lib=1:2~b+c-1"]
    assert package_specs(["jq"], "absent") == ["jq"]


def test_provided_package_is_present() -> None:
    observed = {"git-core": {**found("1:2.39"), "provided_by": "git"}}
    (present,) = package_report(["git-core"], observed, "present", {"git-core": "E: a virtual package"})
    assert (present["ok"], present["version"], present["provided_by"]) == (True, "1:2.39", "git")
    (absent,) = package_report(["git-core"], observed, "absent")
    assert (absent["ok"], absent["provided_by"]) == (True, "git")
    (version,) = package_report(["git-core=1:2.39"], observed, "present", {"git-core=1:2.39": "E: not found"})
    assert (version["ok"], version["words"]) == (False, "E: not found")


def test_check_mode_predicts_success_without_error() -> None:
    missing, refused, there = package_report(
        ["jq", "nothing", "git"], {"git": found("2")}, "present", {"nothing": "E: Unable to locate"}, True
    )
    assert [(one["ok"], one["predicted"]) for one in (missing, refused, there)] == [
        (True, True),
        (False, False),
        (True, False),
    ]
    (kept,) = package_report(["git"], {"git": found("2")}, "absent", {}, True)
    assert kept["predicted"]
