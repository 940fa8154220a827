"""Test whether packages match those on other servers."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.plugins.filter.match_packages import match_packages
from ansible_collections.acs.builders.plugins.filter.package_report import package_report

OK = "install ok installed"


def found(version: str, status: str = OK) -> dict[str, Any]:
    """Return a package as in the package database."""
    return {"version": version, "status": status, "installed_at": "2026-11-22T07:11:46Z"}


def test_package_versions_on_other_servers() -> None:
    report = package_report(["jq", "git", "gone"], {"jq": found("1.6"), "git": found("2")})
    observed = {"build2": {"jq": found("1.6"), "git": found("3")}}
    matched = match_packages(report, observed)
    assert [one["matches"] for one in matched] == ["yes", "no", "yes"]
    assert [one["versions"] for one in matched] == [{"build2": "1.6"}, {"build2": "3"}, {"build2": ""}]
    answers = {"build2": [{"name": "jq", "value": "1.5"}]}
    assert [one["matches"] for one in match_packages(report, {}, answers)] == ["no", "unknown", "unknown"]
    assert [one["matches"] for one in match_packages(report, observed, answers)] == ["yes", "no", "yes"]
    three = {**observed, "build3": {"jq": found("1.7")}}
    assert match_packages(report, three)[0]["matches"] == "no"
